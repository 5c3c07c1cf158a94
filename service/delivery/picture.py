"""The newest scored picture of a stream, for people to look at."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from models.arrays import Float32, Image
from service.contracts.score import ScoreMessage
from service.errors import NO_PICTURE, Conflict
from service.pipeline.scored import ScoredFrame
from service.presentation.overlay import draw, encode_jpeg, worth_heat


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


@dataclass(frozen=True, slots=True)
class _Shown:
    """Of a scored frame only what is drawn: it also holds the windows that its heads looked at, megabytes each."""

    image: Image
    captured_at: float
    heat: Float32 | None
    message: ScoreMessage


class LivePicture:
    """Keeps the newest frame of a stream; encodes it once, and only when someone looks. Thread-safe."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._shown: _Shown | None = None
        self._encoded: dict[bool, Picture] = {}
        self._encoding = threading.Lock()
        self._closed = False

    def show(self, frame: ScoredFrame, message: ScoreMessage) -> None:
        """Put a newer frame in place.

        Args:
            frame: Scored.
            message: Its own.
        """
        with self._changed:
            self._shown = _Shown(frame.source.frame.image, frame.source.frame.captured_at, frame.heat, message)
            self._changed.notify_all()

    def clear(self) -> None:
        """Show nothing: the stream is not delivering. An old picture is never shown as the present one."""
        with self._changed:
            self._shown = None
            self._encoded.clear()
            self._changed.notify_all()

    def close(self) -> None:
        """Show nothing ever again, and let all who wait go."""
        with self._changed:
            self._closed = True
            self._shown = None
            self._encoded.clear()
            self._changed.notify_all()

    def get(self, overlay: bool) -> Picture:
        """The newest picture, with or without boxes.

        Raises:
            Conflict: If the stream is not delivering pictures.
        """
        with self._changed:
            shown = self._shown
        if shown is None:
            msg = "There is no picture to show: the camera is sending none."
            raise Conflict(NO_PICTURE, msg)
        return self._encode(shown, overlay)

    def wait(self, overlay: bool, after: int, timeout: float) -> Picture | None:
        """The newest picture with a seq above ``after``, or None if none came within ``timeout`` seconds."""
        deadline = time.monotonic() + timeout
        with self._changed:
            while not self._closed and (self._shown is None or self._shown.message.seq <= after):
                if not self._changed.wait(deadline - time.monotonic()) and time.monotonic() >= deadline:
                    return None
            shown = self._shown
        return None if shown is None else self._encode(shown, overlay)

    def _encode(self, shown: _Shown, overlay: bool) -> Picture:
        message = shown.message
        with self._encoding:
            known = self._encoded.get(overlay)
            if known is not None and known.seq == message.seq:
                return known
            image = shown.image
            if overlay:
                heat = shown.heat if worth_heat(message.score, message.threshold) else None
                image = draw(image, message.objects, message.threshold, heat)
            picture = Picture(encode_jpeg(image), message.seq, shown.captured_at)
            with self._changed:
                if self._shown is not None:
                    self._encoded[overlay] = picture
            return picture
