"""What an operator's sentence is about."""

from __future__ import annotations

import time

import pytest

from models.scoring.wording import MOST_CLAUSES, clauses


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
        ("no dogs", ("dogs",)),
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
        ("...", ("...",)),
    ],
)
def test_clauses(text: str, expected: tuple[str, ...]) -> None:
    assert clauses(text) == expected


def test_clauses_are_bounded() -> None:
    assert len(clauses(" or ".join(f"thing {index}" for index in range(100)))) == MOST_CLAUSES


@pytest.mark.parametrize("text", ["is " * 3000, "please " * 1400, "no " * 3000, ", which" * 1400, "x or " * 2000])
def test_hostile_text_takes_no_time(text: str) -> None:
    started = time.process_time()
    assert clauses(text)
    assert time.process_time() - started < 3.0
