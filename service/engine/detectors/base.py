"""The interface of a detector."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from models.observation import Objects
from service.ingest.frame import PreparedFrame


class Detector(Protocol):
    """Finds objects in frames of any streams, in one batch. Holds no state of any stream."""

    name: str
    names: tuple[str, ...]

    def detect(self, frames: Sequence[PreparedFrame]) -> list[Objects]:
        """The objects of each frame, none of them tracked yet."""
        ...

    def close(self) -> None:
        """Free the session and its buffers. Idempotent."""
        ...
