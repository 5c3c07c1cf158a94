"""Poisson intervals against the Poisson distribution itself, and against published tables."""

from __future__ import annotations

import math

import pytest

from models.scoring.poisson import poisson_interval, poisson_limit


def at_most(count: int, mean: float) -> float:
    return sum(math.exp(-mean) * mean**k / math.factorial(k) for k in range(count + 1))


@pytest.mark.parametrize("count", [0, 1, 2, 7, 30])
@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_the_interval_ends_where_the_count_is_just_believable(count, confidence):
    low, high = poisson_interval(count, confidence)
    assert at_most(count, high) == pytest.approx((1 - confidence) / 2)
    if count:
        assert 1 - at_most(count - 1, low) == pytest.approx((1 - confidence) / 2)
    assert at_most(count, poisson_limit(count, confidence)) == pytest.approx(1 - confidence)


@pytest.mark.parametrize(
    ("count", "low", "high"),
    [(0, 0.0, 3.6889), (1, 0.0253, 5.5716), (3, 0.6187, 8.7673), (10, 4.795, 18.390), (100, 81.364, 121.627)],
)
def test_values_of_published_tables(count, low, high):
    assert list(poisson_interval(count)) == pytest.approx([low, high], abs=2e-3)


def test_the_rule_of_three():
    assert poisson_limit(0) == pytest.approx(2.996, abs=1e-3)
