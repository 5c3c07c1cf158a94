from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from models.scoring.calibration import MAX_SHAPE, MIN_SCORES, Calibration, extremal_index

finite = st.floats(-1e4, 1e4, width=32)
samples = arrays(np.float64, st.integers(MIN_SCORES, 300), elements=finite)


def exponential(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).exponential(size=count)


@given(samples, st.lists(finite, min_size=2, max_size=30))
@settings(max_examples=200, deadline=None)
def test_surprise_is_finite_and_never_decreases(raw, queries):
    calibration = Calibration.fit(raw, [0] * len(raw))
    surprise = calibration.surprise(np.sort(np.array([*queries, 100000000.0, -100000000.0])))
    assert np.isfinite(surprise).all()
    assert (surprise >= 0).all()
    assert (np.diff(surprise) >= 0).all()


def test_scores_too_fine_to_divide_by_are_nothing():
    """As a smoothed score is that has fallen for minutes: p came out as minus infinity between two of them."""
    fading = [0.5**exponent for exponent in range(1080)]
    raw = [*fading, *[0.0] * 20]
    calibration = Calibration.fit(raw, [0] * len(raw))
    surprise = calibration.surprise(np.sort(np.array([*raw, 3e-310, 7e-324])))
    assert np.isfinite(surprise).all()
    assert (np.diff(surprise) >= 0).all()
    assert surprise[0] == 0


@given(samples)
@settings(max_examples=100, deadline=None)
def test_rare_scores_are_told_apart(raw):
    calibration = Calibration.fit(raw, [0] * len(raw))
    beyond = raw.max() + max(1.0, float(np.ptp(raw))) * np.arange(1, 6)
    assert (np.diff(calibration.surprise(beyond)) > 0).all()


@given(samples, finite)
@settings(max_examples=50, deadline=None)
def test_arrays_round_trip(raw, query):
    calibration = Calibration.fit(raw, [0] * len(raw))
    stored = {name: values.copy() for name, values in calibration.to_arrays().items()}
    assert Calibration.from_arrays(stored).surprise(query) == calibration.surprise(query)
    assert Calibration.from_arrays(stored).count == calibration.count


@given(samples, st.floats(0.2, 12))
@settings(max_examples=100, deadline=None)
def test_raw_inverts_surprise(raw, surprise):
    calibration = Calibration.fit(raw, [0] * len(raw))
    if surprise >= calibration.surprise(float(calibration.scores[0])) + 1e-9:
        assert calibration.surprise(calibration.raw(surprise)) == pytest.approx(surprise, rel=1e-6, abs=1e-6)


def test_surprise_is_continuous_where_the_tail_starts():
    calibration = Calibration.fit(exponential(1000), [0] * 1000)
    start = float(calibration.scores[-1])
    assert calibration.surprise(start + 1e-9) == pytest.approx(calibration.surprise(start - 1e-9), abs=1e-3)


@pytest.mark.parametrize(
    ("draw", "exceeds"),
    [
        (lambda g, n: g.exponential(size=n), lambda x: math.exp(-x)),
        (lambda g, n: g.pareto(4.0, size=n), lambda x: (1 + x) ** -4.0),
        (lambda g, n: np.abs(g.normal(size=n)), lambda x: math.erfc(x / math.sqrt(2))),
    ],
    ids=["exponential", "pareto", "half normal"],
)
def test_tail_extrapolates_a_known_distribution(draw, exceeds):
    calibration = Calibration.fit(draw(np.random.default_rng(1), 3000), [0] * 3000)
    for surprise in (2.0, 3.0, 4.0):
        low, high = 0.0, 1e4
        for _ in range(100):
            middle = (low + high) / 2
            low, high = (middle, high) if -math.log10(max(exceeds(middle), 1e-300)) < surprise else (low, middle)
        assert calibration.surprise(low) == pytest.approx(surprise, rel=0.25)


