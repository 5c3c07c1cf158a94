"""Smoothing of a surprise over time: causal for the live service, over the whole recording as papers do."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.arrays import Float64
from models.scoring.calibration import Calibration

SMOOTHING_S = 0.35
"""Time constant of the causal smoothing. An exponential weight of 0.25 a frame at 10 frames a second, the
middle of the range that gained a point on Ped2 in the prototype; a step reaches 95 % of its height in 1 s."""

MAX_SURPRISE = 6.0
"""Larger surprises, rarer than one normal frame in a million, weigh as much as this one. Minutes of footage cannot tell
one in a million from one in a billion, and without a bound a single extreme frame rules its neighbours for seconds
after it: on Ped2 it cost 0.1 to 0.3 points of AUC causally and 0.2 to 0.3 over recordings, and no alert was sooner."""

_FAINTEST = 1e-280
"""What is left of the past falls to 0 below this: at one frame a second, after four minutes in which nothing was
unusual, it would be smaller than numbers that can be told apart."""

TRUNCATE = 4.0
"""Standard deviations at which the Gaussian is cut off; beyond lies less than one part in ten thousand."""


class CausalSmoother:
    """Exponential mean over time that only looks back. Not thread-safe; one per series.

    Weights are normalised from the first value on, so a series starts at its own level instead of at zero.
    """

    def __init__(self, time_constant_s: float, most: float = MAX_SURPRISE) -> None:
        """Set up.

        Args:
            time_constant_s: Seconds after which a value's weight has fallen to 1/e; 0 does not smooth.
            most: Larger values count as this one.

        Raises:
            ValueError: A negative time constant.
        """
        if not time_constant_s >= 0:
            msg = f"expected a time constant of at least 0 seconds, got {time_constant_s}"
            raise ValueError(msg)
        self._time_constant = time_constant_s
        self._most = most
        self._sum = 0.0
        self._weight = 0.0
        self._smooth = math.nan
        self._pts: float | None = None

    def update(self, value: float, pts: float) -> float:
        """Take in a value and return the smoothed one.

        Args:
            value: A score; NaN says nothing: the smoothed value stays, and what was seen before it weighs less.
            pts: Its time in seconds; a time that is not later than the last counts as no time passed.

        Returns:
            The smoothed value; NaN while no value said anything.
        """
        keep = self._keep(pts)
        # The first value has no interval of its own. Its weight is then that of a regular one, as the second
        # update finds it scaled by the same `keep` as every later one.
        self._sum *= keep
        # So that a score is either something or nothing where a profile was calibrated on fainter ones.
        if abs(self._sum) < _FAINTEST:
            self._sum = 0.0
        self._weight *= keep
        self._pts = pts
        # What stays is kept, not computed again: after minutes of silence both are so small that rounding rules.
        if not math.isnan(value):
            self._sum += min(value, self._most)
            self._weight += 1.0
            self._smooth = self._sum / self._weight
        return self._smooth

    def reset(self) -> None:
        """Forget everything, as after a gap."""
        self._sum, self._weight, self._smooth, self._pts = 0.0, 0.0, math.nan, None

    def _keep(self, pts: float) -> float:
        """How much of the past's weight is left at ``pts``."""
        if self._pts is None or self._time_constant == 0:
            return 0.0
        return math.exp(-max(0.0, pts - self._pts) / self._time_constant)


def hold(values: Float64, pts: Float64, epochs: NDArray[np.int64], seconds: float) -> Float64:
    """``(F,)`` a series in which a value stands for a while where nothing is said after it.

    Args:
        values: ``(F,)``, NaN where nothing is said.
        pts: ``(F,)`` seconds.
        epochs: ``(F,)``, another number after each gap, over which nothing stands.
        seconds: For how long; 0 leaves the series as it is.
    """
    if seconds <= 0:
        return values
    said = np.where(np.isnan(values), -1, np.arange(len(values)))
    last = np.maximum.accumulate(said)
    holds = (last >= 0) & (epochs[last] == epochs) & (pts - pts[last] <= seconds)
    return np.where(holds, values[last], values)


