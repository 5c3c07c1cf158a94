"""A decoded picture with its three clocks, what can be seen in it, and the work that ingest did on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from models.inputs import FrameWindow, Window
from models.observation import Motion


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
    """

    stream_id: str
    epoch: int
    frame: Frame
    motion: Motion | None
    windows: Mapping[FrameWindow, Window | None] = field(default_factory=dict)
    sight: Sight = CLEAR

    @property
    def ghostly(self) -> bool:
        """Whether what stands out in it may have stood there when the background began, and be long gone."""
        return not self.sight.settled and self.motion is not None and bool(self.motion.foreground.any())
