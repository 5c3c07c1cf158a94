"""What operators type about captions, understood by the built-in text tower as the service runs it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from models.guidance.captions import SOMETHING, Caption
from models.guidance.statements import Statements, support
from models.guidance.wording import clauses
from models.packs import BUILT_IN, Pack
from service.engine.detectors.coco import COCO
from service.engine.encoder import TextEncoder

CAPTIONS = {
    "walks": Caption("a person walking", ("person", "person walking", "moving")),
    "runs": Caption("a person running", ("person", "person running", "moving")),
    "stands": Caption("a person standing still", ("person", "person standing")),
    "lies": Caption("a person lying on the ground", ("person", "person lying")),
    "cycles": Caption("a person riding a bicycle", ("person", "rides bicycle", "moving")),
    "skates": Caption("a person riding a skateboard", ("person", "rides skateboard", "moving")),
    "drives": Caption("a car driving", ("car", "car moving", "moving")),
    "parks": Caption("a car standing still", ("car", "car still")),
    "truck": Caption("a truck driving", ("truck", "truck moving", "moving")),
    "dog": Caption("a dog running", ("dog", "dog running", "moving")),
    "something": SOMETHING,
}
PEOPLE = {"walks", "runs", "stands", "lies", "cycles", "skates"}


class Words:
    """Rules against captions."""

    def __init__(self, encoder: TextEncoder, bank: list[str]) -> None:
        self._encoder = encoder
        self._statements = Statements.of(COCO, bank, encoder.embed)

    def holds_of(self, rule: str) -> set[str]:
        compared = self._statements.compare(self._encoder.embed(clauses(rule)))
        return {
            name
            for name, caption in CAPTIONS.items()
            if support(self._statements.truth(caption), compared).max() >= 0.5
        }


@pytest.fixture(scope="module")
def words() -> Iterator[Words]:
    pack = Pack.load(BUILT_IN / "words")
    encoder = TextEncoder(pack, threads=1)
    yield Words(encoder, [phrase.text for phrase in pack.phrases()])
    encoder.close()


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("cars are normal here", {"drives", "parks"}),
        ("bicycles are normal here", {"cycles"}),
        ("people on foot are an anomaly here", {"walks", "runs", "stands"}),
        ("pedestrians are normal here", {"walks", "runs", "stands"}),
        ("a person riding a bicycle is normal here", {"cycles"}),
        ("someone on a bike", {"cycles"}),
        ("cyclists are not allowed", {"cycles"}),
        ("ignore people", PEOPLE),
        ("a running person", {"runs"}),
        ("skateboarders are fine", {"skates"}),
        ("alert me when someone lies on the ground", {"lies"}),
        ("parked cars are normal", {"parks"}),
        ("trucks are forbidden", {"truck"}),
        ("dogs are normal here", {"dog"}),
        ("cyclists or skateboarders are fine", {"cycles", "skates"}),
        ("people fighting", set()),
        ("the sky is blue", set()),
        ("the price of bread", set()),
        ("interest rates are rising again", set()),
    ],
)
def test_rules_hold_of_what_they_name(words: Words, rule: str, expected: set[str]) -> None:
    assert words.holds_of(rule) == expected
