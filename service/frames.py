"""A decoded picture with its three clocks, what can be seen in it, and the work that ingest did on it."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from models.arrays import Float32, Mask
from models.inputs import FrameWindow, Window
from models.observation import Changes, Motion, SceneChange


@dataclass(frozen=True, slots=True)
class Frame:
    """A decoded picture.

    Attributes:
        index: Counts the decoded frames of this decoder, from 0, including those never looked at.
        pts: Presentation time in seconds, strictly increasing within an epoch. Intervals come from it.
        captured_at: Wall clock (Unix seconds) of capture: RTCP's when known, else of arrival, less what it was late.
        arrived: Monotonic clock at arrival, or when it was let go on after it had been held back. Latencies come from
            it.
        image: ``(H, W, 3)`` uint8, BGR, at the working resolution.
        late: Seconds by which it was behind the present then, as far as that is known.
    """

    index: int
    pts: float
    captured_at: float
    arrived: float
    image: NDArray[np.uint8]
    late: float = 0.0

    @property
    def happened(self) -> float:
        """Monotonic clock at capture, as far as it is known. No jump of the wall clock moves it."""
        return self.arrived - self.late


class Blindness(StrEnum):
    """Why a picture says nothing, though it arrives."""

    FROZEN = "frozen"
    BLACK = "black"
    WHITE = "white"
    COVERED = "covered"
    OUT_OF_FOCUS = "out_of_focus"


@dataclass(frozen=True, slots=True)
class Sight:
    """What can be seen in a frame.

    Attributes:
        blind: Why nothing can; None while something can.
        for_s: Seconds of presentation time that this has lasted.
        hidden: Whether nothing can be seen at this moment, if not for long enough to call it blind.
        doubtful: Whether the stream may turn out to have been blind in this frame: what is learned of it waits.
        settled: Whether the ground behind what moves has been watched for long enough; see ``SETTLING_S`` in
            ``service.ingest.background``.
    """

    blind: Blindness | None = None
    for_s: float = 0.0
    hidden: bool = False
    doubtful: bool = False
    settled: bool = True


CLEAR = Sight()


KEEP_LAG = 6
"""Frames. What stands is told to the background so much later: reading ahead is at most five frames before the stages
(``PREFETCH`` in ``service.ingest.playback``, one in the hand of each), so that the same file always gives the same."""

KEPT_S = 600.0
"""What stands is taken for part of its place after ten minutes: no detection is waited for any longer, the background
learns it, and it is no change any more. Whoever lies has been told of long before; what a detector takes for a person
for ten minutes may be a coat on a chair, and a car is parked."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What stands still in a frame, as its background is told.

    Attributes:
        boxes: ``(N, 4)`` float32, x, y, width and height as fractions of the picture.
        people: ``(N,)`` bool, which of them came by themselves, and so were not left there.
    """

    boxes: Float32
    people: Mask

    @classmethod
    def nothing(cls) -> Kept:
        """Nothing stands there."""
        return cls(np.zeros((0, 4), np.float32), np.zeros(0, np.bool_))


class KeptPlaces:
    """What stands still in a stream, as its stages tell its background. Thread-safe.

    What is told of a frame is read ``KEEP_LAG`` frames later, so that it does not depend on which thread is faster.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._told: deque[tuple[float, Kept]] = deque(maxlen=4 * KEEP_LAG)
        self._read: deque[float] = deque(maxlen=KEEP_LAG + 1)

    def tell(self, kept: Kept, pts: float) -> None:
        """Say what stands, in the thread of the stages.

        Args:
            kept: What stands.
            pts: Presentation time of the frame in which it was seen.
        """
        with self._lock:
            self._told.append((pts, kept))

    def read(self, pts: float) -> Kept:
        """What stood some frames ago: once for each prepared frame, in the decode thread.

        Args:
            pts: Of the frame.
        """
        with self._lock:
            if self._read and pts <= self._read[-1]:
                self._read.clear()
            self._read.append(pts)
            if len(self._read) <= KEEP_LAG:
                return Kept.nothing()
            last = self._read[0]
            first = last - (pts - last)  # nothing of frames long past, as when the stages have stopped
            return next((kept for told, kept in reversed(self._told) if first <= told <= last), Kept.nothing())


@dataclass(frozen=True, slots=True)
class PreparedFrame:
    """A frame with the work done that belongs to its stream alone.

    Attributes:
        stream_id: Whose frame it is.
        epoch: Grows by one after every gap; trackers and clip buffers start afresh when it changes.
        frame: The picture and its clocks.
        motion: Dense motion, or None in the first frame of an epoch.
        windows: The newest windows that were gathered up to it, one every ``stride`` frames of them; None where frames
            are still too few.
        sight: What can be seen in it.
        grey: ``(h, w)`` uint8, the picture at analysis resolution; None where nobody prepared it. Not to be written to.
        changes: Where the scene is another one than it was.
        scene_change: What became of the whole picture, in the frame in which that is known; else None.
        places: Told what stands still in the frame; None where no background follows it.
    """

    stream_id: str
    epoch: int
    frame: Frame
    motion: Motion | None
    windows: Mapping[FrameWindow, Window | None] = field(default_factory=dict)
    sight: Sight = CLEAR
    grey: NDArray[np.uint8] | None = None
    changes: Changes = field(default_factory=Changes.none)
    scene_change: SceneChange | None = None
    places: KeptPlaces | None = None

    @property
    def ghostly(self) -> bool:
        """Whether what stands out in it may have stood there when the background began, and be long gone."""
        return not self.sight.settled and self.motion is not None and bool(self.motion.foreground.any())
