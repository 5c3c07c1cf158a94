"""What an operator's sentence is about."""

from __future__ import annotations

import time

import pytest

from models.guidance.wording import MAX_CLAUSES, clauses, negation


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Cars are normal here", ("cars",)),
        ("bicycles are normal here.", ("bicycles",)),
        ("people on foot are an anomaly here", ("people on foot",)),
        ("A person riding a bicycle is perfectly fine in this area", ("a person riding a bicycle",)),
        ("vehicles are not allowed here", ("vehicles",)),
        ("it is fine if someone runs", ("someone runs",)),
        ("it's ok to run here", ("run",)),
        ("alert me when someone falls", ("someone falls",)),
        ("raise an alarm if a person climbs over the fence", ("a person climbs over the fence",)),
        ("running should raise an alarm", ("running",)),
        ("Please ignore the cleaner with the broom.", ("the cleaner with the broom",)),
        ("cycling is not normal here", ("cycling",)),
        ("bicycles aren\u2019t allowed here", ("bicycles",)),
        ("cars can't be here", ("cars",)),
        ("running should not be reported", ("running",)),
        ("people must not walk on the grass", ("people walk on the grass",)),
        ("cars are not allowed to park here", ("cars park",)),
        ("nothing to worry about when people cycle", ("people cycle",)),
        ("there is nothing unusual about cyclists", ("cyclists",)),
        ("no problem with cyclists", ("cyclists",)),
        ("never mind the dogs", ("the dogs",)),
        ("don't worry about dogs", ("dogs",)),
        ("do not raise an alarm for cyclists", ("cyclists",)),
        ("no alarm when people cycle", ("people cycle",)),
        ("never report cyclists", ("cyclists",)),
        ("nobody should lie on the ground", ("somebody lie on the ground",)),
        ("no one is allowed to run here", ("somebody run",)),
        ("no visitors may sit on the stairs", ("visitors sit on the stairs",)),
        ("someone lying there without moving", ("someone lying there motionless",)),
        ("a man who does not get up", ("a man motionless",)),
        ("cycling is fine, nothing to worry about", ("cycling",)),
        ("people cycling, which is normal", ("people cycling",)),
        ("cyclists, skaters or runners are fine", ("cyclists", "skaters", "runners")),
        ("bicycles and scooters are normal here", ("bicycles", "scooters")),
        ("people walking and talking", ("people walking and talking",)),
        ("a man and a woman walking", ("a man and a woman walking",)),
        ("youngsters and their skateboards", ("youngsters and their skateboards",)),
        ("running or running", ("running",)),
        ("something unusual", ("something unusual",)),
        ("  riding\n a bicycle ", ("riding a bicycle",)),
        ("normal", ("normal",)),
        ("Fahrräder", ("fahrräder",)),
        *((text, ()) for text in ("...", "a", "a b", "an", "x", "4711", "\u200b", "\u2800")),
    ],
)
def test_clauses(text: str, expected: tuple[str, ...]) -> None:
    assert clauses(text) == expected
    assert not any(map(negation, expected))


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("nobody is riding a bicycle", "nobody"),
        ("there is nobody on the tracks", "nobody"),
        ("no person on foot", "no"),
        ("there are no cars here", "no"),
        ("no dogs", "no"),
        ("no-one walks", "no"),
        ("not a person walking", "not"),
        ("a man who isn't moving", "not"),
        ("a person who can\u2019t walk", "not"),
        ("it is normal that nobody walks here", "nobody"),
        ("nothing is moving", "nothing"),
        ("a person who never runs", "never"),
        ("neither cars nor buses", "neither"),
        ("a person without a helmet is not allowed here", "without"),
        ("anything but cars", "but"),
        ("all but cars", "but"),
        ("everyone except cyclists", "except"),
        ("vehicles other than buses", "other than"),
        ("the absence of people", "absence of"),
        ("cyclists or skaters, but not children", "but"),
        ("cyclists are normal here, but cars are an anomaly", "but"),
    ],
)
def test_negation(text: str, word: str) -> None:
    assert [found for clause in clauses(text) if (found := negation(clause))] == [word]


@pytest.mark.parametrize("clause", ["a knot of people", "a bus at the north", "a person with a button", "a nomad"])
def test_parts_of_words_deny_nothing(clause: str) -> None:
    assert negation(clause) is None


def test_clauses_are_bounded() -> None:
    assert len(clauses(" or ".join(f"thing {index}" for index in range(100)))) == MAX_CLAUSES


@pytest.mark.parametrize("text", ["is " * 3000, "please " * 1400, "no " * 3000, ", which" * 1400, "cars or " * 2000])
def test_hostile_text_takes_no_time(text: str) -> None:
    started = time.process_time()
    assert clauses(text)
    assert time.process_time() - started < 3.0