def smooth_series(
    values: NDArray[np.float64], pts: NDArray[np.float64], epochs: NDArray[np.int64]
) -> NDArray[np.float64]:
    """``(F,)`` the surprises of a series of frames as the live service smooths them one by one.

    Args:
        values: ``(F,)``, NaN where nothing can be said.
        pts: ``(F,)`` seconds.
        epochs: ``(F,)``, another number after each gap: smoothing forgets what was before it.

    Returns:
        NaN while nothing was said since the last gap.
    """
    smoother = CausalSmoother(SMOOTHING_S)
    smooth = np.empty(len(values))
    last = None
    for index, (value, at, epoch) in enumerate(zip(values.tolist(), pts.tolist(), epochs.tolist(), strict=True)):
        if epoch != last:
            smoother.reset()
            last = epoch
        smooth[index] = smoother.update(value, at)
    return smooth


def final_surprise(
    fused: Calibration, smooth: NDArray[np.float64], calm: float | NDArray[np.float64]
) -> NDArray[np.float64]:
    """``(F,)`` smoothed surprises as -log10(p) again.

    Args:
        fused: Calibration of smoothed surprises, of the profile.
        smooth: ``(F,)``, NaN where nothing was said yet.
        calm: What a frame counts as there, the surprise of a calm frame; one number, or ``(F,)``.
    """
    return fused.surprise(np.where(np.isnan(smooth), calm, smooth))


def smooth_offline(
    values: ArrayLike, pts: ArrayLike, sigma_s: float, most: float = MAX_SURPRISE
) -> NDArray[np.float64]:
    """Gaussian mean over a whole recording, both sides: what papers report, not what a live service can know.

    The recording is mirrored at its ends, and weights are normalised, so uneven frame intervals do no harm.

    Args:
        values: ``(n,)`` scores of one recording; NaN where a frame said nothing (the first one, a disturbed one), which
            then takes the mean of its neighbours.
        pts: ``(n,)`` their times in seconds, strictly increasing.
        sigma_s: Standard deviation in seconds; 0 does not smooth.
        most: Larger values count as this one.

    Returns:
        ``(n,)`` float64; NaN only where no frame within reach said anything.

    Raises:
        ValueError: If the lengths differ or times do not increase.
    """
    series = np.minimum(np.asarray(values, np.float64), most)
    times = np.asarray(pts, np.float64)
    if series.shape != times.shape or series.ndim != 1:
        msg = f"expected one time for each value, got {series.shape} values and {times.shape} times"
        raise ValueError(msg)
    if (np.diff(times) <= 0).any():
        msg = "expected strictly increasing times"
        raise ValueError(msg)
    if sigma_s <= 0 or len(series) < 2:
        return series.copy()
    step = (times[-1] - times[0]) / (len(times) - 1)
    reach = TRUNCATE * sigma_s + 1e-6 * step  # so that rounding does not decide which frames are within
    # Mirrored about half a step outside the ends: each frame stands for the time around it.
    mirrored_times = np.concatenate([2 * times[0] - step - times[::-1], times, 2 * times[-1] + step - times[::-1]])
    mirrored = np.concatenate([series[::-1], series, series[::-1]])
    first = np.searchsorted(mirrored_times, times - reach)
    last = np.searchsorted(mirrored_times, times + reach, side="right")
    result = np.empty_like(series)
    for index, (low, high) in enumerate(zip(first, last, strict=True)):
        weights = np.exp(-0.5 * ((mirrored_times[low:high] - times[index]) / sigma_s) ** 2)
        near = mirrored[low:high]
        weights = np.where(np.isnan(near), 0.0, weights)
        total = weights.sum()
        result[index] = weights @ np.nan_to_num(near) / total if total > 0 else np.nan
    return result
