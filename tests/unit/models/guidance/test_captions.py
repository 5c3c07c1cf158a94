"""What is said of objects by what is known of them."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest

from models.guidance.captions import SOMETHING, describe
from models.guidance.vocabulary import Unusual, wordings
from models.observation import Objects

NAMES = ("person", "bicycle", "car", "dog", "suitcase", "skateboard", "bench", "motion")
NAN = (np.nan, np.nan)
WALKER = ("person", (0.4, 0.4, 0.05, 0.2), (0.16, 0.0))
"""0.8 of its height a second."""


def said(*things, aspect=1.0, **known):
    names, boxes, velocities = zip(*things, strict=True)
    count = len(things)
    objects = Objects(
        np.array(boxes, np.float32).reshape(-1, 4),
        np.ones(count, np.float32),
        np.array([NAMES.index(name) for name in names], np.int32),
        np.arange(count, dtype=np.int64),
        NAMES,
    )
    return describe(objects, np.array(velocities, np.float32).reshape(-1, 2), aspect, **known)


@pytest.mark.parametrize(
    ("speed", "text", "fact"),
    [
        (0.0, "a person standing still", "person standing"),
        (0.06, "a person walking slowly", "person walking slowly"),
        (0.16, "a person walking", "person walking"),
        (-0.16, "a person walking", "person walking"),
        (0.4, "a person running", "person running"),
    ],
)
def test_a_person_by_body_heights_a_second(speed, text, fact) -> None:
    caption = said(("person", (0.4, 0.4, 0.05, 0.2), (speed, 0.0)))[0]
    assert caption.text == text
    assert fact in caption.facts


def test_without_velocity_nothing_is_claimed_or_denied() -> None:
    caption = said(("person", (0.4, 0.4, 0.05, 0.2), NAN))[0]
    assert caption.text == "a person"
    assert {"person walking", "person running", "moving"} <= set(caption.unknown)
    assert caption.facts == ("person",)


def test_a_rider_and_what_is_ridden() -> None:
    rider, bicycle = said(
        ("person", (0.40, 0.30, 0.08, 0.20), (0.5, 0.0)), ("bicycle", (0.38, 0.40, 0.12, 0.12), (0.5, 0.0))
    )
    assert rider.text == "a person riding a bicycle"
    assert "rides bicycle" in rider.facts
    assert not any(fact.startswith("person ") for fact in rider.facts)
    assert bicycle.text == "a bicycle with its rider"
    assert bicycle.facts == rider.facts


@pytest.mark.parametrize(
    ("person", "velocity", "expected"),
    [
        ((0.40, 0.30, 0.08, 0.20), (0.0, 0.0), "a person standing still"),
        ((0.10, 0.30, 0.08, 0.20), (0.5, 0.0), "a person running"),
        ((0.40, 0.47, 0.08, 0.20), (0.5, 0.0), "a person running"),
    ],
    ids=["stands beside it", "is elsewhere", "is below it"],
)
def test_who_does_not_ride(person, velocity, expected) -> None:
    assert said(("person", person, velocity), ("bicycle", (0.38, 0.40, 0.12, 0.12), NAN))[0].text == expected


def test_one_bicycle_has_one_rider() -> None:
    nearer, other, _ = said(
        ("person", (0.40, 0.30, 0.08, 0.20), (0.16, 0.0)),
        ("person", (0.43, 0.30, 0.08, 0.20), (0.16, 0.0)),
        ("bicycle", (0.39, 0.40, 0.10, 0.12), (0.16, 0.0)),
    )
    assert (nearer.text, other.text) == ("a person riding a bicycle", "a person walking")


def test_a_skateboard_is_ridden_underfoot() -> None:
    board = ("skateboard", (0.39, 0.49, 0.07, 0.02), NAN)
    assert said(("person", (0.40, 0.30, 0.05, 0.20), (0.3, 0.0)), board)[0].text == "a person riding a skateboard"
    assert said(("person", (0.40, 0.38, 0.05, 0.20), (0.16, 0.0)), board)[0].text == "a person walking"


def test_what_is_carried() -> None:
    person, suitcase = said(WALKER, ("suitcase", (0.44, 0.52, 0.02, 0.06), (0.16, 0.0)))
    assert person.text == "a person walking with a suitcase"
    assert {"person walking", "carries suitcase"} <= set(person.facts)
    assert suitcase.text == "a suitcase moving"
    assert said(WALKER, ("suitcase", (0.6, 0.52, 0.02, 0.06), NAN))[0].text == "a person walking"


def test_one_who_lies_is_wide_and_low_and_whole() -> None:
    assert said(("person", (0.4, 0.8, 0.1, 0.1), (0.0, 0.0)), aspect=1.5)[0].text == "a person lying on the ground"
    assert said(("person", (0.4, 0.8, 0.1, 0.1), (0.0, 0.0)), aspect=1.0)[0].text == "a person standing still"
    assert said(("person", (0.4, 0.92, 0.1, 0.08), (0.0, 0.0)), aspect=1.5)[0].text == "a person standing still"


@pytest.mark.parametrize(
    ("name", "velocity", "text"),
    [
        ("car", (0.2, 0.0), "a car driving"),
        ("car", (0.0, 0.0), "a car standing still"),
        ("car", NAN, "a car"),
        ("dog", (0.1, 0.0), "a dog moving"),
        ("dog", (0.4, 0.0), "a dog running"),
        ("bench", (0.0, 0.0), "a bench"),
        ("bench", (0.3, 0.0), "a bench moving"),
    ],
)
def test_things(name, velocity, text) -> None:
    assert said((name, (0.4, 0.4, 0.2, 0.2), velocity))[0].text == text


def test_against_what_is_usual_and_where() -> None:
    zones = [("the yard", np.array([True, False]))]
    first, second = said(WALKER, WALKER, unusual=[("fast", "wrong way"), ()], zones=zones)
    assert first.text == "a person walking, faster than usual here, against the usual direction, in the yard"
    assert {"fast", "person fast", "wrong way", "person wrong way"} <= set(first.facts)
    assert second.text == "a person walking"


def test_a_detector_that_knows_nothing_says_no_person() -> None:
    captions = said(("motion", (0.4, 0.4, 0.05, 0.2), (0.16, 0.0)), recognised=False)
    assert captions == (SOMETHING,)
    assert captions[0].text == "something moving"


def test_no_objects() -> None:
    assert describe(Objects.empty(NAMES), np.zeros((0, 2), np.float32), 1.5) == ()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("velocity", [NAN, (0.0, 0.0), (0.06, 0.0), (0.4, 0.0)])
def test_every_fact_has_words(name, velocity) -> None:
    for shape in ((0.4, 0.4, 0.05, 0.2), (0.4, 0.4, 0.2, 0.1)):
        caption = said((name, shape, velocity), unusual=[get_args(Unusual)])[0]
        known = {fact for each in NAMES for fact in wordings(each)}
        assert set(caption.facts) <= known
