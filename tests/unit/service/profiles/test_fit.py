from __future__ import annotations

import itertools

import pytest

from service.profiles.finding import APART_S, MAX_UNUSUAL
from service.profiles.fit import EnrolmentError
from service.profiles.moments import Moment, MomentKind
from service.profiles.profile import Profile
from service.profiles.samples import Choice, Span
from support.heights import FormerHeights, Heights, UnwellHeights, between, fit, footage


def of(profile: Profile, kind: MomentKind) -> list[Moment]:
    return [moment for moment in profile.moments if moment.kind is kind]


def test_what_a_head_leaves_out_is_told_with_its_peak_its_reason_and_its_picture() -> None:
    heights = {**between(20.0, 22.0, 10.0), 20.9: 15.0, 21.2: 1.0}  # a glance below the fence is no end of it
    (moment,) = of(fit(footage(heights)), MomentKind.ODD)
    assert moment.span == Span(0, 20.0, 22.0)
    assert (moment.left_out, moment.choice, moment.recording) == (True, None, "gate.mp4")
    assert (moment.peak, moment.why, moment.picture) == (20.9, "unusually high", b"jpeg 21")
    assert moment.surprise > 3


def test_odd_moments_that_lie_apart_are_two() -> None:
    profile = fit(footage({**between(10.0, 10.5, 10.0), **between(40.0, 40.5, 10.0)}))
    assert [moment.span.begin for moment in of(profile, MomentKind.ODD)] == [10.0, 40.0]


def test_a_frame_of_which_nothing_can_be_said_is_not_odd() -> None:
    assert of(fit(footage({}, said={20.0: False, 20.1: False})), MomentKind.ODD) == []


def test_the_most_unusual_of_what_was_learned_is_told_apart_from_what_is_odd() -> None:
    heights = {**between(5.0, 5.3, 10.0), **between(20.0, 20.5, 6.0), **between(40.0, 40.5, 4.0)}
    profile = fit(footage(heights))
    first, second = of(profile, MomentKind.UNUSUAL)[:2]
    assert (20.0 <= first.peak <= 20.6, 40.0 <= second.peak <= 40.6) == (True, True)
    assert first.surprise > second.surprise > 2
    assert not first.left_out
    times = sorted(moment.peak for moment in profile.moments)
    assert all(later - earlier > APART_S / 2 for earlier, later in itertools.pairwise(times))
    assert len(of(profile, MomentKind.UNUSUAL)) <= MAX_UNUSUAL


def test_what_a_person_leaves_out_is_not_learned_from_and_stays_in_sight() -> None:
    samples, head = footage(between(20.0, 21.0, 6.0)), Heights()
    samples.choose(Span(0, 19.9, 21.1), Choice.LEAVE_OUT)
    profile = fit(samples, head)
    assert len(head.saw) == 600 - 13
    assert max(head.saw) < 1
    (moment,) = of(profile, MomentKind.ODD)
    assert (moment.left_out, moment.choice, moment.peak) == (True, Choice.LEAVE_OUT, 20.0)
    assert moment.surprise > 3
    assert fit(footage(between(20.0, 21.0, 6.0))).fused.raw(3.0) > profile.fused.raw(3.0)


def test_what_a_person_keeps_is_learned_although_it_is_odd() -> None:
    samples, head = footage(between(20.0, 21.0, 10.0)), Heights()
    samples.choose(Span(0, 20.0, 21.0), Choice.KEEP)
    (moment,) = of(fit(samples, head), MomentKind.ODD)
    assert (moment.left_out, moment.choice) == (False, Choice.KEEP)
    without = fit(footage(between(20.0, 21.0, 10.0)))
    kept = fit(samples)
    assert kept.heads["heights"].calibration.count == without.heads["heights"].calibration.count + 11


def test_a_head_that_was_made_before_people_could_say_so_goes_on_by_itself() -> None:
    samples = footage(between(20.0, 21.0, 10.0))
    samples.choose(Span(0, 20.0, 21.0), Choice.KEEP)
    (moment,) = of(fit(samples, FormerHeights()), MomentKind.ODD)
    assert (moment.left_out, moment.choice) == (True, Choice.KEEP)


def test_of_too_little_that_is_left_nothing_is_learned() -> None:
    samples = footage({})
    samples.choose(Span(0, 4.0, 60.0), Choice.LEAVE_OUT)
    with pytest.raises(EnrolmentError, match="40 normal frames are too few"):
        fit(samples)


def test_a_head_that_cannot_say_why_costs_nobody_what_was_learned(caplog: pytest.LogCaptureFixture) -> None:
    profile = fit(footage(between(20.0, 21.0, 10.0)), UnwellHeights())
    assert of(profile, MomentKind.ODD) == []
    assert all(moment.why == "" for moment in profile.moments)
    assert "head heights does not score what it was fitted to" in caplog.text


def test_moments_are_kept_in_the_profile_and_read_without_its_samples(tmp_path) -> None:
    profile = fit(footage(between(20.0, 21.0, 10.0)))
    profile.save(tmp_path / "profile.npz")
    again = Profile.load(tmp_path / "profile.npz", samples=False)
    assert [repr(moment) for moment in again.moments] == [repr(moment) for moment in profile.moments] != []
    assert (again.objects, again.recordings) == (profile.objects, 1)
