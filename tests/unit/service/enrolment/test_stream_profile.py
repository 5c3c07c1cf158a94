from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import cast
from unittest.mock import Mock

import numpy as np
import pytest

from models.arrays import Arrays
from models.heads.base import Head, Term
from models.packs import PackLibrary
from models.scoring.calibration import Calibration
from models.scoring.promise import MARGIN
from models.scoring.trial import NormalTrial
from service.contracts.alert import AlertKind
from service.contracts.enrolment import EnrolmentSpec
from service.contracts.stream import Detection, StreamSpec
from service.engine.detectors import MotionDetector
from service.engine.heads import LoadedHead, open_head
from service.enrolment.stream_profile import EnrolmentServices, StreamProfile
from service.errors import PROFILE_MISFIT, Conflict, NotFound
from service.pipeline.context import StreamContext
from service.pipeline.scored import ScoredFrame
from service.pipeline.stages import Stages
from service.profiles.profile import HeadProfile, Profile
from service.profiles.samples import Choice, Samples
from service.settings import Settings
from support.heights import Heights, between, fit, footage, loaded

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp()


@pytest.fixture
def profile(tmp_path: Path) -> StreamProfile:
    stages = Stages(MotionDetector(), {"attributes": open_head(PackLibrary().get("attributes"))})
    context = StreamContext("yard", 10.0, Detection(), [], stages.buffers())
    services = EnrolmentServices(
        Settings(_env_file=None, data_dir=tmp_path), Mock(Executor), lambda _stream, _spec: None
    )
    spec = StreamSpec(name="Yard", url="rtsp://camera.example/1")
    return StreamProfile("yard", spec, stages, context, services, lambda: None)


def test_a_profile_of_another_detector_is_not_taken_over(profile: StreamProfile) -> None:
    calibration = Calibration.fit([float(number) for number in range(100)], [0] * 100)
    heads = {"attributes": HeadProfile("attributes", PackLibrary().get("attributes").hash, {}, calibration)}
    other = Profile(heads, calibration, "yolox 0123", datetime.now(UTC), "live", 100, 10.0, Samples())
    with pytest.raises(
        Conflict, match="is for attributes with detector yolox 0123, and this runs attributes with detector motion"
    ) as refused:
        profile.enrol(EnrolmentSpec(stream="gate"), other)
    assert refused.value.kind is PROFILE_MISFIT
    assert not profile.enrolled


class Unwell:
    """A head that fails wherever it is asked about a profile."""

    name = "unwell"
    terms: Mapping[str, Term] = {}
    inputs = ()

    def check(self, profile: Arrays) -> None:
        raise IndexError("of nothing")

    def summary(self, profile: Arrays) -> dict[str, float | str]:
        raise KeyError("mean")


def unwell(profile: StreamProfile) -> Profile:
    """A profile of such a head, on a stream that has it."""
    profile._stages.heads = {"unwell": LoadedHead(cast("Head", Unwell()), "unwell", "0123")}
    calibration = Calibration.fit([float(number) for number in range(100)], [0] * 100)
    heads = {"unwell": HeadProfile("unwell", "0123", {}, calibration)}
    return Profile(heads, calibration, "motion", datetime.now(UTC), "live", 100, 10.0, Samples())


@pytest.fixture
def enrolled(profile: StreamProfile, monkeypatch: pytest.MonkeyPatch) -> StreamProfile:
    """A stream with a profile of twelve hours, in which the highest would have been an alert at 4.8."""
    other = unwell(profile)
    monkeypatch.setattr(Unwell, "check", lambda _head, _arrays: None)
    seconds = np.zeros(12 * 3600, np.float32)
    seconds[1000] = 4.0
    fused = Calibration(np.array([0.0, 1.0]), np.array([1.0, 0.1]), 1 / np.log(10), 0.0, 1.0, 1000)
    trial = NormalTrial(seconds, np.array([0]), np.array([np.nan]))
    profile.enrol(EnrolmentSpec(stream="gate"), replace(other, fused=fused, trial=trial))
    executor = cast(Mock, profile._services.executor)
    executor.submit.side_effect = lambda work, *args: work(*args)
    return profile


def live_hours(profile: StreamProfile, hours: int, event: float = 0.0, epoch: int = 0) -> None:
    """Score hours at a frame a second; an event lasts five seconds, in the middle of them."""
    middle = hours * 1800
    for at in range(hours * 3600 + 1):
        surprise = event if middle <= at < middle + 5 else 0.5
        clocks = SimpleNamespace(pts=float(at), captured_at=NOON + at)
        source = SimpleNamespace(frame=clocks, epoch=epoch)
        frame = SimpleNamespace(source=source, surprise=surprise, unguided=surprise, believable=True)
        profile.observe(cast("ScoredFrame", frame))


def threshold_of(profile: StreamProfile) -> float:
    scorer = profile._context.scorer
    assert scorer is not None
    assert scorer.threshold is not None
    return scorer.threshold


