"""The phrase bank: what fits together, what extends it, and which files are refused."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from models.guidance.bank import Bank, read_phrases


def unit(*rows: tuple[float, ...]) -> np.ndarray:
    vectors = np.array(rows, np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


BANK = Bank(
    ("a person walking", "an empty street", "a car driving"),
    ("action", "background", "action"),
    unit((1, 0), (0, 1), (1, 1)),
)


def test_actions_are_what_objects_do() -> None:
    assert BANK.actions.tolist() == [0, 2]


def test_an_extension_comes_behind_and_repeats_nothing() -> None:
    longer = BANK.extended(["A person walking", "a goat"], ["action", "action"], unit((0, 1), (-1, 0)))
    assert longer.phrases == (*BANK.phrases, "a goat")
    assert longer.actions.tolist() == [0, 2, 3]
    assert longer.features[3].tolist() == [-1, 0]
    assert len(BANK) == 3


def test_an_operators_phrase_counts_as_trained_where_it_means_the_same() -> None:
    bank = replace(BANK, trained=(True, True, False))
    longer = bank.extended(["a stroll", "a car"], ["action", "action"], unit((9, 1), (-1, -1)))
    assert longer.trained == (True, True, False, True, False)
    assert BANK.extended(["a stroll"], ["action"], unit((9, 1))).trained is None
    with pytest.raises(ValueError, match="of each of 3 phrases whether it was trained, got 1"):
        replace(BANK, trained=(True,))


@pytest.mark.parametrize(
    ("phrases", "kinds", "features", "expected"),
    [
        (("a", "b"), ("action",), unit((1, 0), (0, 1)), "1 kinds"),
        (("a",), ("verb",), unit((1, 0)), "'verb'"),
        (("a", "A"), ("action",) * 2, unit((1, 0), (0, 1)), "every phrase once"),
        (("a",), ("action",), np.array([[2, 0]], np.float32), "unit length"),
        (("a",), ("action",), np.array([[1, 0]], np.float64), "float64"),
        (("a",), ("action",), unit((1, 0), (0, 1)), "(2, 2)"),
    ],
)
def test_parts_that_do_not_fit_are_refused(phrases, kinds, features, expected) -> None:
    with pytest.raises(ValueError, match="expected") as refused:
        Bank(phrases, kinds, features)
    assert expected in str(refused.value)


def test_a_file_is_read(tmp_path) -> None:
    path = tmp_path / "own.json"
    path.write_text(json.dumps([{"text": "a goat", "kind": "action"}, {"text": "hay", "kind": "background"}]))
    assert [(phrase.text, phrase.kind) for phrase in read_phrases(path)] == [
        ("a goat", "action"),
        ("hay", "background"),
    ]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", "own.json: file"),
        ("{}", "own.json: file"),
        ("[]", "own.json: file"),
        ('[{"text": "a"}]', "own.json: 0.kind"),
        ('[{"text": "a", "kind": "verb"}]', "own.json: 0.kind"),
        ('[{"text": "", "kind": "action"}]', "own.json: 0.text"),
        ('[{"text": "a ", "kind": "action"}]', "own.json: 0.text"),
        ('[{"text": "a", "kind": "action", "weight": 1}]', "own.json: 0.weight"),
        ('[{"text": "a", "kind": "action"}, {"text": "A", "kind": "action"}]', "'A' twice"),
        (" " * 2_000_001, "2000000 bytes"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path, content, expected) -> None:
    path = tmp_path / "own.json"
    path.write_text(content)
    with pytest.raises(ValueError, match=expected):
        read_phrases(path)
