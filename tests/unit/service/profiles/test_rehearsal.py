"""What a long enrolment has learned so far, tried on what comes next; with a head whose score is a number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor, Future
from datetime import UTC, datetime
from typing import Any, cast

import numpy as np
import pytest

from models.arrays import Arrays
from models.heads.base import Fitted, Head, HeadScores, Term
from models.scoring.calibration import Calibration
from models.scoring.smoothing import smooth_series
from models.scoring.trial import NormalTrial, trial_of
from service.engine.heads import LoadedHead
from service.profiles import rehearsal as rehearsal_module
from service.profiles.fit import fit_profile
from service.profiles.profile import HeadProfile, Profile
from service.profiles.rehearsal import FrameJudge, Rehearsal
from service.profiles.samples import BLOCK_FRAMES, MAX_BLOCKS, Sample, Samples

FPS = 10
FULL = MAX_BLOCKS * BLOCK_FRAMES


class Level:
    """Finds a frame as unusual as the number it holds is above the mean of what it learned."""

    name = "level"
    terms: Mapping[str, Term] = {}
    inputs = ()

    def __init__(self) -> None:
        self.fits: list[int] = []

    def fit(self, samples: Sequence[Arrays], recordings: Sequence[int]) -> Fitted:
        self.fits.append(len(samples))
        values = np.array([float(np.asarray(each["value"])[0]) for each in samples])
        return Fitted({"mean": np.array([values.mean()])}, values - values.mean(), np.array(recordings))

    def score(self, features: Arrays, profile: Arrays) -> HeadScores:
        value = float(np.asarray(features["value"])[0])
        raw = value - float(np.asarray(profile["mean"])[0])
        return HeadScores(0.0 if np.isnan(raw) else raw, np.zeros(0, np.float32), informative=not np.isnan(raw))


@pytest.fixture
def head() -> Level:
    return Level()


def heads(head: Level) -> dict[str, LoadedHead]:
    return {"level": LoadedHead(cast("Head", head), "level", "0123")}


def frames(values: np.ndarray, start: int = 0, recording: int = 0) -> list[Sample]:
    return [
        Sample(recording, (start + index) / FPS, {"level": {"value": np.array([value])}})
        for index, value in enumerate(values.tolist())
    ]


def noise(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).exponential(size=count)


class Waiting(Executor):
    """Runs what it was given when it is told to."""

    def __init__(self) -> None:
        self.due: list[tuple[Any, tuple[Any, ...]]] = []

    def submit(self, work: Any, /, *args: Any, **_: Any) -> Future[Any]:
        self.due.append((work, args))
        return Future()

    def run(self) -> None:
        for work, args in self.due:
            work(*args)
        self.due = []


def test_short_footage_is_not_tried_as_it_comes(head: Level) -> None:
    samples = Samples()
    rehearsal = Rehearsal(samples, heads(head))
    for sample in frames(noise(FULL - 1)):
        samples.add(sample)
    profile = fit_profile(heads(head), samples, "none", (), "test")
    assert rehearsal.trial(profile) is None
    assert profile.trial is not None
    assert profile.trial.hours == pytest.approx((FULL - 1) / FPS / 3600, rel=0.01)
    assert len(head.fits) == 1


def test_all_hours_of_long_footage_are_tried(head: Level) -> None:
    samples = Samples()
    rehearsal = Rehearsal(samples, heads(head))
    values = noise(5 * FULL)
    event = slice(4 * FULL + 500, 4 * FULL + 550)
    values[event] += 30
    for sample in frames(values):
        samples.add(sample)
    assert len(head.fits) == 3  # when it was full, at twice and at four times as much
    profile = fit_profile(heads(head), samples, "none", (), "test")
    trial = rehearsal.trial(profile)
    assert trial is not None
    assert trial.hours == pytest.approx(5 * FULL / FPS / 3600, rel=0.01)
    top = np.flatnonzero(trial.seconds >= trial.silent * 0.99)
    assert (4 * FULL + 500) / FPS - 5 <= top[0] <= top[-1] <= (4 * FULL + 560) / FPS + 5
    assert samples.onlooker is None


def test_after_a_whole_day_what_was_new_once_is_judged_by_what_the_day_has_taught(
    head: Level, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What came after a while and stayed was unusual as it came, and is not to who knows the day. An event still is."""
    values = noise(8 * FULL)
    values[FULL + 100 :] += 20
    values[7 * FULL : 7 * FULL + 5 * BLOCK_FRAMES] += 60  # some of which are learned from, and not judged

    def tried(whole_day_s: float) -> NormalTrial:
        monkeypatch.setattr(rehearsal_module, "WHOLE_DAY_S", whole_day_s)
        samples = Samples()
        rehearsal = Rehearsal(samples, heads(head))
        for sample in frames(values):
            samples.add(sample)
        trial = rehearsal.trial(fit_profile(heads(head), samples, "none", (), "test"))
        assert trial is not None
        return trial

    came, known = tried(8 * FULL), tried(7.9 * FULL / FPS)
    new = slice((FULL + 100) // FPS, 2 * FULL // FPS)
    assert np.median(came.seconds[new]) > 1.2 * np.median(known.seconds[new])
    assert known.silent > 2 * np.median(known.seconds[new])


def test_live_frames_do_not_wait_for_a_fit(head: Level) -> None:
    samples, executor = Samples(), Waiting()
    rehearsal = Rehearsal(samples, heads(head), executor)
    for sample in frames(noise(FULL + 50)):
        samples.add(sample)
    assert (head.fits, len(executor.due)) == ([], 1)
    executor.run()
    for sample in frames(noise(200, 1), FULL + 50):
        samples.add(sample)
    assert head.fits == [FULL]  # what it learned from is what there was when it was asked to
    trial = rehearsal.trial(fit_profile(heads(head), samples, "none", (), "test"))
    assert trial is not None
    assert trial.hours * 3600 == pytest.approx((FULL + 200) / FPS, abs=3)


def test_nothing_is_fitted_for_who_has_gone(head: Level) -> None:
    samples, executor = Samples(), Waiting()
    rehearsal = Rehearsal(samples, heads(head), executor)
    for sample in frames(noise(FULL + 1)):
        samples.add(sample)
    rehearsal.close()
    executor.run()
    assert head.fits == []
    assert samples.onlooker is None


def test_what_is_extended_is_tried_on_all_that_comes(head: Level) -> None:
    before = Samples()
    for sample in frames(noise(1000)):
        before.add(sample)
    old = fit_profile(heads(head), before, "none", (), "test")
    rehearsal = Rehearsal(before, heads(head), profile=old)
    for sample in frames(noise(1000, 1), recording=1):
        before.add(sample)
    trial = rehearsal.trial(old)
    assert trial is not None
    assert old.trial is not None
    assert trial.hours == pytest.approx(2 * old.trial.hours, rel=0.02)
    np.testing.assert_allclose(trial.seconds[: len(old.trial.seconds)], old.trial.seconds, atol=0.02)


def test_a_judge_says_what_the_live_service_says(head: Level) -> None:
    calibration = Calibration.fit(noise(500), [0] * 500)
    learned = HeadProfile("level", "0123", {"mean": np.zeros(1)}, calibration)
    profile = Profile({"level": learned}, calibration, "none", datetime.now(UTC), "test", 500, 50.0, None)
    values = noise(300, 2)
    values[[0, 5, 6, 100]] = np.nan
    judge = FrameJudge(profile, heads(head))
    said = [judge.judge(sample) for sample in [*frames(values[:200]), *frames(values[200:], recording=1)]]
    epochs, pts = np.repeat([0, 1], [200, 100]), np.concatenate([np.arange(200), np.arange(100)]) / FPS
    expected = calibration.surprise(smooth_series(calibration.surprise(values), pts, epochs))
    np.testing.assert_allclose(said, expected)
    assert trial_of(np.array(said), pts, epochs).hours > 0
