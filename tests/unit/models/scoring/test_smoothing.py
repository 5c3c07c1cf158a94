from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.scoring.smoothing import MAX_SURPRISE, CausalSmoother, hold, smooth_offline

series = st.lists(st.floats(-100, 100), min_size=1, max_size=50)


@given(series, st.floats(0, 5))
def test_causal_stays_within_what_was_seen(values, time_constant):
    smoother = CausalSmoother(time_constant, most=math.inf)
    for index, value in enumerate(values):
        smooth = smoother.update(value, index * 0.1)
        assert min(values[: index + 1]) - 1e-9 <= smooth <= max(values[: index + 1]) + 1e-9


def test_causal_forgets_by_the_clock_and_not_by_the_frame():
    """A step is followed alike at 5 and at 25 frames a second, once both have settled before it."""
    reached = []
    for fps in (5, 25):
        smoother = CausalSmoother(0.5, most=math.inf)
        for index in range(10 * fps):
            smoother.update(0.0, index / fps)
        for index in range(fps):
            last = smoother.update(1.0, 10 + index / fps)
        reached.append(last)
    assert reached[0] == pytest.approx(reached[1], abs=0.1)
    assert reached[1] > 0.8


def test_causal_starts_at_the_first_value():
    smoother = CausalSmoother(1.0, most=math.inf)
    assert smoother.update(5.0, 100.0) == 5.0
    assert smoother.update(5.0, 100.1) == pytest.approx(5.0)


def test_causal_weighs_by_the_exponential_of_the_interval():
    smoother = CausalSmoother(2.0, most=math.inf)
    smoother.update(1.0, 0.0)
    keep = math.exp(-0.5)
    assert smoother.update(0.0, 1.0) == pytest.approx(keep / (keep + 1))


def test_causal_without_time_constant_does_not_smooth():
    smoother = CausalSmoother(0, most=math.inf)
    assert [smoother.update(value, time) for time, value in enumerate([1.0, 9.0, 4.0])] == [1.0, 9.0, 4.0]


def test_causal_passes_over_what_says_nothing():
    smoother = CausalSmoother(1.0, most=math.inf)
    assert math.isnan(smoother.update(math.nan, 0.0))
    assert smoother.update(4.0, 0.1) == 4.0
    assert smoother.update(math.nan, 0.2) == pytest.approx(4.0)
    # What was seen before the gap weighs less after it.
    assert smoother.update(0.0, 10.0) == pytest.approx(0.0, abs=1e-3)


def test_causal_keeps_its_value_however_long_nothing_is_said():
    smoother = CausalSmoother(0.35)
    for index in range(20):
        loud = smoother.update(3.0 + 0.1 * index, index / 10)
    quiet = [smoother.update(math.nan, 2.0 + index / 10) for index in range(6000)]
    assert set(quiet) == {loud}
    assert smoother.update(1.0, 700.0) == pytest.approx(1.0)


def test_causal_falls_to_nothing_and_not_to_what_no_number_can_tell():
    smoother = CausalSmoother(0.35)
    smooth = [smoother.update(1.0 if at == 0 else 0.0, float(at)) for at in range(400)]
    assert smooth[100] > 0
    assert smooth[-1] == 0
    assert min(value for value in smooth if value > 0) > 1e-290


def test_one_extreme_frame_weighs_no_more_than_one_in_a_million():
    smoother, values = CausalSmoother(1.0), np.zeros(50)
    values[20] = 1000.0
    assert max(smoother.update(value, index * 0.1) for index, value in enumerate(values)) <= MAX_SURPRISE
    assert smooth_offline(values, np.arange(50) * 0.1, 0.2).max() <= MAX_SURPRISE


def test_reset_forgets():
    smoother = CausalSmoother(10.0, most=math.inf)
    smoother.update(100.0, 0.0)
    smoother.reset()
    assert smoother.update(1.0, 0.1) == 1.0


def test_negative_time_constant_is_refused():
    with pytest.raises(ValueError, match="at least 0"):
        CausalSmoother(-1.0, most=math.inf)


@given(st.floats(-100, 100), st.integers(1, 60), st.floats(0.01, 3))
def test_offline_keeps_a_constant(level, count, sigma):
    smooth = smooth_offline(np.full(count, level), np.arange(count) * 0.1, sigma, most=math.inf)
    assert smooth == pytest.approx(np.full(count, level))


def test_offline_is_the_gaussian_of_an_impulse_and_symmetric():
    values = np.zeros(101)
    values[50] = 1.0
    smooth = smooth_offline(values, np.arange(101) * 0.1, 0.5)
    assert smooth[50] == pytest.approx(0.1 / (0.5 * math.sqrt(2 * math.pi)), rel=1e-3)
    assert smooth[55] / smooth[50] == pytest.approx(math.exp(-0.5), rel=1e-6)
    assert smooth == pytest.approx(smooth[::-1])


def test_offline_mirrors_at_the_ends():
    values = np.arange(50.0)
    smooth = smooth_offline(values, np.arange(50) * 0.1, 0.3, most=math.inf)
    padded = np.concatenate([values[::-1], values, values[::-1]])
    inner = smooth_offline(padded, np.arange(150) * 0.1, 0.3, most=math.inf)[50:100]
    assert smooth == pytest.approx(inner)


def test_offline_passes_over_what_says_nothing():
    values = np.array([np.nan, 2.0, 2.0, np.nan, 2.0])
    assert smooth_offline(values, np.arange(5) * 0.1, 0.2) == pytest.approx(np.full(5, 2.0))


@pytest.mark.parametrize(
    ("values", "times", "message"),
    [([1, 2], [0], "one time for each"), ([1, 2], [0, 0], "increasing"), ([1, 2], [1, 0], "increasing")],
)
def test_offline_refuses(values, times, message):
    with pytest.raises(ValueError, match=message):
        smooth_offline(values, times, 1.0)


def test_a_value_stands_where_nothing_is_said_after_it() -> None:
    nothing = np.nan
    values = np.array([nothing, 2.0, nothing, nothing, nothing, 3.0, nothing])
    pts, epochs = np.arange(7) / 10, np.array([0, 0, 0, 0, 0, 0, 1])
    held = hold(values, pts, epochs, 0.25)
    np.testing.assert_array_equal(held, [nothing, 2.0, 2.0, 2.0, nothing, 3.0, nothing])
    np.testing.assert_array_equal(hold(values, pts, epochs, 0.0), values)
