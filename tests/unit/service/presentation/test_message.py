from __future__ import annotations

import math
from dataclasses import replace
from unittest.mock import Mock

import numpy as np
import pytest

from models.guidance.captions import Caption
from models.heads.base import Likeness
from models.observation import Objects
from models.posture import POSTURES
from service.pipeline.culprit import Blame
from service.pipeline.scored import Legend, ScoredFrame, ScoredObjects
from service.presentation.message import MAX_HEAT, heat_map, scored_objects

PHRASES = ("a person walking", "a car turning around")


def frame(label: str, similarities: list[float], resembles_from: float = 0.5) -> ScoredFrame:
    order = np.argsort(-np.array(similarities))[None]
    likeness = Likeness(
        PHRASES, order, np.array(similarities, np.float32)[order], np.array([-1]), np.full(1, np.nan, np.float32)
    )
    objects = Objects(
        boxes=np.array([[0.1, 0.1, 0.2, 0.2]], np.float32),
        confidences=np.ones(1, np.float32),
        class_ids=np.zeros(1, np.int32),
        track_ids=np.array([7], np.int64),
        names=(label,),
    )
    scored = replace(ScoredObjects.unscored(objects, None), likeness=likeness)
    return ScoredFrame(Mock(), scored, Legend(resembles_from=resembles_from))


@pytest.mark.parametrize(
    ("label", "similarities", "alike"),
    [
        ("person", [0.6, 0.1], ["a person walking"]),
        ("person", [0.6, 0.55], ["a person walking", "a car turning around"]),
        ("person", [0.49, 0.1], []),
        ("car", [0.8, 0.6], ["a car turning around"]),
        ("dog", [0.8, 0.1], []),
        ("bicycle", [0.8, 0.1], ["a person walking"]),
    ],
)
def test_an_object_resembles_what_is_near_enough_and_may_be_of_it(
    label: str, similarities: list[float], alike: list[str]
) -> None:
    (scored,) = scored_objects(frame(label, similarities))
    assert [action.text for action in scored.actions if action.alike] == alike
    assert len(scored.actions) == len(PHRASES)


def test_without_a_bar_that_was_measured_nothing_is_named() -> None:
    found = frame("person", [0.99, 0.1])
    (scored,) = scored_objects(replace(found, legend=Legend()))
    assert not any(action.alike for action in scored.actions)


def test_postures_are_told_where_somebody_could_tell() -> None:
    found = frame("person", [0.6, 0.1])
    known = np.full((1, len(POSTURES)), np.nan, np.float32)
    known[0, [POSTURES.index("lying"), POSTURES.index("arms raised")]] = 0.912, 0.0
    (scored,) = scored_objects(replace(found, objects=replace(found.objects, postures=known)))
    assert scored.posture == {"lying": 0.91, "arms raised": 0.0}
    assert scored_objects(found)[0].posture == {}


LEGEND = Legend(
    sentences={"speed": "moving fast", "motion": "moving fast", "size": "too large", "action": "doing odd things"},
    say={"speed": "moving {:.0f} times too fast".format},
    packs={"speed": "a", "motion": "a", "size": "a", "action": "b"},
)
NAN = math.nan

WAYS = [
    # surprise, evidence, leading head, measure of the speed; what is said
    (3.0, {"speed": 4.0, "size": 1.0, "action": 90.0}, "a", 3.0, ["moving 3 times too fast"]),
    (3.0, {"speed": 4.0, "size": 1.0, "action": 90.0}, "b", 3.0, ["doing odd things"]),
    (3.0, {"speed": 4.0, "size": 2.0}, "a", NAN, ["moving fast", "too large"]),
    (3.0, {"speed": 4.0, "motion": 4.5}, "a", 3.0, ["moving fast"]),
    (3.0, {"speed": 4.0, "motion": NAN, "size": 0.0}, "a", 3.0, ["moving 3 times too fast"]),
    (3.0, {"speed": NAN, "size": 0.0}, "a", 3.0, []),
    (0.5, {"speed": 4.0}, "a", 3.0, []),
    (NAN, {"speed": NAN}, None, 3.0, []),
]


def unusual(surprise: float, evidence: dict[str, float], leading: str | None, measure: float) -> ScoredFrame:
    found = frame("person", [0.1, 0.1])
    surprises = np.array([surprise])
    objects = replace(
        found.objects,
        surprise=surprises,
        unguided=surprises,
        terms={name: np.array([value], np.float32) for name, value in evidence.items()},
        measures={"speed": np.array([measure], np.float32)},
        leading=(leading,),
    )
    return replace(found, objects=objects, legend=LEGEND)


@pytest.mark.parametrize(("surprise", "evidence", "leading", "measure", "said"), WAYS)
def test_in_which_ways_it_is_unusual_by_the_head_that_finds_it_most_unusual(
    surprise: float, evidence: dict[str, float], leading: str | None, measure: float, said: list[str]
) -> None:
    (scored,) = scored_objects(unusual(surprise, evidence, leading, measure))
    assert scored.why == said


def test_of_the_culprit_it_is_said_also_where_its_own_score_is_low() -> None:
    calm = unusual(0.5, {"speed": 4.0}, "a", 3.0)
    (scored,) = scored_objects(replace(calm, blame=Blame(np.array([4]), 4)))
    assert (scored.culprit, scored.why) == (True, ["moving 3 times too fast"])


PLACES = [
    ((0.45, 0.4, 0.1, 0.2), None, "in the middle of the picture"),
    ((0.0, 0.4, 0.1, 0.2), None, "on the left of the picture"),
    ((0.9, 0.4, 0.1, 0.2), None, "on the right of the picture"),
    ((0.45, 0.0, 0.1, 0.2), None, "at the top of the picture"),
    ((0.9, 0.8, 0.1, 0.2), None, "at the bottom right of the picture"),
    ((0.9, 0.8, 0.1, 0.2), "Tracks", "in zone Tracks"),
]


@pytest.mark.parametrize(("box", "zone", "said"), PLACES)
def test_where_it_is(box: tuple[float, ...], zone: str | None, said: str) -> None:
    found = frame("person", [0.1, 0.1])
    caption = Caption("a person", ("person",), zone=zone)
    objects = replace(found.objects, boxes=np.array([box], np.float32), captions=(caption,))
    (scored,) = scored_objects(replace(found, objects=objects))
    assert scored.place == said


def test_a_heat_map_keeps_its_hottest_places_and_is_bounded() -> None:
    heat = np.zeros((120, 40), np.float32)
    heat[119, 0], heat[0, 39] = 2.0, 0.5
    found = heat_map(heat)
    assert (found.rows, found.columns) == (MAX_HEAT, MAX_HEAT)
    cells = np.array(found.values).reshape(found.rows, found.columns)
    assert (cells[-1, 0], cells[0, -1], cells.sum()) == (1.0, 0.5, 1.5)
    assert heat_map(np.ones((2, 3), np.float32)).values == [1.0] * 6


def test_a_heat_map_is_short_in_json() -> None:
    heat = np.random.default_rng(0).random((60, 80)).astype(np.float32)
    found = heat_map(heat)
    assert all(value == round(value, 2) for value in found.values)
    assert len(found.model_dump_json()) < 3000
