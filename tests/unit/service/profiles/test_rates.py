from __future__ import annotations

import pytest

from service.profiles.rates import more_than_chance, poisson_bounds


@pytest.mark.parametrize(
    ("events", "low", "high"),
    [  # half of the quantiles of chi-squared distributions, by scipy 1.17
        (0, 0.0, 3.6888794541),
        (1, 0.0253178080, 5.5716433909),
        (3, 0.6186721229, 8.7672730697),
        (12, 6.2005751087, 20.9615850482),
        (250, 219.9679956309, 282.9877050423),
    ],
)
def test_the_interval_is_that_of_garwood(events: int, low: float, high: float) -> None:
    assert poisson_bounds(events) == pytest.approx((low, high), rel=1e-6)


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
