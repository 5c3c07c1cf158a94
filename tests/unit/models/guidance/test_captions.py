"""What is said of objects by what is known of them."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest

from models.guidance.captions import SOMETHING, describe
from models.guidance.vocabulary import Unusual, wordings
from models.observation import Objects
from models.posture import POSTURES

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


def posed(**confidences):
    """A row of postures: what is not named was looked at and is not so."""
    row = np.full((1, len(POSTURES)), 0.05, np.float32)
    for name, value in confidences.items():
        row[0, POSTURES.index(name.replace("_", " "))] = value
    return row


STOOD = ("person", (0.4, 0.4, 0.05, 0.2), (0.0, 0.0))
WALKED = ("person", (0.4, 0.4, 0.05, 0.2), (0.16, 0.0))


@pytest.mark.parametrize(
    ("thing", "posture", "text", "facts", "guesses"),
    [
        (STOOD, {"standing": 0.9}, "a person standing still", {"person standing"}, set()),
        (STOOD, {"sitting": 0.9}, "a person sitting", {"person sitting"}, set()),
        (STOOD, {"sitting": 0.7}, "a person perhaps sitting", {"person sitting"}, {"person sitting"}),
        (STOOD, {"crouching": 0.9}, "a person crouching", {"person crouching"}, set()),
        (STOOD, {"lying": 0.9}, "a person lying down", {"person lying"}, set()),
        (STOOD, {"lying": 0.6}, "a person perhaps lying down", {"person lying"}, {"person lying"}),
        (STOOD, {"falling": 0.9, "lying": 0.9}, "a person falling", {"person falling", "moving"}, set()),
        (
            STOOD,
            {"standing": 0.9, "arms_raised": 0.9},
            "a person standing still with raised arms",
            {"person standing", "person arms raised"},
            set(),
        ),
        (
            STOOD,
            {"sitting": 0.7, "arms_raised": 0.7},
            "a person perhaps sitting perhaps with raised arms",
            {"person sitting", "person arms raised"},
            {"person sitting", "person arms raised"},
        ),
        (WALKED, {"standing": 0.9}, "a person walking", {"person walking", "moving"}, set()),
        (WALKED, {"sitting": 0.9}, "a person walking", {"person walking", "moving"}, set()),
        (WALKED, {"lying": 0.9}, "a person lying down", {"person lying"}, set()),
        (STOOD, {"standing": 0.5, "sitting": 0.5}, "a person", set(), set()),
    ],
)
def test_how_people_hold_themselves(thing, posture, text, facts, guesses) -> None:
    caption = said(thing, postures=posed(**posture))[0]
    assert caption.text == text
    assert set(caption.facts) == {"person", *facts}
    assert set(caption.guesses) == guesses
    assert not set(caption.facts) & set(caption.unknown)


def test_what_may_be_is_neither_said_nor_denied() -> None:
    between = said(STOOD, postures=posed(standing=0.5, sitting=0.5))[0]
    assert {"person standing", "person sitting"} <= set(between.unknown)
    assert not {"person lying", "person crouching"} & set(between.unknown)
    looked, nobody = said(STOOD, postures=posed(standing=0.9))[0], said(STOOD)[0]
    assert looked.unknown == ()
    assert {"person sitting", "person lying", "person arms raised", "person falling"} <= set(nobody.unknown)
    assert nobody.text == "a person standing still"
    assert set(said(WALKED)[0].unknown) == {"person arms raised", "person falling"}
    assert "person falling" in said(STOOD, postures=posed(lying=0.9))[0].unknown


def test_what_is_guessed_is_not_firm() -> None:
    caption = said(STOOD, postures=posed(lying=0.7))[0]
    firm = caption.firm()
    assert (firm.facts, firm.guesses) == (("person",), ())
    assert "person lying" in firm.unknown
    sure = said(STOOD, postures=posed(lying=0.9))[0]
    assert sure.firm() == sure


def test_a_load_is_carried_in_any_posture() -> None:
    suitcase = ("suitcase", (0.44, 0.52, 0.02, 0.06), (0.0, 0.0))
    rows = np.concatenate([posed(standing=0.9, arms_raised=0.9), np.full((1, len(POSTURES)), np.nan, np.float32)])
    assert said(STOOD, suitcase, postures=rows)[0].text == "a person standing still with raised arms and a suitcase"


def test_who_has_a_posture_is_a_person_whatever_the_detector_knows() -> None:
    rows = np.concatenate([posed(lying=0.9), np.full((1, len(POSTURES)), np.nan, np.float32)])
    thing = ("motion", (0.4, 0.4, 0.05, 0.2), (0.0, 0.0))
    person, something = said(thing, thing, postures=rows, recognised=False)
    assert (person.text, something) == ("a person lying down", SOMETHING)


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
    known = {fact for each in NAMES for fact in wordings(each)}
    for posture in POSTURES:
        row = posed(**{posture.replace(" ", "_"): 0.7})
        caption = said((name, (0.4, 0.4, 0.05, 0.2), velocity), unusual=[get_args(Unusual)], postures=row)[0]
        assert set(caption.facts) <= known
        assert name != "person" or set(caption.unknown) <= known
