from __future__ import annotations

import random
import statistics

from hypothesis import given
from hypothesis import strategies as st

from service.backoff import Backoff


@given(st.integers(0, 2**32), st.floats(0.01, 10), st.floats(0.01, 100), st.integers(1, 200))
def test_waits_stay_within_a_doubling_bound(seed: int, first: float, longest: float, attempts: int) -> None:
    backoff = Backoff(first, random.Random(seed))
    for attempt in range(attempts):
        assert 0 <= backoff.wait(longest) <= min(longest, first * 2.0**attempt)


def test_jitter_is_full_and_even() -> None:
    chance = random.Random(1)
    waits = [Backoff(1.0, chance).wait(30.0) for _ in range(4000)]
    assert abs(statistics.mean(waits) - 0.5) < 0.03
    assert min(waits) < 0.01
    assert max(waits) > 0.99


def test_streams_do_not_march_in_step() -> None:
    ones, others = Backoff(0.5), Backoff(0.5)
    assert [ones.wait(30) for _ in range(5)] != [others.wait(30) for _ in range(5)]


def test_ease_forgets_attempts_but_never_adds_any() -> None:
    backoff = Backoff(1.0, random.Random(2))
    for _ in range(10):
        backoff.wait(1e9)
    backoff.ease(3)
    assert backoff.attempts == 3
    assert backoff.wait(1e9) <= 8
    backoff.ease(9)
    assert backoff.attempts == 4
    backoff.ease()
    assert backoff.wait(1e9) <= 1
