"""What training says: enough, of every action, and apart from the wording that is held out."""

from __future__ import annotations

import json
import re

import pytest

from training.text.paraphrases import Paraphrases
from training.text.phrases import SOURCE, Phrases
from training.virtual.actions import ACTIONS


def test_every_action_is_worded() -> None:
    assert set(ACTIONS) <= set(Phrases.load().actions)


def test_phrasings_are_of_all_kinds() -> None:
    said = Phrases.load().actions["cycle"].phrasings()
    assert {"cycling", "a cyclist", "a woman riding a bicycle", "someone rides a bike"} <= set(said)
    assert len(said) == len(set(said)) >= 25


def test_no_phrasing_is_held_out() -> None:
    phrases = Phrases.load()
    said = {text.casefold() for wording in phrases.actions.values() for text in wording.phrasings()}
    said |= {phrase.text.casefold() for phrase in phrases.entries()}
    assert not said & {sentence.casefold() for sentence in Paraphrases.load().sentences()}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"bank": {"action": ["a person"], "background": ["sky"]}}, "at least 300"),
        ({"extra": 1}, "extra: "),
        (
            {"actions": {"walk": {"doing": ["a"], "does": ["b"], "nouns": ["c"], "words": ["d"]}}},
            "25 phrasings of walk",
        ),
        (
            {"actions": {"walk": {"doing": [" a"], "does": ["b"], "nouns": ["c"], "words": ["d"]}}},
            "actions.walk.doing.0",
        ),
    ],
)
def test_a_wrong_file_is_refused(tmp_path, change, expected) -> None:
    path = tmp_path / "phrases.json"
    path.write_text(json.dumps(json.loads(SOURCE.read_text()) | change))
    with pytest.raises(ValueError, match=re.escape(expected)):
        Phrases.load(path)
