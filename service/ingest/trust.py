"""Whether a source's time stamps say anything true: judged by how they grow, and against arrival."""

from __future__ import annotations

from collections import deque
from statistics import median

REORDER_S = 1.0
"""A stamp further back than this is a clock that was set anew; less is disorder that passes."""

_MAX_ODD = 2.5
_FORGIVEN = 0.05
"""Every stamp that is missing or does not grow counts one, and every good one forgives a twentieth: a constant stamp is
known by the third frame, one in eight within five seconds at ten frames a second, two in a row do no harm."""

_MAX_LEAPS, _LEAPS_S = 3, 60.0
"""A clock may be set once, as when a camera takes its time from a server; the third time in a minute it is no clock."""

_WINDOW_S, _WINDOW_FRAMES = 2.0, 4
_RATE = (0.8, 1.25)
_SLOW_WINDOWS, _FAST_WINDOWS = 3, 2
"""Seconds of stamps to a second of arrival, measured over two seconds and four frames, may lie between these. Stamps
that are too slow for so many windows in a row are wrong, and not late for a busy network, which makes up for it; those
that are too fast sooner, as nothing but a burst at the start looks like them."""

_STEPS = 40
_TREMBLE, _TREMBLE_FACTOR = 0.3, 3.0
"""Over so many steps stamps tremble if they deviate from their median by this share of it, and by so many times what
arrival does. A camera of uneven rate has uneven arrivals too; a network makes arrival uneven and not the stamps."""

FIRST_PATIENCE_S, MAX_PATIENCE_S = 30.0, 3600.0
"""Stamps that were sound for so long are believed again; each time that they then fail, they need twice as long."""


class Trust:
    """Judges the stamps of one live source. Not thread-safe.

    Attributes:
        reason: What is wrong with them, as the end of "its time stamps ..."; None while they are believed.
    """

    def __init__(self, reason: str | None = None) -> None:
        """Begin.

        Args:
            reason: What was wrong with them in the decoder before; None believes them until they fail.
        """
        self.reason = reason
        self._patience = FIRST_PATIENCE_S
        self._sound_since: float | None = None
        self._begin()

    def _begin(self) -> None:
        self._newest: tuple[float, float] | None = None  # (stamp, arrival)
        self._odd = 0.0
        self._leaps: deque[float] = deque(maxlen=_MAX_LEAPS)
        self._window: tuple[float, float] | None = None
        self._window_frames = 0
        self._run = 0
        self._steps: deque[tuple[float, float]] = deque(maxlen=_STEPS)

    @property
    def given(self) -> bool:
        """Whether the stamps are believed."""
        return self.reason is None

    def judge(self, pts: float | None, arrived: float, longest_s: float) -> bool:
        """Look at the next frame's stamp; whether stamps are believed from here on.

        Args:
            pts: Presentation time as the source gives it, in seconds, or None.
            arrived: Monotonic clock at arrival.
            longest_s: A stamp that leaps further ahead of arrival is a clock that was set anew.
        """
        wrong = self._fault(pts, arrived, longest_s)
        if wrong is not None:
            if self.reason is None and self._sound_since is not None:
                self._patience = min(2 * self._patience, MAX_PATIENCE_S)
            self.reason = self.reason or wrong  # said once, and not anew for each way in which they are wrong
            self._sound_since = arrived
            self._begin()
        elif self.reason is not None:
            if self._sound_since is None:
                self._sound_since = arrived
            if arrived - self._sound_since >= self._patience:
                self.reason = None
        return self.given

    def skipped(self) -> None:
        """The next stamp is further ahead because what came before it was let go."""
        self._newest, self._run = None, 0
        self._steps.clear()

    def _fault(self, pts: float | None, arrived: float, longest_s: float) -> str | None:
        if pts is None:
            self._odd += 1
            return "are missing" if self._odd > _MAX_ODD else None
        newest = self._newest
        if newest is None:
            self._newest = self._window = pts, arrived
            self._window_frames = 0
            return None
        step, elapsed = pts - newest[0], arrived - newest[1]
        if -REORDER_S < step <= 0:
            self._odd += 1
            still = "do not change" if step == 0 else "go backward"
            return still if self._odd > _MAX_ODD else None
        self._newest = pts, arrived
        if step <= 0 or step - elapsed > longest_s:
            return self._leap(arrived)
        self._odd = max(0.0, self._odd - _FORGIVEN)
        return self._wrong_rate(pts, arrived) or self._trembling(step, elapsed)

    def _leap(self, arrived: float) -> str | None:
        self._leaps.append(arrived)
        self._window, self._window_frames, self._run = self._newest, 0, 0
        self._steps.clear()
        often = len(self._leaps) == _MAX_LEAPS and arrived - self._leaps[0] < _LEAPS_S
        return "jump back and forth" if often else None

    def _wrong_rate(self, pts: float, arrived: float) -> str | None:
        if self._window is None:
            self._window = (pts, arrived)
        self._window_frames += 1
        elapsed = arrived - self._window[1]
        if elapsed < _WINDOW_S or self._window_frames < _WINDOW_FRAMES:
            return None
        rate = (pts - self._window[0]) / elapsed
        self._window, self._window_frames = (pts, arrived), 0
        if _RATE[0] <= rate <= _RATE[1]:
            self._run = 0
        elif rate < _RATE[0]:
            self._run = min(self._run, 0) - 1
        else:
            self._run = max(self._run, 0) + 1
        if self._run <= -_SLOW_WINDOWS:
            return "run too slowly"
        return "run too fast" if self._run >= _FAST_WINDOWS else None

    def _trembling(self, step: float, elapsed: float) -> str | None:
        self._steps.append((step, elapsed))
        if len(self._steps) < _STEPS:
            return None
        stamps, arrivals = (_deviation([pair[index] for pair in self._steps]) for index in (0, 1))
        return "are uneven" if stamps > _TREMBLE and stamps > _TREMBLE_FACTOR * arrivals else None


def _deviation(steps: list[float]) -> float:
    """Median absolute deviation as a share of the median, so that a few gaps among them do not count."""
    middle = median(steps)
    return median(abs(step - middle) for step in steps) / middle if middle > 0 else 0.0