def test_quiet_hours_let_the_threshold_come_down_to_the_wish(enrolled: StreamProfile) -> None:
    first = threshold_of(enrolled)
    assert 4.0 < first < 4.0 * MARGIN
    assert enrolled.notes == []
    live_hours(enrolled, 14)
    assert threshold_of(enrolled) < first
    out = enrolled.out()
    assert out.promise is not None
    assert (out.promise.kind, out.promise.incidents) == ("measured", 1)
    assert out.promise.hours == pytest.approx(26, abs=0.1)
    assert out.promise.threshold_at_enrolment == pytest.approx(first / 6)
    assert out.promise.surprise == threshold_of(enrolled)
    assert out.threshold_changes[-1].threshold == pytest.approx(threshold_of(enrolled) / 6, abs=0.01)
    assert enrolled.notes == [out.threshold_changes[-1].sentence]


def test_alerts_count_as_false_unless_somebody_says_that_they_are_true(enrolled: StreamProfile) -> None:
    live_hours(enrolled, 14, event=5.0)
    loud = threshold_of(enrolled)
    assert loud > 4.0
    opened = datetime.fromtimestamp(NOON + 7 * 3600, UTC)
    seen = {"opened_at": opened, "updated_at": opened + timedelta(seconds=6), "closed_at": None}
    judged = Mock(id="a", kind=AlertKind.ANOMALY, verdict="confirmed", **seen)
    enrolled.judged(judged)
    assert threshold_of(enrolled) < loud
    judged.verdict = "false_alarm"
    enrolled.judged(judged)
    assert threshold_of(enrolled) == pytest.approx(loud, abs=0.001)


def test_the_threshold_of_the_enrolment_can_be_held_and_let_go_again(enrolled: StreamProfile) -> None:
    first = threshold_of(enrolled)
    live_hours(enrolled, 14)
    followed, spec = threshold_of(enrolled), enrolled._spec
    enrolled.configure(spec.model_copy(update={"threshold_adapts": False}))
    assert threshold_of(enrolled) == first
    assert enrolled.notes == []
    enrolled.configure(spec)
    assert threshold_of(enrolled) == followed


def test_a_threshold_that_was_named_stays_as_it_is(enrolled: StreamProfile) -> None:
    enrolled.configure(enrolled._spec.model_copy(update={"threshold": 0.75}))
    live_hours(enrolled, 3, event=5.0)
    assert threshold_of(enrolled) == 4.5
    promise = enrolled.out().promise
    assert promise is not None
    assert (promise.alerts_per_day, promise.incidents, promise.adapts) == (None, 1, False)


def test_a_restart_goes_on_where_it_was(enrolled: StreamProfile) -> None:
    live_hours(enrolled, 14)
    followed, learned = threshold_of(enrolled), enrolled._profile
    enrolled._use(learned)
    assert threshold_of(enrolled) == pytest.approx(followed)
    enrolled.forget()
    assert enrolled.out().promise is None
    assert list(enrolled._live_path.parent.glob("*.npz")) == []