@pytest.mark.parametrize("wished", [0.1, 0.03, 0.01, 0.001])
def test_false_alarm_rate_on_unseen_normal_scores(wished):
    """The share of new normal scores beyond a p is that p, within what 2,000 scores can know."""
    shares = []
    for seed in range(20):
        generator = np.random.default_rng(seed)
        calibration = Calibration.fit(generator.gamma(3.0, size=2000), [0] * 2000)
        unseen = calibration.surprise(generator.gamma(3.0, size=20_000))
        shares.append(np.mean(unseen >= -math.log10(wished)))
    assert np.mean(shares) == pytest.approx(wished, rel=0.3)


def runs_of_ten(count: int, seed: int) -> np.ndarray:
    return np.repeat(exponential(count // 10, seed), 10) + 1e-6 * exponential(count, seed + 1)


def test_threshold_gives_about_the_wished_alerts_a_day():
    """Scores that stay for ten frames alert a tenth as often as they exceed; the threshold accounts for it."""
    fps, wished = 10.0, 2000.0
    alerts = []
    for seed in range(10):
        calibration = Calibration.fit(runs_of_ten(6000, seed), [0] * 6000)
        day = calibration.surprise(runs_of_ten(864_000, 100 + seed)) >= calibration.threshold(wished, fps)
        alerts.append(int(day[0]) + np.count_nonzero(np.diff(day.astype(int)) == 1))
    assert np.mean(alerts) == pytest.approx(wished, rel=0.4)


def test_threshold_falls_with_more_alerts_and_rises_with_frame_rate():
    calibration = Calibration.fit(exponential(1000), [0] * 1000)
    assert calibration.threshold(1, 10) > calibration.threshold(10, 10)
    assert calibration.threshold(1, 25) > calibration.threshold(1, 10)
    assert calibration.threshold(1e9, 10) == 0.0


@pytest.mark.parametrize(("alerts", "fps"), [(0, 10), (-1, 10), (1, 0)])
def test_threshold_refuses_rates_that_are_not_positive(alerts, fps):
    with pytest.raises(ValueError, match="positive rates"):
        Calibration.fit(exponential(100), [0] * 100).threshold(alerts, fps)


@pytest.mark.parametrize(
    ("exceeds", "recordings", "expected"),
    [
        (np.random.default_rng(0).random(20_000) < 0.02, [0] * 20_000, pytest.approx(1.0, abs=0.1)),
        (np.repeat(np.random.default_rng(0).random(20_000) < 0.02, 10), [0] * 200_000, pytest.approx(0.1, abs=0.02)),
        (np.zeros(100), [0] * 100, 1.0),
        # The last frame of a recording and the first of the next are no neighbours.
        (np.array([1, 1]), [0, 1], 1.0),
    ],
    ids=["alone", "runs of ten", "none", "two recordings"],
)
def test_extremal_index(exceeds, recordings, expected):
    assert extremal_index(exceeds.astype(bool), recordings) == expected


def test_a_small_sample_has_no_absurd_tail():
    for seed in range(50):
        calibration = Calibration.fit(np.random.default_rng(seed).standard_cauchy(25), [0] * 25)
        assert 0 <= calibration.shape <= MAX_SHAPE
        assert calibration.scale > 0


def test_scores_that_do_not_count_are_passed_over():
    raw = exponential(500)
    with_gaps = np.insert(raw, 250, np.full(40, np.nan))
    assert Calibration.fit(with_gaps, [0] * 540).surprise(5.0) == Calibration.fit(raw, [0] * 500).surprise(5.0)


@pytest.mark.parametrize(
    ("raw", "recordings", "message"),
    [
        (np.ones(MIN_SCORES - 1), [0] * (MIN_SCORES - 1), "at least 20"),
        (np.ones(30), [0] * 29, "recording number"),
        (np.full(30, np.nan), [0] * 30, "at least 20"),
        (np.full(30, np.inf), [0] * 30, "finite"),
    ],
)
def test_fit_refuses(raw, recordings, message):
    with pytest.raises(ValueError, match=message):
        Calibration.fit(raw, recordings)
