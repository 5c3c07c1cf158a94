"""Whether a count is more than chance explains."""

from __future__ import annotations

import math


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
