"""The last frames of the whole picture, small: gathered where frames arrive, so that none that is due is lost."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping

import cv2
import numpy as np

from models.arrays import Float32, Image
from models.inputs import FrameWindow, Window
from service.ingest.flow import DenseFlow
from service.ingest.timeline import Cadence

MAX_STEP_S = 1.0
"""Frames further apart than this show nothing that goes on from one to the next, unless the window asks for such steps:
a gap of the source's own epoch, as where frames came damaged until the next key frame."""


def longest_step(wanted: FrameWindow) -> float:
    """Seconds between two frames beyond which a window begins anew."""
    return max(MAX_STEP_S, 2.0 * wanted.interval)


class WindowBuffer:
    """The frames of one ``FrameWindow`` in one epoch of one stream. Not thread-safe."""

    def __init__(self, wanted: FrameWindow) -> None:
        """Gather what is wanted; nothing yet."""
        self._wanted = wanted
        self._cadence = Cadence(1.0 / wanted.interval)
        self._max_step = longest_step(wanted)
        self._flow = DenseFlow() if wanted.flow else None
        self._frames: deque[tuple[float, Image]] = deque(maxlen=wanted.length)
        self._flows: deque[Float32] = deque(maxlen=max(1, wanted.length - 1))
        self._grey: Image | None = None
        self._index = -1
        self._window: Window | None = None

    def see(self, picture: Callable[[], Image], pts: float) -> None:
        """Take in a decoded frame, if it is due.

        Args:
            picture: Gives it, ``(H, W, 3)`` BGR of any size; called only if it is due.
            pts: Presentation time in seconds, greater than in the call before.
        """
        if not self._cadence.due(pts):
            return
        if self._frames and pts - self._frames[-1][0] > self._max_step:
            self._begin_anew()
        height, width = self._wanted.size
        # Averaged where it shrinks: sampling lets fine texture flicker from frame to frame.
        frame = np.asarray(cv2.resize(picture(), (width, height), interpolation=cv2.INTER_AREA), np.uint8)
        if self._flow is not None:
            earlier, self._grey = self._grey, np.asarray(cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY), np.uint8)
            if earlier is not None:
                self._flows.append(self._flow.compute(earlier, self._grey))
        self._frames.append((pts, frame))
        self._index += 1

    def _begin_anew(self) -> None:
        """Forget the frames, but go on counting: evaluations are counted by the same numbers."""
        self._frames.clear()
        self._flows.clear()
        self._grey = None
        self._window = None

    def window(self) -> Window | None:
        """The newest frames as one, anew every ``stride`` of them; None while there are too few."""
        complete = len(self._frames) == self._wanted.length
        if complete and (self._window is None or self._index - self._window.index >= self._wanted.stride):
            self._window = Window(
                np.stack([frame for _, frame in self._frames]),
                np.stack(self._flows) if self._wanted.flow else None,
                np.array([pts for pts, _ in self._frames]),
                self._index,
            )
        return self._window


class WindowBuffers:
    """The windows that the heads of one stream want. Not thread-safe."""

    def __init__(self, wanted: Iterable[FrameWindow]) -> None:
        """Gather what is wanted; equal declarations share one buffer."""
        self._wanted = tuple(dict.fromkeys(wanted))
        self.reset()

    def reset(self) -> None:
        """Begin anew, as after a gap."""
        self._buffers = {wanted: WindowBuffer(wanted) for wanted in self._wanted}

    def see(self, picture: Callable[[], Image], pts: float) -> None:
        """Take in a decoded frame; arguments as for ``WindowBuffer.see``."""
        for buffer in self._buffers.values():
            buffer.see(picture, pts)

    def windows(self) -> Mapping[FrameWindow, Window | None]:
        """What there is of each; None where frames are still too few."""
        return {wanted: buffer.window() for wanted, buffer in self._buffers.items()}
