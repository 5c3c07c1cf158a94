"""The held-out wording is what it claims to be: complete, said once, and unseen by training."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from models.guidance.wording import clauses, negation
from service.errors import InvalidInput
from training.text.paraphrases import PARAPHRASES, POSTURES_CHOSEN, POSTURES_KEPT, POSTURES_SEED, Paraphrases
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


def halves(sentences) -> tuple[list[str], list[str]]:
    listed = sorted(sentences)
    order = np.random.default_rng(POSTURES_SEED).permutation(len(listed)).tolist()
    half = len(listed) // 2
    return sorted(listed[index] for index in order[:half]), sorted(listed[index] for index in order[half:])


def test_the_postures_are_halved_by_chance() -> None:
    chosen, kept = Paraphrases.load(POSTURES_CHOSEN), Paraphrases.load(POSTURES_KEPT)
    assert list(chosen.actions) == list(kept.actions)
    lists = [
        (chosen.actions[name].paraphrases, kept.actions[name].paraphrases) for name in ("lie", "sit", "raise_arms")
    ]
    for one, other in (*lists, (chosen.unrelated, kept.unrelated)):
        assert (list(one), list(other)) == halves([*one, *other])
    assert sum(len(one) + len(other) for one, other in lists) == 60


def test_training_sees_no_paraphrase_of_a_posture_that_was_kept() -> None:
    seen = {words(text) for text in strings(json.loads(PHRASES.read_text()))}
    held_out = Paraphrases.load(POSTURES_KEPT)
    assert not {sentence for sentence in held_out.sentences() if words(sentence) in seen}


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
        ({"actions": {}}, "actions: "),
        ({"actions": {"cycle": {"paraphrases": ["bikes"]}}}, "actions.cycle.rule: "),
        ({"actions": {"cycle": {"rule": "bikes", "paraphrases": []}}}, "actions.cycle.paraphrases: "),
        ({"unrelated": [f"number {index}" for index in range(9)] + ["NUMBER 1"]}, "got 'NUMBER 1' twice"),
        ({"unrelated": [f"number {index}" for index in range(9)] + [" padded"]}, "unrelated.9: "),
    ],
)
def test_a_wrong_file_is_refused(tmp_path, change, expected) -> None:
    path = tmp_path / "paraphrases.json"
    path.write_text(json.dumps(json.loads(PARAPHRASES.read_text()) | change))
    with pytest.raises(InvalidInput, match=re.escape(expected)) as raised:
        Paraphrases.load(path)
    assert str(path) in str(raised.value)


@pytest.mark.parametrize("content", [b"", b"[]", b"cycle: bikes", b"\xff\xfe"])
def test_what_is_no_json_of_this_form_is_refused(tmp_path, content) -> None:
    path = tmp_path / "mine.json"
    path.write_bytes(content)
    expected = r"expected paraphrases in .*mine.json, as in training/text/paraphrases.json; got: "
    with pytest.raises(InvalidInput, match=expected):
        Paraphrases.load(path)


def test_a_file_that_is_not_there_is_named(tmp_path) -> None:
    with pytest.raises(InvalidInput, match=r"expected paraphrases in .*mine.json, got: No such file"):
        Paraphrases.load(tmp_path / "mine.json")


def test_somebody_elses_list_may_be_short_and_of_other_actions(tmp_path) -> None:
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({"format": 1, "actions": {"lie": {"rule": "a person lying", "paraphrases": ["lying"]}}}))
    mine = Paraphrases.load(path)
    assert (mine.actions["lie"].rule, mine.unrelated) == ("a person lying", ())
    mine.check({"lie", "sit"})
    with pytest.raises(InvalidInput, match="expected paraphrases of the actions walk, run, got lie"):
        mine.check(("walk", "run"))
