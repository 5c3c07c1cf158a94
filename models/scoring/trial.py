"""Normal footage as the service would have seen it, second by second, and how many alerts that would have been.

Alerts are counted, not frames: of each second a ``NormalTrial`` keeps the highest threshold at which an incident would
have opened in it, so that at any threshold it says how many alerts the rules of incidents would have raised. The rules
are those of ``service/alerts/incident_machine.py``, which takes their numbers from here.
"""

from __future__ import annotations

import math
from array import array
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from models.arrays import Arrays, Float32, Float64, Mask

MIN_DURATION_S = 0.25
"""An excursion opens an incident once it has lasted so long. 0.25 s is three frames after the first at 10 frames a
second: glitches of one or two frames (a decoder error, a missed detection) are over by then, and an alert still opens
well within a second of its onset."""

EXIT_RATIO = 0.8
"""An excursion lasts while the surprise stays above this share of the threshold. Below one, so that noise around the
threshold is one excursion: at a threshold of 4 (one normal frame in ten thousand) it ends at 3.2 (one in 1,600)."""

QUIET_S = 3.0
"""An incident closes when there was no excursion for so long; one that comes sooner continues it. A person who is
hidden behind a post or missed by the detector is back within 3 s."""

COOLDOWN_S = 30.0
"""After an alert was sent, the next one of the stream waits so long, unless it is worse; an excursion that still lasts
then opens then."""

COOLDOWN_RISE = 1.0
"""Worse is a surprise this much above the last incident's peak: 1 is ten times as rare."""

MAX_SECONDS = 14 * 86_400
"""Seconds that a trial holds: fourteen days, 4.8 MB. Of more the oldest go: the camera as it is now is what counts."""

GAP_S = 5.0
"""A longer pause between two frames, and one longer than three of their intervals, ends what goes on."""

STEP = 0.01
"""Thresholds are told apart to this: a thirtieth of what makes a peak news."""


class Sustained:
    """The highest threshold at which an incident would open, frame by frame. Not thread-safe; one per series.

    An incident opens at a frame that is at or above the threshold when an earlier one, at least ``MIN_DURATION_S``
    before it, was so too and none between them fell below ``EXIT_RATIO`` of it. The highest threshold for which that
    is true follows from frame to frame, with no threshold chosen.
    """

    def __init__(self) -> None:
        self._held = -math.inf
        self._young: deque[tuple[float, float]] = deque()

    def update(self, surprise: float, pts: float) -> float:
        """Take the next frame's surprise at ``pts`` seconds; returns at least 0, and never more than ``surprise``."""
        lasting = surprise / EXIT_RATIO
        self._held = min(self._held, lasting)
        self._young = deque((at, min(level, lasting)) for at, level in self._young)
        while self._young and pts - self._young[0][0] >= MIN_DURATION_S:
            self._held = max(self._held, self._young.popleft()[1])
        self._young.append((pts, surprise))
        return max(0.0, min(surprise, self._held))

    def reset(self) -> None:
        """Forget the past, after a gap."""
        self._held = -math.inf
        self._young.clear()


