"""Calibration: from a head's raw score to its surprise, -log10(p).

p is the share of normal frames that look at least this unusual. Below a high quantile it is counted
(empirical distribution); above it, where counts run out, a generalised Pareto distribution is fitted to the
excesses (peaks over threshold: Coles, An Introduction to Statistical Modeling of Extreme Values, 2001,
chapters 4 and 5), so that scores never seen in enrolment are still told apart.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.arrays import Arrays

MIN_SCORES = 20
"""Fewer scores say nothing about a distribution."""

TAIL_SHARE = 0.05
"""The share of normal scores that the fitted tail describes; the usual choice is 5 to 10 %."""

MIN_EXCESSES = 10
"""A smaller sample takes a larger share into its tail, so that two parameters are fitted to ten numbers."""

MAX_SHAPE = 0.5
"""Bound of the tail's shape. Above it the excesses would have no variance; a larger estimate is a small sample's
accident. From below it is bounded by 0: a negative shape has an end point, beyond which p would be 0."""

SHAPE_PRIOR = 50.0
"""Independent excesses at which the estimated shape counts for half; with fewer it is shrunk towards 0, an exponential
tail. Its standard error is one over the root of their number, so of 50 it is 0.14: as much as shapes differ at all."""

KNOTS = 257
"""Quantiles that stand for the counted part; between them p is interpolated."""

FINEST = 1e-290
"""Scores nearer to 0 are 0. A smoothed score falls by a factor a frame while nothing happens, and after minutes below
what a double can divide by: between two such quantiles p came out as minus infinity."""

SECONDS_PER_DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Calibration:
    """A fitted calibration.

    Attributes:
        scores: ``(K,)`` float64, strictly increasing quantiles of the normal scores, up to where the tail starts.
        exceeded: ``(K,)`` float64, strictly decreasing: the share of normal scores at or above each of ``scores``.
        scale: Scale of the tail, greater than 0, in units of the raw score.
        shape: Shape of the tail, in [0, ``MAX_SHAPE``].
        extremal_index: Independent exceedances per exceeding frame, in (0, 1]: its inverse is how many
            frames a chance exceedance lasts, as neighbouring frames look alike.
        count: How many normal scores it was fitted to.
    """

    scores: NDArray[np.float64]
    exceeded: NDArray[np.float64]
    scale: float
    shape: float
    extremal_index: float
    count: int

    @classmethod
    def fit(cls, raw: ArrayLike, recordings: Sequence[int] | NDArray[np.integer]) -> Calibration:
        """Fit to the raw scores of normal frames that the head did not learn from (held-out scores).

        Args:
            raw: ``(n,)`` raw scores in order of time, at least ``MIN_SCORES``; NaN where a frame does not count, as
                in an odd event.
            recordings: For each the number of the unbroken recording it came from.

        Raises:
            ValueError: Too few scores, an infinite one, or another number of recordings than of scores.
        """
        values = np.asarray(raw, np.float64).ravel()
        if len(recordings) != len(values):
            msg = f"expected a recording number for each of {len(values)} scores, got {len(recordings)}"
            raise ValueError(msg)
        if np.isinf(values).any():
            msg = "expected finite scores"
            raise ValueError(msg)
        counts = ~np.isnan(values)
        values, numbers = values[counts], np.asarray(recordings)[counts]
        values[np.abs(values) < FINEST] = 0.0
        if len(values) < MIN_SCORES:
            msg = f"expected at least {MIN_SCORES} scores of normal frames, got {len(values)}"
            raise ValueError(msg)
        share = min(0.5, max(TAIL_SHARE, MIN_EXCESSES / len(values)))
        start = float(np.quantile(values, 1 - share))
        scores, exceeded = _counted(values, start)
        excesses = values[values > start] - start
        spread = float(values.std())
        index = extremal_index(values > start, numbers)
        least = 1e-3 * spread if spread > 1e-6 * abs(start) else 1e-2
        scale, shape = _fit_tail(excesses, index * len(excesses), least)
        return cls(scores, exceeded, scale, shape, index, len(values))

    @overload
    def surprise(self, raw: float) -> float: ...
    @overload
    def surprise(self, raw: NDArray[np.floating]) -> NDArray[np.float64]: ...
    def surprise(self, raw: float | NDArray[np.floating]) -> float | NDArray[np.float64]:
        """-log10(p) of raw scores: at least 0, finite, unclipped, and strictly increasing in the tail.

        It never decreases anywhere, and only below the lowest normal score does it stay level.
        """
        values = np.asarray(raw, np.float64)
        counted = -np.log10(np.interp(values, self.scores, self.exceeded))
        excess = np.maximum(values - self.scores[-1], 0.0) / self.scale
        tail = np.log1p(self.shape * excess) / self.shape if self.shape > 0 else excess
        result = counted + tail / math.log(10)
        return float(result) if values.ndim == 0 else result

    def raw(self, surprise: float) -> float:
        """The raw score that has a surprise: the inverse of ``surprise`` above the lowest normal score."""
        start = float(-np.log10(self.exceeded[-1]))
        if surprise <= start:
            return float(np.interp(-(10.0**-surprise), -self.exceeded, self.scores))
        tail = (surprise - start) * math.log(10)
        excess = math.expm1(self.shape * tail) / self.shape if self.shape > 0 else tail
        return float(self.scores[-1]) + self.scale * excess

    def threshold(self, alerts_per_day: float, fps: float) -> float:
        """The surprise that normal footage exceeds about so often a day.

        Exceeding frames come in runs, and a run is one alert: of the frames of a day, the share
        ``alerts_per_day / (frames a day * extremal_index)`` may exceed.

        Args:
            alerts_per_day: Wished false alerts a day, greater than 0.
            fps: Scored frames a second, greater than 0.

        Raises:
            ValueError: A rate that is not positive.
        """
        if alerts_per_day <= 0 or fps <= 0:
            msg = f"expected positive rates, got {alerts_per_day} alerts a day at {fps} frames a second"
            raise ValueError(msg)
        share = alerts_per_day / (SECONDS_PER_DAY * fps * self.extremal_index)
        return max(0.0, -math.log10(share))

    def to_arrays(self) -> dict[str, NDArray[np.float64]]:
        """As named arrays, for storing."""
        tail = np.array([self.scale, self.shape, self.extremal_index, float(self.count)])
        return {"scores": self.scores, "exceeded": self.exceeded, "tail": tail}

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Calibration:
        """The calibration that ``to_arrays`` wrote."""
        scale, shape, index, count = np.asarray(arrays["tail"], np.float64).tolist()
        scores = np.asarray(arrays["scores"], np.float64)
        exceeded = np.asarray(arrays["exceeded"], np.float64)
        return cls(scores, exceeded, scale, shape, index, int(count))


def _counted(values: NDArray[np.float64], start: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Strictly increasing scores up to ``start`` and the share of values at or above each, never 0."""
    ordered = np.sort(values)
    below = ordered[ordered < start]
    picks = np.linspace(0, len(below) - 1, min(KNOTS - 1, len(below))).round().astype(np.intp)
    scores = np.append(np.unique(below[picks]), start)
    at_or_above = len(ordered) - np.searchsorted(ordered, scores, side="left")
    return scores, at_or_above / len(ordered)


