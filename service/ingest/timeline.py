"""The clock of a stream: presentation times that only grow, gaps told apart, and which frames are due."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

MIN_STEP_S = 0.001
"""Least time between two frames, where the clocks say less."""

REORDER_S = 1.0
"""A PTS further back than this is a clock that was set anew; less is disorder that passes."""

GAP_S = 2.0
"""A step longer than this is a gap, unless frames usually come even more slowly."""

_SLOW_STEPS = 8.0
_STUCK_FRAMES = 50
_RATE_MEMORY = 0.1
_LAG_WINDOW_S = 30.0

# A reader that keeps up waits for most of the time; getting the interpreter's lock back alone takes a few
# percent on a busy machine.
_QUEUED_IDLE = 0.1
_IDLE_MEMORY_S = 0.5


@dataclass(frozen=True, slots=True)
class FrameTime:
    """When a frame was.

    Attributes:
        pts: Seconds, strictly increasing from frame to frame.
        arrived: Monotonic clock at arrival.
        epoch: Grows by one at each gap or break of the clock.
    """

    pts: float
    arrived: float
    epoch: int


class Timeline:
    """Stamps the frames of one decoder. Wraps, jumps and missing PTS become a new epoch that goes on growing."""

    def __init__(self, previous: FrameTime | None = None, *, live: bool) -> None:
        """Go on from another decoder, or begin.

        Args:
            previous: The last frame of the decoder before.
            live: Whether arrival tells real time.
        """
        self._previous = previous
        self._live = live
        self._last: FrameTime | None = None
        self._offset: float | None = None  # from the source's PTS to ours; None while it gives none
        self._usual_step: float | None = None
        self._passed_over = 0

    def stamp(self, pts: float | None, arrived: float) -> FrameTime | None:
        """The moment of the next frame, or None if it has to be passed over.

        Args:
            pts: Presentation time as the source gives it, in seconds, or None.
            arrived: Monotonic clock at arrival.
        """
        moment = self._first(pts, arrived) if self._last is None else self._next(self._last, pts, arrived)
        if moment is None:
            self._passed_over += 1
            return None
        self._passed_over = 0
        self._last = moment
        return moment

    def _first(self, pts: float | None, arrived: float) -> FrameTime | None:
        if pts is None and self._live and self._passed_over == 0:
            return None  # FFmpeg gives the first frame of an RTSP stream no PTS, and the second has one
        if self._previous is None:
            ours, epoch = pts or 0.0, 0
        else:
            ours = self._previous.pts + max(arrived - self._previous.arrived, MIN_STEP_S)
            epoch = self._previous.epoch + 1
        self._offset = None if pts is None else ours - pts
        return FrameTime(ours, arrived, epoch)

    def _next(self, last: FrameTime, pts: float | None, arrived: float) -> FrameTime | None:
        by_arrival = last.pts + max(self._elapsed(last, arrived), MIN_STEP_S)
        if pts is None:
            return FrameTime(by_arrival, arrived, last.epoch)
        if self._offset is None:
            self._offset = by_arrival - pts
        step = pts + self._offset - last.pts
        if -REORDER_S < step <= 0 and self._passed_over < _STUCK_FRAMES:
            return None
        if step <= 0 or self._is_jump(step, last, arrived):
            self._offset = by_arrival - pts
            return FrameTime(by_arrival, arrived, last.epoch + 1)
        gap = step > self._longest_step
        if not gap:
            self._learn_rate(step)
        return FrameTime(last.pts + step, arrived, last.epoch + 1 if gap else last.epoch)

    def _elapsed(self, last: FrameTime, arrived: float) -> float:
        if self._live:
            return arrived - last.arrived
        return self._usual_step or MIN_STEP_S

    def _is_jump(self, step: float, last: FrameTime, arrived: float) -> bool:
        """Whether the PTS leapt ahead of real time. A file's own PTS are always taken at their word."""
        return self._live and step - (arrived - last.arrived) > self._longest_step

    @property
    def _longest_step(self) -> float:
        return max(GAP_S, _SLOW_STEPS * (self._usual_step or 0.0))

    def _learn_rate(self, step: float) -> None:
        usual = self._usual_step
        self._usual_step = step if usual is None else usual + _RATE_MEMORY * (step - usual)


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

    def due(self, pts: float) -> bool:
        """Whether this frame is to be looked at. Call it for every frame, in order."""
        if self._last is not None:
            step = pts - self._last
            self._step = step if self._step == 0 else self._step + _RATE_MEMORY * (step - self._step)
        self._last = pts
        if self._due_at is None:
            self._due_at = pts
        # The next frame comes about one step later: of the two, take the one closer to the beat.
        if pts + min(self._step, self._period) / 2 < self._due_at:
            return False
        self._due_at += self._period
        if pts >= self._due_at:
            self._due_at = pts + self._period  # the source is slower than the beat
        return True


class Backlog:
    """How far reading lags behind a live source: its frames wait in socket buffers when the machine is too slow.

    The delay between PTS and arrival is compared with its least value of the last half to one minute, so a
    slow drift of the camera's clock and a longer way through the network are forgotten. The delay alone would
    condemn cameras whose PTS run at another pace than they send; so frames count as late only while reading
    finds the next packet there already.
    """

    def __init__(self) -> None:
        self._minima: deque[tuple[float, float]] = deque(maxlen=2)  # (start of window, least delay in it)
        self._last_arrived: float | None = None
        self._idle = 1.0

    def lag(self, pts: float, arrived: float, waited: float) -> float:
        """Seconds by which this frame is later than frames of late were at best; 0 if none are queued.

        Args:
            pts: Presentation time, seconds.
            arrived: Monotonic clock at arrival.
            waited: Seconds that reading had to wait for it.
        """
        delay = arrived - pts
        if not self._minima or arrived - self._minima[-1][0] > _LAG_WINDOW_S:
            self._minima.append((arrived, delay))
        start, least = self._minima[-1]
        self._minima[-1] = (start, min(least, delay))
        self._measure_idleness(arrived, waited)
        return delay - min(least for _, least in self._minima) if self._idle < _QUEUED_IDLE else 0.0

    def _measure_idleness(self, arrived: float, waited: float) -> None:
        elapsed = 0.0 if self._last_arrived is None else arrived - self._last_arrived
        self._last_arrived = arrived
        if elapsed > 0:
            weight = min(1.0, elapsed / _IDLE_MEMORY_S)
            self._idle += weight * (min(1.0, waited / elapsed) - self._idle)
