"""How well a rate is known from a few events."""

from __future__ import annotations

import math
from collections.abc import Callable

TAIL = 0.025
"""Of each side of an interval: 95 % lie within."""


def poisson_bounds(events: int, tail: float = TAIL) -> tuple[float, float]:
    """The exact interval of a Poisson mean (Garwood, Biometrika 1936) of which so many events were seen.

    Args:
        events: Seen, at least 0.
        tail: Chance that the mean lies beyond either end.
    """
    high = _mean_where(lambda mean: _at_most(events, mean), tail)
    low = 0.0 if events == 0 else _mean_where(lambda mean: _at_most(events - 1, mean), 1 - tail)
    return low, high


def more_than_chance(events: int, share: float, total: int) -> float:
    """The chance that of ``total`` events at least so many fall into a part that is a ``share`` of the whole.

    Of two Poisson counts with the same rate one is binomial, given their sum: the exact test of Przyborowski and
    Wilenski (Biometrika 1940).

    Args:
        events: In the part, at most ``total``.
        share: Its share, in (0, 1).
        total: In the whole.
    """
    if events <= 0:
        return 1.0
    logs = (math.log(share), math.log1p(-share))
    terms = [
        math.lgamma(total + 1) - math.lgamma(k + 1) - math.lgamma(total - k + 1) + k * logs[0] + (total - k) * logs[1]
        for k in range(events, total + 1)
    ]
    return min(1.0, math.fsum(math.exp(term) for term in terms))


def _at_most(events: int, mean: float) -> float:
    """The chance of at most so many events."""
    return math.fsum(math.exp(k * math.log(mean) - mean - math.lgamma(k + 1)) for k in range(events + 1))


def _mean_where(chance: Callable[[float], float], wanted: float) -> float:
    """The mean at which a chance that falls with it is what is wanted."""
    low, high = 1e-12, 1.0
    while chance(high) > wanted:
        high *= 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if chance(middle) > wanted else (low, middle)
    return high
