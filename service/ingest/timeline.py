"""The clock of a stream: presentation times that only grow, gaps told apart, and which frames are due."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from service.ingest.trust import REORDER_S, Trust

MIN_STEP_S = 0.001
"""Least time between two frames, where the clocks say less."""

GAP_S = 2.0
"""A step longer than this is a gap, unless frames usually come even more slowly."""

WRAPS_S = (2**33 / 90_000, 2**32 / 90_000)
"""Where stamps begin again: 33 bits of MPEG-TS (26.5 hours) and 32 of RTP (13.3 hours), at 90 kHz. Nothing happens to
the picture then, so neither does to the clock."""

_SLOW_STEPS = 8.0
_RATE_MEMORY = 0.1
_USUAL_OF = 9
"""The usual step is the median of so many, so that neither a gap nor a burst moves it, and a camera that sends one
frame in several seconds is known by its second."""

_TOGETHER, _TOGETHER_S = 0.3, 0.01
"""Frames that arrive nearer to each other than this share of the usual step (while it is not known, so many seconds)
were held up on their way and came together."""

_MAX_CUTS, _CUTS_S = 3, 2.0
"""A file whose stamps go back so often within so many seconds holds no recordings one behind another."""

_BEATS, _PAUSES, _SLOW_ENOUGH = 32, 2, 0.88
"""A source is as slow as wished if its last steps, without two pauses among them, are at least this share of the wished
one on average; uneven ones lose a twentieth with their two longest."""

_NOMINAL_RATE = 25.0
"""Frames a second of a file that tells no rate: what raw video streams are taken for."""


@dataclass(frozen=True, slots=True)
class FrameTime:
    """When a frame was.

    Attributes:
        pts: Seconds, strictly increasing from frame to frame.
        arrived: Monotonic clock at arrival.
        epoch: Grows by one at each gap, each break of the clock, and where another clock is taken.
        distrust: Why this is not the source's own time but that of arrival, as the end of "its time stamps ..."; None
            where it is the source's own.
    """

    pts: float
    arrived: float
    epoch: int
    distrust: str | None = None


class Timeline:
    """Stamps the frames of one decoder. Not thread-safe.

    Within an epoch there is one clock. A live source has its own stamps while they say something (``Trust``), else
    arrival. A file has its own, and one frame of its rate where they do not grow or are missing.
    """

    def __init__(self, previous: FrameTime | None = None, *, live: bool, rate: float | None = None) -> None:
        """Go on from another decoder, or begin.

        Args:
            previous: The last frame of the decoder before.
            live: Whether arrival tells real time.
            rate: Frames a second that a file announces, if it does.
        """
        self._previous = previous
        self._live = live
        self._step = 1.0 / (rate or _NOMINAL_RATE)
        self._last: FrameTime | None = None
        self._trust = Trust(None if previous is None else previous.distrust)
        self._offset: float | None = None  # from the source's stamps to ours; None while it gave none
        self._steps: deque[float] = deque(maxlen=_USUAL_OF)
        self._source_pts: float | None = None  # the last stamp as the source gave it
        self._cuts: deque[float] = deque(maxlen=_MAX_CUTS)
        self._waited_for_first = False
        self._after_skip = False

    @property
    def usual_step(self) -> float | None:
        """Seconds from one frame to the next as it usually is; None before the second frame."""
        return median(self._steps) if self._steps else None

    def stamp(self, pts: float | None, arrived: float, behind: Sequence[float] = ()) -> FrameTime | None:
        """The moment of the next frame, or None if it has to be passed over.

        Args:
            pts: Presentation time as the source gives it, in seconds, or None.
            arrived: Monotonic clock at arrival.
            behind: The same of frames after it that are here already, in order.
        """
        believed = not self._live or self._trust.judge(pts, arrived, self._longest_step)
        last = self._last
        if last is None:
            moment = self._first(pts if believed else None, arrived)
        elif not self._live:
            moment = self._of_file(last, pts, arrived)
        elif not believed:
            moment = self._by_arrival(last, arrived, behind)
        elif last.distrust is not None and pts is not None:
            moment = self._anew(last, pts, arrived)
        else:
            moment = self._by_own(last, pts, arrived)
        self._source_pts = self._source_pts if pts is None else pts
        if moment is not None:
            self._last, self._after_skip = moment, False
        return moment

    def skipped(self) -> None:
        """What came before the next frame was let go: that its stamp is further ahead is no leap of the clock."""
        self._trust.skipped()
        self._after_skip = True

    def _first(self, pts: float | None, arrived: float) -> FrameTime | None:
        if pts is None and self._live and not self._waited_for_first and self._trust.given:
            self._waited_for_first = True
            return None  # FFmpeg gives the first frame of an RTSP stream no PTS, and the second has one
        if self._previous is None:
            ours, epoch = pts or 0.0, 0
        else:
            ours = self._previous.pts + max(arrived - self._previous.arrived, MIN_STEP_S)
            epoch = self._previous.epoch + 1
        self._offset = None if pts is None else ours - pts
        return FrameTime(ours, arrived, epoch, self._trust.reason)

    def _by_arrival(self, last: FrameTime, arrived: float, behind: Sequence[float]) -> FrameTime | None:
        changed = last.distrust is None and self._offset is not None
        usual = None if changed else self.usual_step
        least = _TOGETHER_S if usual is None else _TOGETHER * usual
        together = _sent_together(arrived, behind, least)
        if together:
            # Held up on their way: the newest was to be seen when it arrived, and those before it at the usual pace.
            if usual is None:
                return None
            arrived = min(arrived, behind[together - 1] - together * usual)
        step = arrived - last.arrived
        if step < least:
            return None  # no camera sends so soon again: whoever is in it would seem to run
        gap = step > self._longest_step
        self._learn(step, anew=changed)
        return FrameTime(last.pts + step, arrived, last.epoch + (gap or changed), self._trust.reason)

    def _by_own(self, last: FrameTime, pts: float | None, arrived: float) -> FrameTime | None:
        if pts is None or self._offset is None:
            elapsed = max(arrived - last.arrived, MIN_STEP_S)
            # Stamps may have grown by less than a clock can tell: the frame would be no later than the one before.
            step = elapsed if self._offset is None else max(self.usual_step or elapsed, MIN_STEP_S)
            self._offset = self._offset if pts is None else last.pts + step - pts
            return FrameTime(last.pts + step, arrived, last.epoch)
        step = self._unwrapped(pts + self._offset - last.pts)
        if -REORDER_S < step <= 0:
            return None  # out of order, and late: the next one is right
        leapt = step - (arrived - last.arrived) > self._longest_step and not self._after_skip
        if step <= 0 or leapt:
            return self._anew(last, pts, arrived)
        return self._later(last, step, arrived)

    def _of_file(self, last: FrameTime, pts: float | None, arrived: float) -> FrameTime:
        """A file is taken at its word, and every frame of it counts, however fast it is read."""
        regular = FrameTime(last.pts + self._step, arrived, last.epoch)
        if pts is None:
            return regular
        if self._offset is None or self._source_pts is None:
            self._offset = regular.pts - pts
            return regular
        step = self._unwrapped(pts + self._offset - last.pts)
        if step <= 0 and pts - self._source_pts <= -REORDER_S:
            self._cuts.append(last.pts)
            often = len(self._cuts) == _MAX_CUTS and last.pts - self._cuts[0] < _CUTS_S
            return regular if often else self._anew(last, pts, arrived)
        return regular if step <= 0 else self._later(last, step, arrived)

    def _later(self, last: FrameTime, step: float, arrived: float) -> FrameTime:
        """The source's next frame, behind a gap if the step is longer than is usual there."""
        gap = step > self._longest_step
        self._learn(step)
        return FrameTime(last.pts + step, arrived, last.epoch + gap)

    def _anew(self, last: FrameTime, pts: float, arrived: float) -> FrameTime:
        """Take up the source's stamps where ours stand."""
        ours = last.pts + (max(arrived - last.arrived, MIN_STEP_S) if self._live else self._step)
        self._offset = ours - pts
        return FrameTime(ours, arrived, last.epoch + 1)

    def _unwrapped(self, step: float) -> float:
        for wrap in WRAPS_S:
            if MIN_STEP_S <= step + wrap <= self._longest_step and self._offset is not None:
                self._offset += wrap
                return step + wrap
        return step

    @property
    def _longest_step(self) -> float:
        return max(GAP_S, _SLOW_STEPS * (self.usual_step or 0.0))

    def _learn(self, step: float, *, anew: bool = False) -> None:
        if anew:
            self._steps.clear()
        self._steps.append(step)


