"""Fusing what heads say: calibration, the attribution of regions, and what is silent."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from models.heads.base import HeadScores, Likeness
from models.scoring.calibration import Calibration
from service.pipeline.scored import ScoredObjects
from service.pipeline.scoring import SHOWN_REGIONS, Scorer
from service.profiles.profile import HeadProfile, Profile

WALKER, CYCLIST, ELSEWHERE = (0.1, 0.1, 0.1, 0.2), (0.3, 0.1, 0.1, 0.2), (0.8, 0.8, 0.1, 0.1)

PLAIN = Calibration(np.array([0.0, 1.0]), np.array([1.0, 0.1]), 1 / np.log(10), 0.0, 1.0, 1000)
"""A raw score of 1 and above is its own surprise."""


NOW: tuple[float, Mapping[str, float]] = 0.0, defaultdict(float)
"""The time of a frame, and heads whose word holds for it alone."""


def scorer(*names: str) -> Scorer:
    heads = {name: HeadProfile(name, "0", {}, PLAIN) for name in names}
    return Scorer(Profile(heads, PLAIN, "none", datetime.now(UTC), "test", 100, 10.0, None))


def likeness(phrases: tuple[str, ...]) -> Likeness:
    """Of no objects."""
    which, how = np.zeros((0, 1), np.int64), np.zeros((0, 1), np.float32)
    return Likeness(phrases, which, how, which[:, 0], how[:, 0])


def scores(frame: float, objects: list[float], regions=(), **fields) -> HeadScores:
    return HeadScores(
        frame,
        np.array(objects, np.float32),
        np.array([box for box, _ in regions], np.float32).reshape(-1, 4),
        np.array([raw for _, raw in regions], np.float32),
        **fields,
    )


@pytest.mark.parametrize(
    ("region", "raw", "expected"),
    [
        ((0.25, 0.05, 0.3, 0.3), 5.0, [1.0, 5.0]),  # around the cyclist alone
        ((0.05, 0.05, 0.5, 0.3), 5.0, [1.0, 5.0]),  # around both: the more unusual one's
        ((0.05, 0.05, 0.2, 0.3), 5.0, [5.0, 2.0]),  # around the walker alone
        ((0.25, 0.05, 0.3, 0.3), 1.5, [1.0, 2.0]),  # says less than the object itself
        ((0.37, 0.10, 0.3, 0.2), 5.0, [1.0, 2.0, 5.0]),  # holds less than half of the cyclist
        (ELSEWHERE, 5.0, [1.0, 2.0, 5.0]),  # of nothing that was detected
    ],
)
def test_a_regions_evidence_goes_to_the_object_that_it_is_of(region, raw, expected) -> None:
    fused = scorer("a").fuse(
        {"a": scores(5.0, [1.0, 2.0], [(region, raw)])}, np.array([WALKER, CYCLIST], np.float32), *NOW
    )
    assert fused.surprises.tolist() == pytest.approx(expected)
    assert len(fused.regions) == len(expected) - 2


def test_the_object_says_what_the_region_knew() -> None:
    terms = {"size": np.array([0.1], np.float32)}
    region_terms = {"motion speed": np.array([4.0, 3.0], np.float32)}
    said = scores(5.0, [2.0], [(CYCLIST, 5.0), (ELSEWHERE, 4.0)], terms=terms, region_terms=region_terms)
    fused = scorer("a").fuse({"a": said}, np.array([CYCLIST], np.float32), *NOW)
    assert fused.terms["a", "motion speed"].tolist() == [4.0, 3.0]
    assert fused.terms["a", "size"][0] == pytest.approx(0.1)
    assert np.isnan(fused.terms["a", "size"][1])


def test_heads_with_a_term_of_one_name_keep_their_own() -> None:
    said = {
        name: scores(1.0, [1.0], [(CYCLIST, raw)], terms={"speed": np.array([speed])}, region_terms=of_region)
        for name, raw, speed, of_region in (("a", 5.0, 0.1, {"speed": np.array([4.0])}), ("b", 0.0, 0.2, {}))
    }
    terms = scorer("a", "b").fuse(said, np.array([CYCLIST], np.float32), *NOW).terms
    assert {key: values.tolist() for key, values in terms.items()} == {
        ("a", "speed"): pytest.approx([4.0]),
        ("b", "speed"): pytest.approx([0.2]),
    }


@pytest.mark.parametrize(("frames", "expected"), [((2.0, 3.0), "b"), ((3.0, 2.0), "a"), ((2.0, 2.0), "a")])
def test_the_head_that_is_most_surprised_says_what_objects_resemble(frames, expected) -> None:
    said = {name: scores(frame, [frame], likeness=likeness((name,))) for name, frame in zip("ab", frames, strict=True)}
    said["silent"] = scores(9.0, [9.0])
    fused = scorer(*said).fuse(said, np.array([WALKER], np.float32), *NOW)
    assert fused.likeness is said[expected].likeness


def test_only_the_most_unusual_regions_are_shown() -> None:
    regions = [((0.1 * index, 0.0, 0.05, 0.05), 1.0 + index) for index in range(6)]
    fused = scorer("a").fuse({"a": scores(5.0, [], regions)}, np.zeros((0, 4), np.float32), *NOW)
    assert fused.surprises.tolist() == pytest.approx([6.0, 5.0, 4.0][:SHOWN_REGIONS])


def test_the_most_unusual_head_counts_and_a_silent_one_does_not() -> None:
    boxes = np.array([WALKER, CYCLIST, ELSEWHERE], np.float32)
    said = {"a": scores(2.0, [1.0, np.nan, np.nan]), "b": scores(3.0, [4.0, 2.0, np.nan])}
    fused = scorer("a", "b").fuse(said, boxes, *NOW)
    assert fused.frame == pytest.approx(3.0)
    np.testing.assert_allclose(fused.surprises, [4.0, 2.0, np.nan])


def test_a_frame_that_says_nothing_keeps_the_smoothed_value() -> None:
    judge, nothing = scorer("a"), np.zeros((0, 4), np.float32)
    blind = judge.fuse({"a": scores(1.0, [], informative=False)}, nothing, *NOW)
    assert np.isnan(blind.frame)
    assert judge.smooth(blind, blind.frame, 0.0).guided == pytest.approx(1.0)
    judge.reset()
    loud = judge.fuse({"a": scores(4.0, [])}, nothing, *NOW)
    before = judge.smooth(loud, loud.frame, 0.1)
    assert judge.smooth(blind, blind.frame, 0.2) == before


def test_what_a_head_of_windows_said_last_stands_until_its_next_evaluation() -> None:
    judge, nothing, stands = scorer("a", "b"), np.zeros((0, 4), np.float32), {"a": 0.0, "b": 0.3}
    heat = np.ones((2, 2), np.float32)
    calm, silent = scores(1.0, []), scores(0.0, [], informative=False)
    first = judge.fuse({"a": calm, "b": scores(5.0, [], heat=heat, covers=(0.0, 1.0))}, nothing, 1.0, stands)
    later = judge.fuse({"a": calm, "b": silent}, nothing, 1.2, stands)
    assert (first.frame, later.frame, later.heads["b"]) == pytest.approx((5.0, 5.0, 5.0))
    assert later.covers == (0.0, 1.0)
    np.testing.assert_array_equal(later.heat, heat)
    over = judge.fuse({"a": calm, "b": silent}, nothing, 1.4, stands)
    assert over.frame == pytest.approx(1.0)
    assert over.heat is None
    judge.fuse({"a": calm, "b": scores(5.0, [])}, nothing, 1.5, stands)
    judge.reset()
    assert judge.fuse({"a": calm, "b": silent}, nothing, 1.6, stands).frame == pytest.approx(1.0)


def test_its_regions_stand_as_long_so_that_alerts_and_rules_know_where() -> None:
    judge, boxes, stands = scorer("a", "b"), np.array([CYCLIST], np.float32), {"a": 0.0, "b": 0.3}
    calm, silent = scores(1.0, [1.0]), scores(0.0, [np.nan], informative=False)
    terms = {"surge": np.array([7.0, 6.0], np.float32)}
    spoken = scores(5.0, [np.nan], [(CYCLIST, 5.0), (ELSEWHERE, 4.0)], region_terms=terms)
    frames = [judge.fuse({"a": calm, "b": said}, boxes, pts, stands) for said, pts in ((spoken, 1.0), (silent, 1.2))]
    for frame in frames:
        assert frame.surprises.tolist() == pytest.approx([5.0, 4.0])
        assert frame.terms["b", "surge"].tolist() == [7.0, 6.0]
        np.testing.assert_allclose(frame.regions, [ELSEWHERE])
    over = judge.fuse({"a": calm, "b": silent}, boxes, 1.4, stands)
    assert over.surprises.tolist() == pytest.approx([1.0])
    assert len(over.regions) == 0


@pytest.mark.parametrize("frame", [np.nan, np.inf, -np.inf])
def test_a_score_that_is_no_number_says_nothing(frame: float, caplog: pytest.LogCaptureFixture) -> None:
    judge, nothing = scorer("a", "b"), np.zeros((0, 4), np.float32)
    said = {"a": scores(1.0, []), "b": scores(frame, [])}
    for _ in range(3):
        fused = judge.fuse(said, nothing, *NOW)
    assert (fused.frame, fused.heads["b"]) == pytest.approx((1.0, 0.0))
    assert caplog.messages == [f"head b: expected a finite score of a frame, got {frame}"]


@pytest.mark.parametrize("heat", [np.zeros((0, 4)), np.zeros(4), np.full((2, 2), np.nan), np.zeros((2, 2, 3))])
def test_heat_that_nobody_could_draw_is_left_out(heat: Any, caplog: pytest.LogCaptureFixture) -> None:
    fused = scorer("a").fuse({"a": scores(2.0, [], heat=heat)}, np.zeros((0, 4), np.float32), *NOW)
    assert fused.heat is None
    assert fused.frame == pytest.approx(2.0)
    assert f"got shape {heat.shape}" in caplog.text


def test_heat_out_of_range_is_cut_off() -> None:
    heat = np.array([[-1.0, 0.5], [2.0, 1.0]])
    fused = scorer("a").fuse({"a": scores(2.0, [], heat=heat)}, np.zeros((0, 4), np.float32), *NOW)
    assert fused.heat is not None
    assert fused.heat.dtype == np.float32
    assert fused.heat.tolist() == [[0.0, 0.5], [1.0, 1.0]]


def test_guided_and_unguided_are_smoothed_side_by_side() -> None:
    judge = scorer("a")
    fused = judge.fuse({"a": scores(4.0, [])}, np.zeros((0, 4), np.float32), *NOW)
    first = judge.smooth(fused, fused.frame, 0.0)
    assert first.guided == first.unguided
    relieved = judge.smooth(fused, 1.0, 0.1)
    assert relieved.unguided == pytest.approx(4.0)
    assert 1.0 < relieved.guided < 4.0


HOT = np.zeros((10, 10), np.float32)
HOT[1:4, 8:] = 1.0
ROWS = np.array([WALKER, CYCLIST], np.float32)


def blamed(heads: dict[str, HeadScores], boxes: np.ndarray = ROWS) -> tuple[ScoredObjects, int | None]:
    """Objects, and the row of the culprit of a single frame without rules."""
    scored_by = scorer(*heads)
    fused = scored_by.fuse(heads, boxes, *NOW)
    count = len(fused.surprises)
    objects = ScoredObjects(
        np.concatenate([boxes, fused.regions]),
        ("person",) * len(boxes) + ("motion",) * len(fused.regions),
        np.append(np.arange(len(boxes)), np.full(len(fused.regions), -1)),
        np.arange(count) >= len(boxes),
        fused.surprises,
        fused.surprises,
        captions=(None,) * count,
        matches=((),) * count,
        feedback=(None,) * count,
    )
    found, blame = scored_by.blame(objects, fused, fused.frame, 0.0)
    return found, blame.culprit


BLAMED = [
    ("an object", {"a": scores(5.0, [1.0, 2.0])}, 1),
    ("a region of no object", {"a": scores(5.0, [1.0, 2.0], [(ELSEWHERE, 4.0)])}, 2),
    ("an object by its region", {"a": scores(5.0, [1.0, 0.5], [(CYCLIST, 4.0)])}, 1),
    ("by the head that the score is of", {"a": scores(5.0, [3.0, 1.0]), "b": scores(4.0, [0.0, 4.0])}, 0),
    (
        "nobody in a picture that is unusual as a whole",
        {"w": scores(5.0, [np.nan] * 2), "a": scores(3.0, [1.0, 3.0])},
        None,
    ),
    ("a place that is hot", {"w": scores(5.0, [np.nan] * 2, heat=HOT), "a": scores(3.0, [1.0, 3.0])}, 2),
    ("not a hot place of another head", {"w": scores(2.0, [np.nan] * 2, heat=HOT), "a": scores(3.0, [1.0, 3.0])}, 1),
]


@pytest.mark.parametrize(("heads", "row"), [case[1:] for case in BLAMED])
def test_who_is_to_blame(heads: dict[str, HeadScores], row: int | None) -> None:
    assert blamed(heads)[1] == row


def test_an_object_that_stands_where_it_is_hot_is_blamed_and_no_region_is_added() -> None:
    there = np.array([WALKER, (0.82, 0.12, 0.12, 0.25)], np.float32)
    objects, culprit = blamed({"w": scores(5.0, [np.nan] * 2, heat=HOT)}, there)
    assert (len(objects), culprit) == (2, 1)


def test_a_hot_place_is_a_region_as_unusual_as_the_frame() -> None:
    objects, culprit = blamed({"w": scores(5.0, [np.nan] * 2, heat=HOT)})
    assert culprit == 2
    assert objects.labels[2] == "motion"
    assert objects.surprise[2] == pytest.approx(5.0)
    np.testing.assert_allclose(objects.boxes[2], (0.8, 0.1, 0.2, 0.3), atol=1e-6)


def test_the_head_that_finds_each_most_unusual_leads_it() -> None:
    said = {
        "a": scores(5.0, [3.0, 1.0, np.nan], [(ELSEWHERE, 4.0)]),
        "b": scores(4.0, [0.5, 2.0, np.nan]),
    }
    boxes = np.array([WALKER, CYCLIST, (0.5, 0.5, 0.1, 0.1)], np.float32)
    fused = scorer("a", "b").fuse(said, boxes, *NOW)
    assert fused.leading == ("a", "b", None, "a")
