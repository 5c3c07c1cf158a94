"""Rules against what is true of objects and what is not, with an encoder that counts common words."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np
import pytest

from models.guidance.captions import SOMETHING, Caption
from models.guidance.statements import Statements, sameness, support

NAMES = ("person", "bicycle", "car", "dog")
BANK = ("people fighting", "a person riding a bicycle", "an empty street")
WALKS = Caption("a person walking", ("person", "person walking", "moving"))
RIDES = Caption("a person riding a bicycle", ("person", "rides bicycle", "moving"))
DRIVES = Caption("a car driving", ("car", "car moving", "moving"))
PARKS = Caption("a car standing still", ("car", "car still"))
SOMEONE = Caption("a person", ("person",), ("person walking", "person running", "moving"))


def embed(texts: Sequence[str]) -> np.ndarray:
    """Unit vectors with a number for each word, by its hash: a cosine is the share of words in common."""
    rows = np.zeros((len(texts), 512), np.float32)
    for row, text in zip(rows, texts, strict=True):
        for word in text.split():
            row[zlib.crc32(word.encode()) % 512] += 0.2 if word in {"a", "an", "on", "the"} else 1.0
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


STATEMENTS = Statements.of(NAMES, BANK, embed)


def supported(rule: str, caption: Caption) -> float:
    return float(support(STATEMENTS.truth(caption), STATEMENTS.compare(embed([rule])))[0])


@pytest.mark.parametrize(
    ("rule", "holds", "fails"),
    [
        ("people on foot", [WALKS], [RIDES, DRIVES, SOMETHING]),
        ("bicycles", [RIDES], [WALKS, DRIVES, SOMETHING]),
        ("cars", [DRIVES, PARKS], [WALKS, RIDES, SOMETHING]),
        ("a parked car", [PARKS], [DRIVES, WALKS]),
        ("people", [WALKS, RIDES, SOMEONE], [DRIVES, SOMETHING]),
        ("people fighting", [], [WALKS, RIDES, DRIVES, SOMEONE, SOMETHING]),
        ("something moving", [SOMETHING, WALKS, DRIVES], [PARKS]),
        ("interest rates", [], [WALKS, RIDES, DRIVES, PARKS, SOMETHING]),
    ],
)
def test_a_rule_holds_of_what_it_is_true_of(rule, holds, fails) -> None:
    assert all(supported(rule, caption) > 0.6 for caption in holds)
    assert all(supported(rule, caption) < 0.35 for caption in fails)


def test_truth_is_true_false_or_open() -> None:
    truth = dict(zip(STATEMENTS.phrases, STATEMENTS.truth(SOMEONE).tolist(), strict=True))
    assert (truth["a person"], truth["a person walking"], truth["a person waiting"]) == (1, 0, -1)
    assert truth["people fighting"] == -1


def test_the_bank_repeats_no_statement_and_denies_nothing_like_what_is_true() -> None:
    assert len(set(STATEMENTS.phrases)) == len(STATEMENTS.phrases)
    near = Statements.of(NAMES, ["a person walking slowly on"], embed)
    assert near.truth(WALKS)[-1] == 0
    assert near.truth(DRIVES)[-1] == -1


def test_sameness_rises_from_nothing_to_certainty() -> None:
    values = sameness(np.linspace(-1, 1, 50, dtype=np.float32))
    assert (np.diff(values) >= 0).all()
    assert values[0] < 0.001
    assert values[-1] > 0.99
    assert values.dtype == np.float32
