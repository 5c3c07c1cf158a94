from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.scoring import trial as module
from models.scoring.trial import NormalTrial, Sustained, TrialRecorder, trial_of
from service.alerts.incident_machine import IncidentMachine, IncidentRules, SurpriseSample


def alerts(surprise: np.ndarray, pts: np.ndarray, threshold: float) -> int:
    """How many alerts the service's own machine opens, each of which is sent at once."""
    numbers = iter(range(100_000))
    machine = IncidentMachine(IncidentRules(), lambda: str(next(numbers)))
    opened = 0
    for value, at in zip(surprise.tolist(), pts.tolist(), strict=True):
        for change in machine.step(SurpriseSample(0, at, at, value, threshold, at)).changes:
            if change.event == "opened":
                opened += 1
                machine.sent(change.incident.id)
    return opened


def noise(seed: int, frames: int, fps: float) -> tuple[np.ndarray, np.ndarray]:
    """Smoothed noise of an hour or so, with events of some seconds."""
    random = np.random.default_rng(seed)
    values = random.exponential(0.4, frames)
    for start in random.integers(0, frames, frames // 600):
        values[start : start + random.integers(1, int(6 * fps))] += random.exponential(2.0)
    kept, smooth = 0.0, np.empty(frames)
    for index, value in enumerate(values.tolist()):
        kept = 0.75 * kept + 0.25 * value
        smooth[index] = kept
    return smooth, np.arange(frames) / fps


@pytest.mark.parametrize("fps", [2.0, 5.0, 10.0, 25.0])
@pytest.mark.parametrize("seed", range(4))
def test_counts_the_alerts_that_the_service_would_raise(seed, fps):
    surprise, pts = noise(seed, int(3000 * fps), fps)
    trial = trial_of(surprise, pts, np.zeros(len(pts), np.int64))
    assert len(trial.seconds) == pytest.approx(3000, abs=1)
    for threshold in np.quantile(surprise, [0.9, 0.98, 0.99, 0.999, 0.9999]):
        expected = alerts(surprise, pts, threshold)
        # Whole seconds tell 3 s of quiet from 3.5 s only so well: of an alert a minute, some merge otherwise.
        assert trial.incidents(threshold) == pytest.approx(expected, abs=max(1, 0.2 * expected))


@given(st.lists(st.floats(0, 6), min_size=2, max_size=60), st.sampled_from([2.0, 10.0]))
@settings(max_examples=100, deadline=None)
def test_an_incident_opens_exactly_up_to_what_was_sustained(values, fps):
    surprise, pts = np.array(values), np.arange(len(values)) / fps
    sustained = Sustained()
    most = max(sustained.update(value, at) for value, at in zip(values, pts.tolist(), strict=True))
    assert alerts(surprise, pts, most + 1e-6) == 0
    if most > 1e-3:
        assert alerts(surprise, pts, most - 1e-6) > 0


def test_a_glitch_is_not_sustained():
    sustained = Sustained()
    levels = [sustained.update(value, at / 10) for at, value in enumerate([0, 0, 6, 6, 0, 0, 0, 5, 5, 5, 5, 5])]
    assert max(levels[:7]) == 0
    assert levels[-1] == 5


def test_nothing_is_sustained_over_a_gap():
    recorder = TrialRecorder()
    for epoch, at in ((0, 0.0), (0, 0.2), (1, 0.4), (1, 0.6), (1, 60.0), (1, 60.2)):
        recorder.add(5.0, at, epoch)
    assert recorder.trial.seconds.tolist() == [0, 0, 0]
    assert recorder.trial.starts.tolist() == [0, 1, 2]


def test_a_camera_of_a_frame_in_two_seconds_is_counted_in_seconds():
    trial = trial_of(np.array([1.0, 5, 5, 5, 0]), np.arange(0.0, 10, 2), [0] * 5)
    assert len(trial.seconds) == 9
    assert trial.incidents(5) == 1
    assert trial.seconds[4] == 5


def test_frames_of_which_nothing_is_said_are_calm():
    trial = trial_of(np.array([np.nan, np.nan, 3, 3, 3, 3]), np.arange(6) / 10, [0] * 6)
    assert trial.seconds.tolist() == [3]


def test_a_cooldown_holds_back_what_is_not_worse():
    seconds = np.zeros(100, np.float32)
    seconds[[10, 20, 50]] = 4.0
    one = NormalTrial(seconds, np.array([0]), np.array([np.nan]))
    assert one.openings(4.0) == [10, 50]
    seconds[20] = 5.0
    assert one.openings(4.0) == [10, 20, 50]
    seconds[20:50] = 4.0
    assert one.openings(4.0) == [10, 40]  # still lasts when the cooldown is over, and goes on


@given(st.lists(st.sampled_from([0.0, 1, 2, 3, 3.5, 4, 5]), min_size=1, max_size=200), st.integers(0, 5))
@settings(max_examples=100, deadline=None)
def test_above_a_level_there_are_no_more_alerts(values, most):
    one = NormalTrial(np.array(values, np.float32), np.array([0]), np.array([np.nan]))
    levels = one.levels(most)
    assert len(levels) == most + 1
    assert levels == sorted(levels, reverse=True)
    for count, level in enumerate(levels):
        for threshold in (level + 1e-4, level + 0.3, 4.9, 5.1):
            if threshold > level:
                assert one.incidents(threshold) <= count
    assert levels[0] == one.silent


def test_the_oldest_are_let_go(monkeypatch):
    monkeypatch.setattr(module, "MAX_SECONDS", 5)
    first = NormalTrial(np.array([1, 2, 3, 4], np.float32), np.array([0, 2]), np.array([100.0, 200.0]))
    joined = first.joined(NormalTrial(np.array([5, 6], np.float32), np.array([0]), np.array([np.nan])))
    assert joined.seconds.tolist() == [2, 3, 4, 5, 6]
    assert joined.starts.tolist() == [0, 1, 3]
    assert joined.began[:2].tolist() == [101, 200]
    again = NormalTrial.from_arrays(joined.to_arrays())
    assert (again.seconds.tolist(), again.starts.tolist()) == (joined.seconds.tolist(), joined.starts.tolist())


@pytest.mark.parametrize(
    ("seconds", "starts"), [([1.0, np.nan], [0]), ([-1.0], [0]), ([1.0], []), ([1.0, 2.0], [0, 3]), ([1.0, 1], [0, 0])]
)
def test_arrays_that_are_no_trial_are_refused(seconds, starts):
    with pytest.raises(ValueError, match="expected"):
        NormalTrial.from_arrays(
            {
                "seconds": np.array(seconds, np.float32),
                "starts": np.array(starts, np.int64),
                "began": np.zeros(len(starts)),
            }
        )


def test_what_was_judged_is_taken_out_with_its_time():
    one = NormalTrial(np.arange(10, dtype=np.float32), np.array([0, 5]), np.array([1000.0, 2000.0]))
    rest = one.without([(1002.0, 1003.5), (2004.0, 2010.0), (5000.0, 6000.0)])
    assert rest.seconds.tolist() == [0, 4, 5, 6, 7]
    assert rest.starts.tolist() == [0, 1, 2]
    assert rest.began.tolist() == [1000, 1004, 2000]
    assert one.without([]) is one


def test_another_scale_keeps_the_seconds():
    one = NormalTrial(np.array([1, 2, 1], np.float32), np.array([0]), np.array([5.0]))
    assert one.on_scale(lambda level: 2 * level).seconds.tolist() == [2, 4, 2]


def test_what_was_taken_is_not_told_again():
    recorder = TrialRecorder()
    recorder.add(1.0, 0.0, 0)
    recorder.add(1.0, 0.5, 0)
    assert recorder.taken().seconds.tolist() == [1]
    assert recorder.trial.hours == 0
    recorder.add(1.0, 1.0, 0)
    assert recorder.trial.starts.tolist() == [0]