@dataclass(frozen=True, slots=True, eq=False)
class NormalTrial:
    """Normal footage, second by second.

    Attributes:
        seconds: ``(n,)`` float32, at least 0: of each second the highest threshold at which an incident would have
            opened in it.
        starts: ``(k,)`` int64, strictly increasing: where in ``seconds`` an unbroken run begins; the first is 0.
        began: ``(k,)`` float64, Unix time at which each run began; NaN where nobody knows, as in files.
    """

    seconds: Float32 = field(default_factory=lambda: np.zeros(0, np.float32))
    starts: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    began: Float64 = field(default_factory=lambda: np.zeros(0))

    @property
    def hours(self) -> float:
        """How much footage it is of."""
        return len(self.seconds) / 3600

    @property
    def silent(self) -> float:
        """The threshold above which no alert would have opened."""
        return float(self.seconds.max(initial=0.0))

    def incidents(self, threshold: float) -> int:
        """How many alerts would have opened at a threshold above 0: excursions merged, and cooldowns kept."""
        return sum(1 for _ in self.openings(threshold))

    def openings(self, threshold: float) -> list[int]:
        """In which seconds alerts would have opened, as positions in ``seconds``."""
        at = np.flatnonzero(self.seconds >= EXIT_RATIO * threshold)
        if not len(at):
            return []
        values = self.seconds[at]
        runs = np.searchsorted(self.starts, at, side="right")
        apart = np.flatnonzero((np.diff(at) > QUIET_S) | (np.diff(runs) != 0)) + 1
        firsts, ends = np.append(0, apart), np.append(apart, len(at))
        loud = np.maximum.reduceat(values, firsts) >= threshold
        opened: list[int] = []
        sent, worst = -math.inf, 0.0
        for first, end in zip(firsts[loud].tolist(), ends[loud].tolist(), strict=True):
            seconds, levels = at[first:end], values[first:end]
            may = (levels >= threshold) & ((seconds - sent >= COOLDOWN_S) | (levels >= worst + COOLDOWN_RISE))
            if may.any():
                sent, worst = float(seconds[may.argmax()]), float(levels[may.argmax() :].max())
                opened.append(int(sent))
        return opened

    def levels(self, most: int) -> list[float]:
        """For 0, 1, ... ``most`` alerts, the level that a threshold has to be above for no more of them.

        That is, no threshold above it has more: a lower one may have fewer again, as it merges two alerts into one.
        They never increase.
        """
        found: list[float] = []
        for level in self._peaks():
            count = self.incidents(level)
            found += [level] * (min(count, most + 1) - len(found))
            if len(found) > most:
                return found
        return found + [0.0] * (most + 1 - len(found))

    def _peaks(self) -> list[float]:
        """Thresholds, falling, at which the number of alerts can rise: local maxima, to within ``STEP``."""
        values = self.seconds
        before, after = np.append(-np.inf, values[:-1]), np.append(values[1:], -np.inf)
        peaks = np.unique(values[(values >= before) & (values >= after) & (values > 0)])[::-1]
        bins = np.floor(peaks / STEP)
        return [float(peak) for peak in peaks[np.append(True, np.diff(bins) != 0)]] if len(peaks) else []

    def joined(self, later: NormalTrial) -> NormalTrial:
        """This and what came after it, with a break between; of more than ``MAX_SECONDS`` the oldest go."""
        seconds = np.concatenate([self.seconds, later.seconds])
        starts = np.concatenate([self.starts, later.starts + len(self.seconds)])
        keep = np.arange(len(seconds)) >= len(seconds) - MAX_SECONDS
        return NormalTrial(seconds, starts, np.concatenate([self.began, later.began])).where(keep)

    def without(self, spans: Iterable[tuple[float, float]]) -> NormalTrial:
        """Without the seconds between these Unix times, each from first to last."""
        run = np.repeat(np.arange(len(self.starts)), np.diff(np.append(self.starts, len(self.seconds))))
        at = self.began[run] + np.arange(len(self.seconds)) - self.starts[run]
        keep = np.ones(len(self.seconds), bool)
        for first, last in spans:
            keep &= ~((at >= first - 1) & (at <= last))  # a second that began before may last into it
        return self.where(keep)

    def where(self, keep: Mask) -> NormalTrial:
        """Some of its seconds; where others were between two of them a run ends."""
        if keep.all():
            return self
        of = np.searchsorted(self.starts, np.arange(len(keep)), side="right") - 1
        at = np.flatnonzero(keep)
        first = np.ones(len(at), bool)
        first[1:] = (np.diff(at) > 1) | (np.diff(of[at]) != 0)
        began = self.began[of[at[first]]] + at[first] - self.starts[of[at[first]]]
        return NormalTrial(self.seconds[keep], np.flatnonzero(first).astype(np.int64), began)

    def on_scale(self, convert: Callable[[float], float]) -> NormalTrial:
        """The same on another scale of surprise; ``convert`` never decreases."""
        levels, which = np.unique(self.seconds, return_inverse=True)
        converted = np.array([convert(level) for level in levels.tolist()], np.float32)
        return replace(self, seconds=converted[which])

    def to_arrays(self) -> dict[str, NDArray[np.generic]]:
        """As named arrays, for storing."""
        return {"seconds": self.seconds, "starts": self.starts, "began": self.began}

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> NormalTrial:
        """The trial that ``to_arrays`` wrote.

        Raises:
            ValueError: If they are not a trial's; the message says what was expected.
        """
        seconds, starts = np.asarray(arrays["seconds"], np.float32), np.asarray(arrays["starts"], np.int64)
        began = np.asarray(arrays["began"], np.float64)
        if seconds.ndim != 1 or not np.isfinite(seconds).all() or (seconds < 0).any():
            msg = "expected a trial of finite surprises of at least 0, one a second"
            raise ValueError(msg)
        bounds = np.concatenate([starts, [len(seconds)]])
        if began.shape != starts.shape or bounds[0] != 0 or (np.diff(bounds) <= 0).any():
            msg = f"expected increasing starts of runs within {len(seconds)} seconds, and when each of them began"
            raise ValueError(msg)
        return cls(seconds, starts, began)