def _sent_together(arrived: float, behind: Sequence[float], least: float) -> int:
    """How many of the frames behind one arrived with it: each sooner after the one before than a camera sends."""
    for count, after in enumerate(behind):
        if after - arrived >= least:
            return count
        arrived = after
    return len(behind)


class Cadence:
    """Picks frames at a wished rate by their PTS: those nearest to an even beat."""

    def __init__(self, fps: float | None) -> None:
        """Begin with the next frame.

        Args:
            fps: Frames wanted a second, at most; None wants every frame.
        """
        self._period = 0.0 if fps is None else 1.0 / fps
        self._due_at: float | None = None
        self._last: float | None = None
        self._step = 0.0
        self._steps: deque[float] = deque(maxlen=_BEATS)

    def due(self, pts: float) -> bool:
        """Whether this frame is to be looked at. Call it for every frame, in order."""
        if self._last is not None:
            step = pts - self._last
            self._steps.append(step)
            self._step = step if self._step == 0 else self._step + _RATE_MEMORY * (step - self._step)
        self._last = pts
        if self._due_at is None or self._as_slow_as_wished:
            self._due_at = pts
        # The next frame comes about one step later: of the two, take the one closer to the beat.
        if pts + min(self._step, self._period) / 2 < self._due_at:
            return False
        self._due_at += self._period
        if pts >= self._due_at:
            self._due_at = pts + self._period  # the source is slower than the beat
        return True

    @property
    def _as_slow_as_wished(self) -> bool:
        """Whether the source gives no more frames than are wanted: then none is left out for coming unevenly."""
        if len(self._steps) < _BEATS:
            return False
        usual = sorted(self._steps)[:-_PAUSES]
        return sum(usual) >= _SLOW_ENOUGH * self._period * len(usual)