def _fit_tail(excesses: NDArray[np.float64], independent: float, least: float) -> tuple[float, float]:
    """Scale and shape of a generalised Pareto distribution by probability-weighted moments.

    Hosking and Wallis, Technometrics 1987. The shape is shrunk and bounded, and the scale then keeps the
    mean excess. The scale is at least ``least``, so that scores that were all alike leave a tail, if a steep one.
    """
    mean = float(excesses.mean()) if len(excesses) else 0.0
    if len(excesses) < 2 or mean <= least:
        return max(mean, least), 0.0
    ordered = np.sort(excesses)
    weights = 1.0 - (np.arange(len(ordered)) + 0.65) / len(ordered)
    moment = float((weights * ordered).mean())
    shape = 2.0 - mean / max(mean - 2.0 * moment, 1e-12)
    shape = min(max(shape, 0.0), MAX_SHAPE) * independent / (independent + SHAPE_PRIOR)
    return max(mean * (1.0 - shape), least), shape


def extremal_index(exceeds: NDArray[np.bool_], recordings: Sequence[int] | NDArray[np.integer]) -> float:
    """Independent clusters per exceedance, in (0, 1], by the intervals estimator.

    Ferro and Segers, Inference for clusters of extreme values, 2003; it needs no run length to be chosen.
    Gaps are taken within recordings alone.

    Args:
        exceeds: ``(n,)`` whether each frame exceeds, in order of time.
        recordings: For each frame the number of its unbroken recording.
    """
    numbers = np.asarray(recordings)
    at = np.flatnonzero(exceeds)
    same_recording = numbers[at[1:]] == numbers[at[:-1]]
    gaps = np.diff(at)[same_recording].astype(np.float64)
    if len(gaps) == 0:
        return 1.0
    if gaps.max() > 2:
        gaps, other = gaps - 1, gaps - 2
    else:
        other = gaps
    estimate = 2 * gaps.sum() ** 2 / (len(gaps) * (gaps * other).sum())
    return float(min(1.0, max(estimate, 1.0 / len(at))))
