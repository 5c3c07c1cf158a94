"""How a rule's text is understood."""

from __future__ import annotations

import pytest

from models.guidance.text_reader import TextReader
from support.words import KINDS, PHRASES, sentences

DENIES = "cycling without a helmet"


@pytest.fixture(scope="module")
def reader() -> TextReader:
    return TextReader.of((*PHRASES, DENIES), (*KINDS, "action"), sentences)


@pytest.mark.parametrize(
    ("text", "word"), [("nobody cycling", "nobody"), ("walking or no bicycles", "no"), ("a b", None), ("\u200b", None)]
)
def test_what_is_denied_and_what_has_no_word_is_like_nothing(reader: TextReader, text: str, word: str | None) -> None:
    reading = reader.read(text, sentences)
    assert reading.negation == word
    assert reading.texts is not None
    assert not any(part.any() for part in (reading.weights, reading.sentences, reading.texts))
    assert len(reading.sentences) == len(reading.texts) == 1


@pytest.mark.parametrize("text", [DENIES, "Cycling without a helmet is not allowed here"])
def test_what_the_bank_says_may_be_said(reader: TextReader, text: str) -> None:
    reading = reader.read(text)
    assert reading.negation is None
    assert reading.weights[-1] == pytest.approx(1.0)


def test_only_an_action_may_be_said_with_a_negation() -> None:
    reader = TextReader.of(("walking", "no people"), ("action", "background"), sentences)
    assert reader.read("no people").negation == "no"
