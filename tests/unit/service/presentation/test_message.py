from __future__ import annotations

from dataclasses import replace
from unittest.mock import Mock

import numpy as np
import pytest

from models.heads.base import Likeness
from models.observation import Objects
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


def test_where_no_cosine_is_known_to_be_enough_the_nearest_is_named() -> None:
    (scored,) = scored_objects(frame("person", [0.2, 0.1], resembles_from=-1.0))
    assert all(action.alike for action in scored.actions)


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
