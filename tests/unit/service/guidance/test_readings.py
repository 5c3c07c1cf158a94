from __future__ import annotations

from models.guidance.language import Language
from service.guidance.readings import Readings
from support import words


def test_a_language_is_learned_once_and_when_a_text_is_read() -> None:
    asked: list[str] = []

    def learn() -> Language:
        asked.append("language")
        return words.language()

    readings = Readings(learn)
    assert asked == []
    first = readings.read("a cyclist")
    assert first is not None
    assert readings.read("a cyclist") is first
    readings.keep({"a brawl"})
    assert readings.read("a cyclist") is not first
    assert asked == ["language"]


def test_without_a_language_nothing_is_understood() -> None:
    assert Readings().read("a cyclist") is None
    assert Readings(lambda: None).language is None
