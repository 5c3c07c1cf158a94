"""One live stream from its source to prepared frames."""

from __future__ import annotations

from service.ingest.playback import read_all

__all__ = ["read_all"]
