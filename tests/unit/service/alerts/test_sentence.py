from __future__ import annotations

import math

import pytest

from service.alerts.sentence import (
    anomaly_message,
    blind_message,
    blind_over_message,
    duration,
    outage_message,
    outage_over_message,
)
from service.contracts.alert import AlertObject
from service.contracts.stream import NotWatching, NotWatchingReason
from service.frames import Blindness

BOX = (0.1, 0.1, 0.1, 0.1)

SENTENCES = {"speed": "moves at a speed that is not usual there", "size": "is of a size that is not usual there"}

SUBJECTS = [
    ([("person", {"speed": 3.1, "size": 1.0})], "A person moves at a speed that is not usual there"),
    ([("umbrella", {"size": 2.0})], "An umbrella is of a size that is not usual there"),
    ([("motion", {"speed": 2.0})], "Something moves at a speed that is not usual there"),
    ([("car", {"size": 9.0, "speed": 8.0}), ("person", {"speed": 99.0})], "A car is of a size that is not usual there"),
    ([("person", {})], "A person is not usual there"),
    ([], "The picture as a whole is unlike what is usual there"),
]


@pytest.mark.parametrize(("objects", "expected"), SUBJECTS)
def test_what_stands_out(objects: list[tuple[str, dict[str, float]]], expected: str) -> None:
    found = [
        AlertObject(track_id=1, box=BOX, label=label, recognised=label != "motion", score=0.9, terms=terms)
        for label, terms in objects
    ]
    assert anomaly_message(found, 3.0, SENTENCES) == f"{expected}; about 1 in 1,000 normal frames is like this."


def test_it_names_the_action_that_it_resembles_most() -> None:
    running, riding = ({"text": text, "similarity": 0.6} for text in ("running", "riding a bicycle"))
    named, nothing = 'and most resembles "riding a bicycle"; ', "and resembles nothing known; "
    for actions, said in (
        ([riding, running], named),
        ([{**running, "alike": False}, riding], named),
        ([{**running, "alike": False}], nothing),
    ):
        top = AlertObject(track_id=1, box=BOX, label="person", score=0.9, terms={"size": 3.0}, actions=actions)
        assert anomaly_message([top], 3.0, SENTENCES).startswith(
            f"A person is of a size that is not usual there {said}"
        )


def test_a_rule_that_raised_it_is_all_that_is_said() -> None:
    match = {"rule_id": "r", "similarity": 0.8, "evidence": "caption"}
    calm, alarm = ({**match, "text": text, "verdict": verdict} for text, verdict in RULES)
    top = AlertObject(track_id=1, box=BOX, label="car", score=1.0, terms={"size": 1.0}, matches=[calm, alarm])
    said = 'A car matches the rule "cars on the path", which is an anomaly here.'
    assert anomaly_message([top], 6.0, SENTENCES) == said


RULES = (("slow cars", "normal"), ("cars on the path", "anomaly"))

RARITIES = [
    (0.0, "about 1 in 1 normal frames is like this"),
    (1.0, "about 1 in 10 normal frames is like this"),
    (3.123, "about 1 in 1,300 normal frames is like this"),
    (3.8, "rarer than anything that was learned to be normal here"),
    (math.inf, "rarer than anything that was learned to be normal here"),
]


@pytest.mark.parametrize(("surprise", "expected"), RARITIES)
def test_how_rare_it_is(surprise: float, expected: str) -> None:
    assert anomaly_message([], surprise, SENTENCES).endswith(f"; {expected}.")


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.2, "0 s"),
        (45.4, "45 s"),
        (60, "1 min"),
        (125, "2 min 5 s"),
        (3599.6, "1 h"),
        (11520, "3 h 12 min"),
        (3605, "1 h"),
        (187200, "2 d 4 h"),
    ],
)
def test_a_duration_has_two_units_at_most(seconds: float, said: str) -> None:
    assert duration(seconds) == said


def test_an_outage_is_told_without_a_length_and_closed_with_the_real_one() -> None:
    assert outage_message("Yard") == "Yard has stopped sending pictures."
    assert outage_over_message("Yard", 125) == "Yard was away for 2 min 5 s."


def test_a_picture_that_says_nothing() -> None:
    why = NotWatching(
        reason=NotWatchingReason.FROZEN,
        message="The picture has not changed since 12:04.",
        advice="Restart the camera.",
        fault=True,
    )
    assert blind_message("Yard", why) == "Yard: The picture has not changed since 12:04. Restart the camera."
    said = [blind_over_message("Yard", NotWatchingReason(each.value), 61) for each in Blindness]
    assert said[0] == "Yard saw nothing for 1 min 1 s: its picture did not change."
    assert len(set(said)) == len(Blindness)
