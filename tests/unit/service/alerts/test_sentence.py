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

FAST = "moving about 3 times as fast as is usual there"


def culprit(**fields: object) -> AlertObject:
    return AlertObject.model_validate(
        {"track_id": 1, "box": (0.1, 0.1, 0.1, 0.1), "label": "person", "score": 0.2, **fields}
    )


SAID = [
    ("person", {"why": [FAST, "of an unusual size"]}, f"A person {FAST}"),
    ("umbrella", {"why": ["of an unusual size"]}, "An umbrella of an unusual size"),
    (None, {"why": ["moving unusually fast"]}, "Moving unusually fast"),
    (None, {"why": ["moving unusually fast"], "place": "in zone Tracks"}, "Moving unusually fast, in zone Tracks"),
    (
        "car",
        {"why": [FAST], "place": "on the left of the picture"},
        f"A car {FAST}, on the left of the picture",
    ),
    ("person", {"place": "at the top of the picture"}, "A person unusual there, at the top of the picture"),
    (None, {"place": "at the top of the picture"}, "Something unusual, at the top of the picture"),
]


@pytest.mark.parametrize(("name", "fields", "expected"), SAID)
def test_what_where_and_how_rare(name: str | None, fields: dict[str, object], expected: str) -> None:
    assert anomaly_message(culprit(**fields), name, None, 5.0) == f"{expected}. Never seen while learning."


def test_a_picture_that_is_unusual_as_a_whole() -> None:
    assert anomaly_message(None, None, None, 5.0) == "The picture as a whole looks unusual. Never seen while learning."


def test_a_guess_comes_last_and_as_one() -> None:
    said = anomaly_message(culprit(why=["moving unusually fast"]), "person", "riding a bicycle", 5.0)
    assert said.endswith('while learning. It looks a little like "riding a bicycle".')


RULE = {"rule_id": "r", "text": "cars on the path", "verdict": "anomaly", "similarity": 0.97, "evidence": "caption"}
CALM = {**RULE, "text": "slow cars", "verdict": "normal"}

RULED = [
    ("car", RULE, 'A car matches your rule "cars on the path", in zone Yard.'),
    ("car", {**RULE, "evidence": "image"}, 'A car may match your rule "cars on the path", in zone Yard.'),
    (None, {**RULE, "evidence": "image"}, 'Something may match your rule "cars on the path", in zone Yard.'),
]


@pytest.mark.parametrize(("name", "rule", "expected"), RULED)
def test_a_rule_that_raised_it_is_all_that_is_said(name: str | None, rule: dict[str, object], expected: str) -> None:
    top = culprit(matches=[CALM, rule], why=[FAST], place="in zone Yard")
    assert anomaly_message(top, name, None, 6.0) == expected


RARITIES = [
    (0.0, "Frames like this are common when all is normal."),
    (1.0, "About one frame in 10 looks like this when all is normal."),
    (3.3, "About one frame in 2,000 looks like this when all is normal."),
    (3.123, "About one frame in 1,300 looks like this when all is normal."),
    (3.8, "Never seen while learning."),
    (math.inf, "Never seen while learning."),
]


@pytest.mark.parametrize(("surprise", "expected"), RARITIES)
def test_how_rare_it_is(surprise: float, expected: str) -> None:
    assert anomaly_message(None, None, None, surprise) == f"The picture as a whole looks unusual. {expected}"


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
    assert outage_message("Yard") == "Yard is not sending pictures."
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
