"""What is said of how fast and how tall, in plain words."""

from __future__ import annotations

import pytest

from models.heads.attributes.terms import CHANGE_WORDS, OBJECT_WORDS, WINDOW_WORDS, fast, tall

SPEEDS = [
    (0.8, "moving unusually fast"),
    (1.5, "moving about one and a half times as fast as is usual there"),
    (2.0, "moving about twice as fast as is usual there"),
    (3.4, "moving about 3 times as fast as is usual there"),
    (50.0, "moving many times as fast as is usual there"),
]
SIZES = [
    (0.3, "less than half as tall as is usual there"),
    (0.6, "much lower than is usual there"),
    (1.1, "of an unusual shape"),
    (2.1, "about twice as tall as is usual there"),
    (40.0, "many times as tall as is usual there"),
]


@pytest.mark.parametrize(("ratio", "said"), SPEEDS)
def test_how_fast(ratio: float, said: str) -> None:
    assert fast(ratio) == said


@pytest.mark.parametrize(("ratio", "said"), SIZES)
def test_how_tall(ratio: float, said: str) -> None:
    assert tall(ratio) == said


def test_objects_and_windows_say_the_same_of_the_same() -> None:
    for name, term in WINDOW_WORDS.items():
        assert term.sentence == OBJECT_WORDS[name.removeprefix("motion ")].sentence


@pytest.mark.parametrize(
    ("say", "measure", "sentence"),
    [
        ("pose", 90.0, "lying down, which is unusual there"),
        ("pose", 175.0, "lying down, which is unusual there"),
        ("pose", 65.0, "lying down, which is unusual there"),
        ("pose", 62.0, "in an unusual posture"),
        ("pose", 20.0, "in an unusual posture"),
        ("stillness", 40.0, "staying in one place for 40 seconds, longer than is usual there"),
        ("stillness", 600.0, "staying in one place for 10 minutes, longer than is usual there"),
        ("left behind", 40.0, "left here 40 seconds ago"),
        ("gone", 7200.0, "missing from here for 2 hours"),
    ],
)
def test_what_is_said_of_bodies_and_changes(say, measure, sentence):
    term = (OBJECT_WORDS | CHANGE_WORDS)[say]
    assert term.say is not None
    assert term.say(measure) == sentence