def test_without_a_trial_there_is_a_guess_and_nothing_follows(
    profile: StreamProfile, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = unwell(profile)
    monkeypatch.setattr(Unwell, "check", lambda _head, _arrays: None)
    profile.enrol(EnrolmentSpec(stream="gate"), other)
    first = threshold_of(profile)
    assert first == other.fused.threshold(1.0, 10.0)
    live_hours(profile, 2)
    promise = profile.out().promise
    assert promise is not None
    assert (promise.kind, promise.high, promise.adapts, threshold_of(profile)) == ("guess", None, False, first)


def test_a_head_that_fails_over_a_profile_does_not_fit_it(profile: StreamProfile) -> None:
    with pytest.raises(Conflict, match="profile of unwell: of nothing: enrol again"):
        profile.enrol(EnrolmentSpec(stream="gate"), unwell(profile))


def test_a_head_that_cannot_sum_up_costs_nobody_the_rest(
    profile: StreamProfile, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    other = unwell(profile)
    monkeypatch.setattr(Unwell, "check", lambda _head, _arrays: None)
    profile.enrol(EnrolmentSpec(stream="gate"), other)
    out = profile.out()
    assert [(each.pack, each.summary) for each in out.profiles] == [("unwell", {})]
    assert "head unwell does not sum up its profile" in caplog.text


class AtOnce(Executor):
    """Does what it is given before it returns."""

    def submit(self, work, /, *arguments, **named):
        work(*arguments, **named)


@pytest.fixture
def learned(profile: StreamProfile) -> StreamProfile:
    """A stream that has learned a minute with something odd at 20 s, and something unusual at 40 s."""
    profile._stages.heads = {"heights": loaded()}
    profile._services = replace(profile._services, executor=AtOnce())
    profile.enrol(EnrolmentSpec(stream="gate"), fit(footage(between(20.0, 21.0, 10.0) | between(40.0, 40.5, 4.0))))
    return profile


def told(profile: StreamProfile) -> dict[str, tuple[str, bool, str | None]]:
    return {each.id: (each.kind, each.left_out, each.choice) for each in profile.out().moments}


ODD = "0-20000-21000"


def test_what_a_person_keeps_and_leaves_out_is_learned_anew_and_kept(learned: StreamProfile) -> None:
    assert told(learned)[ODD] == ("odd", True, None)
    before = learned._profile
    learned.choose(ODD, Choice.KEEP)
    assert told(learned)[ODD] == ("odd", False, "keep")
    assert learned._profile is not before
    assert learned.out().profiles[0].origin == "stream gate"
    assert Profile.load(learned._file.path, samples=False).moments[0].choice is Choice.KEEP
    learned.choose(ODD, Choice.LEAVE_OUT)
    assert told(learned)[ODD] == ("odd", True, "leave_out")
    learned.choose(ODD, None)
    assert told(learned)[ODD] == ("odd", True, None)
    assert learned.out().state == "ready"


def test_what_was_said_already_is_not_learned_again(learned: StreamProfile) -> None:
    learned.choose(ODD, Choice.KEEP)
    before = learned._profile
    learned.choose(ODD, Choice.KEEP)
    assert learned._profile is before


def test_a_choice_that_leaves_too_little_changes_nothing_and_is_dropped(
    learned: StreamProfile, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = learned._profile
    monkeypatch.setattr("service.profiles.fit.MIN_FRAMES", 600)
    learned.choose(ODD, Choice.LEAVE_OUT)
    out = learned.out()
    assert (out.state, learned._profile) == ("failed", before)
    assert "are too few to learn from" in (out.error or "")
    assert told(learned)[ODD] == ("odd", True, None)
    monkeypatch.undo()
    learned.choose(ODD, Choice.LEAVE_OUT)
    assert told(learned)[ODD] == ("odd", True, "leave_out")


def test_what_is_said_while_it_learns_anew_comes_into_force_with_one_more(learned: StreamProfile) -> None:
    """The second choice comes in the middle of the first fit, as a second click does."""
    unusual = next(each for each in learned.out().moments if each.kind == "unusual").id
    learned._stages.heads = {"heights": loaded(second := Clicking(learned, unusual))}
    learned.choose(ODD, Choice.KEEP)
    assert second.fits == 2
    known = told(learned)
    assert (known[ODD], known[unusual]) == (("odd", False, "keep"), ("odd", True, "leave_out"))


class Clicking(Heights):
    """While it fits for the first time somebody leaves out a moment."""

    def __init__(self, profile: StreamProfile, moment: str) -> None:
        super().__init__()
        self.profile, self.moment, self.fits = profile, moment, 0

    def fit(self, samples, recordings, normal=None):
        self.fits += 1
        if self.fits == 1:
            self.profile.choose(self.moment, Choice.LEAVE_OUT)
            assert told(self.profile)[self.moment][2] == "leave_out"  # it is told at once
        return super().fit(samples, recordings, normal)


def test_of_a_moment_that_is_not_there_nothing_can_be_said(learned: StreamProfile) -> None:
    for asked in (lambda: learned.choose("7-0-0", Choice.KEEP), lambda: learned.picture("7-0-0")):
        with pytest.raises(NotFound, match="no moment '7-0-0'"):
            asked()
    assert learned.picture(ODD) == b"jpeg 20"


def test_what_is_forgotten_has_no_moments(learned: StreamProfile) -> None:
    learned.forget()
    assert learned.out().moments == []
    with pytest.raises(NotFound):
        learned.choose(ODD, Choice.KEEP)


def test_what_is_learned_anew_goes_on_from_the_hours_scored_live(learned: StreamProfile) -> None:
    before, live = learned._profile, learned._live
    assert before is not None
    assert before.trial is not None
    assert live is not None
    for second in range(7200):
        live.observe(3.0 if second in (100, 101) else 0.5, float(second), 0, 1.8e9 + second)
    learned.choose(ODD, Choice.KEEP)
    after = learned._profile
    assert after is not None
    assert after.trial is not None
    assert after.trial.hours == pytest.approx(before.trial.hours + 2, abs=0.01)
    assert after.fused.raw(after.trial.seconds[-7099]) == pytest.approx(before.fused.raw(3.0), rel=1e-3)


def test_of_footage_longer_than_the_samples_the_trial_loses_what_is_left_out(profile: StreamProfile) -> None:
    profile._stages.heads = {"heights": loaded()}
    profile._services = replace(profile._services, executor=AtOnce())
    samples = footage(between(40.0, 40.5, 4.0))
    samples.frames *= 100  # of which these were kept
    seconds = np.full(60, 0.5, np.float32)
    seconds[40], seconds[10] = 5.0, 4.0
    began = np.array([samples.clock(samples.kept()[0])])
    tried = replace(fit(samples), trial=NormalTrial(seconds, np.zeros(1, np.int64), began))
    profile.enrol(EnrolmentSpec(stream="gate"), tried)
    unusual = next(each for each in profile.out().moments if each.kind == "unusual" and 40 <= each.begin_s < 41)
    profile.choose(unusual.id, Choice.LEAVE_OUT)
    after = profile._profile
    assert after is not None
    assert after.trial is not None
    assert len(after.trial.seconds) < 55
    assert len(after.trial.openings(float(after.trial.silent))) == 1  # that of the tenth second is still there
    level = after.fused.surprise(tried.fused.raw(4.0))
    assert after.trial.silent == pytest.approx(level, rel=1e-3)
