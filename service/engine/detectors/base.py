"""The interface of a detector."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from models.observation import Objects
from service.frames import PreparedFrame


class Detector(Protocol):
    """Finds objects in frames of any streams, in one batch. Holds no state of any stream.

    Attributes:
        name: What profiles remember it by.
        names: Its class names.
        recognises: Whether a class says what an object is; False for a detector of whatever moves.
    """

    name: str
    names: tuple[str, ...]
    recognises: bool

    def detect(self, frames: Sequence[PreparedFrame]) -> list[Objects]:
        """The objects of each frame, none of them tracked yet."""
        ...

    def close(self) -> None:
        """Free the session and its buffers. Idempotent."""
        ...
