"""What a count says of the mean of a Poisson distribution: alerts in some hours, of the alerts to expect."""

from __future__ import annotations

import math

CONFIDENCE = 0.95
"""Of the intervals and limits that are told."""


def poisson_interval(count: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Exact interval of the mean of a Poisson distribution of which ``count`` were seen (Garwood, Biometrika 1936).

    It never covers less than ``confidence``. Both ends leave half of what that lacks of 1; the lower one is 0 where
    none was seen.
    """
    tail = (1 - confidence) / 2
    low = 0.0 if count == 0 else _mean_at(count - 1, 1 - tail)
    return low, _mean_at(count, tail)


def poisson_limit(count: int, confidence: float = CONFIDENCE) -> float:
    """The mean that is not exceeded with this confidence, where ``count`` were seen; 3.0 for 0 at 95 %."""
    return _mean_at(count, 1 - confidence)


def _mean_at(count: int, share: float) -> float:
    """The mean at which at most ``count`` are seen with a probability of ``share``, by bisection."""
    low, high = 0.0, count + 10 * math.sqrt(count + 1) + 10
    for _ in range(60):
        middle = (low + high) / 2
        terms = (k * math.log(middle) - middle - math.lgamma(k + 1) for k in range(count + 1))
        low, high = (middle, high) if sum(map(math.exp, terms)) > share else (low, middle)
    return (low + high) / 2
