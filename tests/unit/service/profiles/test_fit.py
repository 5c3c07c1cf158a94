"""With heads whose raw score of a frame is what it holds, its height; above a fence it is left out as odd."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import cast

import numpy as np
import pytest

from models.arrays import Arrays, Mask
from models.heads.base import Fitted, Head, HeadScores, Term
from service.engine.heads import LoadedHead
from service.profiles.finding import APART_S, MAX_UNUSUAL
from service.profiles.fit import EnrolmentError, fit_profile
from service.profiles.moments import Moment, MomentKind
from service.profiles.profile import Profile
from service.profiles.samples import Choice, Sample, Samples, Span

RATE, FENCE = 10, 9.0


class Heights:
    """Leaves out what is above a fence, unless a person said that it is normal."""

    name = "heights"
    terms: Mapping[str, Term] = {"height": Term("unusually high"), "depth": Term("unusually deep")}
    inputs = ()

    def __init__(self) -> None:
        self.saw: list[float] = []

    def fit(self, samples: Sequence[Arrays], recordings: Sequence[int], normal: Mask | None = None) -> Fitted:
        heights = np.array([float(sample["height"][0]) for sample in samples])
        self.saw = heights.tolist()
        odd = (heights > FENCE) & ~(np.zeros(len(heights), bool) if normal is None else normal)
        said = np.array([bool(sample["informative"][0]) for sample in samples])
        raw = np.where(odd | ~said, np.nan, heights)
        return Fitted({}, raw, np.asarray(recordings, np.int64))

    def score(self, features: Arrays, profile: Arrays) -> HeadScores:
        height = float(features["height"][0])
        evidence = np.array([height], np.float32)
        return HeadScores(
            height, evidence, terms={"height": evidence}, informative=bool(np.asarray(features["informative"])[0])
        )


class FormerHeights(Heights):
    """Of another distribution, made before people could say what is normal."""

    def fit(self, samples: Sequence[Arrays], recordings: Sequence[int]) -> Fitted:  # type: ignore[override]
        return super().fit(samples, recordings)


class UnwellHeights(Heights):
    """Fits, and fails where it is to score."""

    def score(self, features: Arrays, profile: Arrays) -> HeadScores:
        raise KeyError("height")


def footage(heights: Mapping[float, float], seconds: int = 60, said: Mapping[float, bool] | None = None) -> Samples:
    """Calm frames of one recording, with what is to be at some seconds, and a picture every second."""
    samples, calm = Samples(), np.random.default_rng(0).uniform(0, 1, seconds * RATE)
    samples.begin("gate.mp4")
    for index, low in enumerate(calm.tolist()):
        pts = index / RATE
        height, informative = heights.get(pts, low), (said or {}).get(pts, True)
        features = {"height": np.array([height]), "informative": np.array([informative])}
        picture = b"jpeg %.0f" % pts if index % RATE == 0 else None
        samples.add(Sample(0, pts, {"heights": features}, picture=picture))
    return samples


def fit(samples: Samples, head: Heights | None = None) -> Profile:
    loaded = LoadedHead(cast("Head", head or Heights()), "heights", "0123")
    return fit_profile({"heights": loaded}, samples, "motion", (), "files")


def between(begin: float, end: float, height: float) -> dict[float, float]:
    return {index / RATE: height for index in range(round(begin * RATE), round(end * RATE) + 1)}


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