class TrialRecorder:
    """Makes a trial of frames as they come. Not thread-safe."""

    def __init__(self) -> None:
        self._sustained = Sustained()
        self._seconds = array("f")
        self._starts: list[int] = []
        self._times: list[float] = []
        self._epoch: int | None = None
        self._began = self._pts = self._interval = 0.0

    def __len__(self) -> int:
        """Seconds so far."""
        return len(self._seconds)

    def add(self, surprise: float, pts: float, epoch: int, captured_at: float = math.nan) -> None:
        """Take the next frame.

        Args:
            surprise: Its final surprise; NaN where nothing can be said, which is calm.
            pts: Presentation time in seconds.
            epoch: Another number after a gap.
            captured_at: Unix time; NaN where nobody knows.
        """
        step = pts - self._pts
        if self._epoch != epoch or step < 0 or step > max(GAP_S, 3 * self._interval):
            self._sustained.reset()
            self._starts.append(len(self._seconds))
            self._times.append(captured_at)
            self._seconds.append(0.0)
            self._began = pts
        else:
            self._interval = step
        self._epoch, self._pts = epoch, pts
        level = self._sustained.update(0.0 if math.isnan(surprise) else surprise, pts)
        # Of a camera of less than a frame a second, what was last said stands for the seconds between.
        while len(self._seconds) - self._starts[-1] <= math.floor(pts - self._began):
            self._seconds.append(level)
        self._seconds[-1] = max(self._seconds[-1], level)

    @property
    def trial(self) -> NormalTrial:
        """All of it so far, of more than ``MAX_SECONDS`` the newest."""
        whole = NormalTrial(
            np.array(self._seconds, np.float32), np.array(self._starts, np.int64), np.array(self._times)
        )
        return whole.joined(NormalTrial())

    def taken(self) -> NormalTrial:
        """What came since this was asked last; the next frame begins a run."""
        trial = self.trial
        self._seconds, self._starts, self._times, self._epoch = array("f"), [], [], None
        return trial


def trial_of(
    surprise: NDArray[np.floating], pts: NDArray[np.floating], epochs: Sequence[int] | NDArray[np.integer]
) -> NormalTrial:
    """The trial of a series of frames; arguments as those of ``TrialRecorder.add``, each ``(F,)``."""
    recorder = TrialRecorder()
    for value, at, epoch in zip(surprise.tolist(), pts.tolist(), np.asarray(epochs).tolist(), strict=True):
        recorder.add(value, at, epoch)
    return recorder.trial
