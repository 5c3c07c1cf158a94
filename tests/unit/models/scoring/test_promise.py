from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.scoring.calibration import Calibration
from models.scoring.promise import MARGIN, REACH, PromiseKind, promise, promise_of, untried
from models.scoring.trial import NormalTrial

PLAIN = Calibration(np.array([0.0, 1.0]), np.array([1.0, 0.1]), 1 / np.log(10), 0.0, 1.0, 1000)
"""Surprise is the raw score."""


def footage(hours: float, peaks: list[float]) -> NormalTrial:
    """Calm footage with alerts of these heights, minutes apart."""
    seconds = np.zeros(round(3600 * hours), np.float32)
    seconds[np.linspace(60, len(seconds) - 60, len(peaks)).astype(int)] = peaks
    return NormalTrial(seconds, np.array([0]), np.array([np.nan]))


def test_minutes_are_a_guess_at_the_silent_level_and_a_margin():
    made = promise(footage(2 / 3, [2.0]), PLAIN, 1.0)
    assert made.kind is PromiseKind.GUESS
    assert made.incidents == 0
    assert 2.0 < made.threshold <= 2.0 * MARGIN
    assert made.threshold == pytest.approx(2.0 * MARGIN, rel=0.02)
    assert made.low == 0
    assert made.high == pytest.approx(3.689 * 36, rel=1e-3)
    assert made.sentence == "No alert in 40 minutes of normal footage; 1 a day is a guess."


def test_hours_are_measured():
    made = promise(footage(31, [3.0, 3.1, 3.2, 2.0, 1.8]), PLAIN, 24 * 3 / 31 + 1e-9)
    assert made.kind is PromiseKind.MEASURED
    assert made.threshold == pytest.approx(3.0)
    assert made.incidents == 3
    assert made.expected == pytest.approx(3 / 31 * 24)
    assert [made.low, made.high] == pytest.approx([0.479, 6.787], abs=1e-3)
    assert made.sentence == "3 alerts in 31 hours of normal footage: between 0.48 and 6.8 a day expected."


peaks = st.lists(st.integers(60, 550).map(lambda level: level / 100), max_size=12, unique=True)


@given(peaks, st.floats(0.5, 200), st.floats(0.01, 50), st.floats(1, 10))
@settings(max_examples=100, deadline=None)
def test_who_wishes_more_alerts_never_gets_a_higher_threshold(levels, hours, wish, more):
    trial = footage(hours, levels)
    assert promise(trial, PLAIN, wish * more).threshold <= promise(trial, PLAIN, wish).threshold + 1e-6


@given(peaks, st.floats(0.5, 200), st.floats(0.01, 50), st.floats(0.1, 100))
@settings(max_examples=100, deadline=None)
def test_silent_hours_never_raise_the_threshold(levels, hours, wish, silent):
    trial = footage(hours, levels)
    longer = trial.joined(footage(silent, []))
    assert promise(longer, PLAIN, wish).threshold <= promise(trial, PLAIN, wish).threshold + 1e-6


@given(peaks, st.floats(1, 50))
@settings(max_examples=100, deadline=None)
def test_a_guess_becomes_a_measure_without_a_jump(levels, hours):
    trial = footage(hours, levels)
    for whole in (1, 2, 3):
        wish = 24 / hours * whole
        below, above = promise(trial, PLAIN, wish * (1 - 1e-6)), promise(trial, PLAIN, wish * (1 + 1e-6))
        assert below.threshold == pytest.approx(above.threshold, abs=1e-4)


@given(peaks, st.floats(1, 100), st.floats(0.1, 50))
@settings(max_examples=100, deadline=None)
def test_no_more_alerts_were_seen_than_the_wish_allows(levels, hours, wish):
    trial = footage(hours, levels)
    made = promise(trial, PLAIN, wish)
    if 1 < made.threshold < REACH:
        assert made.incidents <= wish * trial.hours / 24 + 1e-6


def test_what_is_as_unusual_as_can_be_always_alerts():
    made = promise(footage(1, [6.0]), PLAIN, 0.01)
    assert made.threshold == pytest.approx(REACH)
    assert (made.kind, made.incidents) == (PromiseKind.MEASURED, 1)


def test_a_threshold_set_by_hand_is_counted_too():
    trial = footage(48, [4.0, 3.0])
    made = promise_of(trial, 3.5)
    assert (made.alerts_per_day, made.incidents) == (None, 1)
    assert made.expected == pytest.approx(0.5)
    silent = promise_of(trial, 5.0)
    assert silent.kind is PromiseKind.GUESS
    assert silent.sentence == "No alert in 48 hours of normal footage: fewer than 1.8 a day expected."


def test_without_footage_nothing_is_known():
    made = untried(4.0, 1.0)
    assert (made.low, made.high, made.kind) == (0.0, math.inf, PromiseKind.GUESS)
    assert "guess" in made.sentence
    assert promise(NormalTrial(), PLAIN, 1.0).hours == 0


def test_a_wish_has_to_be_positive():
    with pytest.raises(ValueError, match="positive number of alerts"):
        promise(footage(1, []), PLAIN, 0.0)
