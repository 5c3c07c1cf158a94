"""The held-out wording is what it claims to be: complete, said once, and unseen by training."""

from __future__ import annotations

import json
import re

import pytest

from models.guidance.wording import clauses, negation
from training.text.paraphrases import PARAPHRASES, Paraphrases
from training.text.phrases import SOURCE
from training.virtual.actions import ACTIONS

PHRASES = SOURCE


# What says nothing of the action: "a cyclist" and "somebody who is a cyclist" are the same words to train on.
EMPTY = frozenset(
    [
        "a",
        "an",
        "the",
        "person",
        "persons",
        "someone",
        "somebody",
        "people",
        "man",
        "woman",
        "child",
        "kids",
        "who",
        "is",
    ]
)


def words(sentence: str) -> str:
    """What a sentence says, without case, punctuation and empty words."""
    return " ".join(word for word in re.findall(r"[^\W_]+", sentence.casefold()) if word not in EMPTY)


def test_there_is_enough_of_it() -> None:
    held_out = Paraphrases.load()
    assert len(held_out.actions["cycle"].paraphrases) == 30
    assert len(held_out.actions) >= 6
    assert len(held_out.unrelated) == 10


def test_the_actions_are_those_of_the_virtual_world() -> None:
    assert set(Paraphrases.load().actions) <= set(ACTIONS)


def test_training_sees_none_of_it() -> None:
    seen = {words(text) for text in strings(json.loads(PHRASES.read_text()))}
    assert not {sentence for sentence in Paraphrases.load().sentences() if words(sentence) in seen}


def test_no_wording_is_taken_for_a_denial() -> None:
    worded = [text for wording in Paraphrases.load().actions.values() for text in (wording.rule, *wording.paraphrases)]
    assert not [text for text in worded for clause in clauses(text) if negation(clause)]


def strings(value: object) -> list[str]:
    """Every text in a JSON document, keys too."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for pair in value.items() for one in pair for text in strings(one)]
    return [text for one in value for text in strings(one)] if isinstance(value, list) else []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"format": 2}, "format: "),
        ({"comment": "x"}, "comment: "),
        ({"unrelated": ["the sky is blue"]}, "unrelated: "),
        ({"unrelated": [f"number {index}" for index in range(9)] + ["NUMBER 1"]}, "got 'NUMBER 1' twice"),
        ({"unrelated": [f"number {index}" for index in range(9)] + [" padded"]}, "unrelated.9: "),
    ],
)
def test_a_wrong_file_is_refused(tmp_path, change, expected) -> None:
    path = tmp_path / "paraphrases.json"
    path.write_text(json.dumps(json.loads(PARAPHRASES.read_text()) | change))
    with pytest.raises(ValueError, match=re.escape(expected)):
        Paraphrases.load(path)
