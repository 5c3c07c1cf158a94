from __future__ import annotations

import pytest

from service.profiles.rates import more_than_chance


@pytest.mark.parametrize(
    ("events", "share", "total", "chance"),
    [  # tails of binomial distributions, by scipy 1.17
        (0, 0.5, 4, 1.0),
        (3, 0.5, 4, 0.3125),
        (90, 0.8, 100, 0.0056963809558),
        (2600, 0.9931, 2606, 0.0010270713817),
    ],
)
def test_the_chance_is_the_tail_of_a_binomial_distribution(
    events: int, share: float, total: int, chance: float
) -> None:
    assert more_than_chance(events, share, total) == pytest.approx(chance, rel=1e-6)
