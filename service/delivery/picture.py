"""The newest scored picture of a stream, for people to look at."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from service.errors import NO_PICTURE, Conflict
from service.pipeline.scored import ScoredFrame, display
from service.presentation.message import scored_objects
from service.presentation.overlay import draw, encode_jpeg


@dataclass(frozen=True, slots=True)
class Picture:
    """A JPEG and the score message that it belongs to.

    Attributes:
        jpeg: The encoded picture.
        seq: ``seq`` of the frame's score message.
        captured_at: Wall clock of capture, Unix seconds.
    """

    jpeg: bytes
    seq: int
    captured_at: float


class LivePicture:
    """Keeps the newest frame of a stream; encodes it once, and only when someone looks. Thread-safe."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._frame: ScoredFrame | None = None
        self._seq = 0
        self._encoded: dict[bool, Picture] = {}
        self._encoding = threading.Lock()
        self._closed = False

    def show(self, frame: ScoredFrame, seq: int) -> None:
        """Put a newer frame in place."""
        with self._changed:
            self._frame, self._seq = frame, seq
            self._changed.notify_all()

    def clear(self) -> None:
        """Show nothing: the stream is not delivering. An old picture is never shown as the present one."""
        with self._changed:
            self._frame = None
            self._encoded.clear()
            self._changed.notify_all()

    def close(self) -> None:
        """Show nothing ever again, and let all who wait go."""
        with self._changed:
            self._closed = True
            self._frame = None
            self._encoded.clear()
            self._changed.notify_all()

    def get(self, overlay: bool) -> Picture:
        """The newest picture, with or without boxes.

        Raises:
            Conflict: If the stream is not delivering pictures.
        """
        with self._changed:
            frame, seq = self._frame, self._seq
        if frame is None:
            msg = "expected a stream that delivers pictures; this one has none to show now"
            raise Conflict(NO_PICTURE, msg)
        return self._encode(frame, seq, overlay)

    def wait(self, overlay: bool, after: int, timeout: float) -> Picture | None:
        """The newest picture with a seq above ``after``, or None if none came within ``timeout`` seconds."""
        deadline = time.monotonic() + timeout
        with self._changed:
            while not self._closed and (self._frame is None or self._seq <= after):
                if not self._changed.wait(deadline - time.monotonic()) and time.monotonic() >= deadline:
                    return None
            frame, seq = self._frame, self._seq
        return None if frame is None else self._encode(frame, seq, overlay)

    def _encode(self, frame: ScoredFrame, seq: int, overlay: bool) -> Picture:
        with self._encoding:
            known = self._encoded.get(overlay)
            if known is not None and known.seq == seq:
                return known
            image = frame.source.frame.image
            if overlay:
                threshold = None if frame.threshold is None else display(frame.threshold)
                image = draw(image, scored_objects(frame), threshold)
            picture = Picture(encode_jpeg(image), seq, frame.source.frame.captured_at)
            with self._changed:
                if self._frame is not None:
                    self._encoded[overlay] = picture
            return picture
