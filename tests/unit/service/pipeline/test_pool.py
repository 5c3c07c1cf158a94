from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from models.pack import PackError, PackLibrary
from service.errors import InvalidInput
from service.metrics import Metrics
from service.pipeline.pool import StagesPool
from service.settings import Settings
from support.colours import write_svad
from support.encoders import write_encoder


@pytest.fixture
def packs(tmp_path: Path) -> Path:
    folder = tmp_path / "packs"
    write_encoder(folder)
    write_encoder(folder, "shades")
    write_svad(folder)
    return folder


@pytest.fixture
def pool(packs: Path) -> Iterator[StagesPool]:
    pool = StagesPool(PackLibrary([packs]), Metrics(), Settings(_env_file=None, encoder="shades", threads=1))
    yield pool
    pool.close()


@pytest.mark.parametrize(
    ("heads", "asked", "expected"),
    [
        (["attributes"], None, "shades"),  # the service's own
        (["attributes"], "none", None),
        (["attributes"], "colours", "colours"),
        (["tints"], None, "colours"),  # what the head needs
        (["attributes", "tints"], None, "colours"),
    ],
)
def test_the_encoder_is_what_was_asked_for_or_needed(pool: StagesPool, heads, asked, expected) -> None:
    stages = pool.get("motion", heads, asked)
    assert (None if stages.encoder is None else stages.encoder.name) == expected


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("none", "expected encoder colours, which the heads need, got none"),
        ("shades", "expected encoder colours, which the heads need, got shades"),
        ("motion", "expected a pack of kind encoder, got 'motion' of kind detector"),
    ],
)
def test_another_than_the_head_needs_is_refused(pool: StagesPool, asked: str, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        pool.get("motion", ["tints"], asked)


def test_an_unknown_encoder_is_refused(pool: StagesPool) -> None:
    with pytest.raises(PackError, match="got 'clip'"):
        pool.get("motion", ["attributes"], "clip")


def test_nothing_is_loaded_twice(pool: StagesPool, packs: Path) -> None:
    one, two = pool.get("motion", ["tints"]), pool.get("motion", ["attributes"], "colours")
    assert one is pool.get("motion", ["tints"], "colours")
    assert one.encoder is two.encoder
    write_encoder(packs, geometry=True, replace=True)
    assert pool.get("motion", ["tints"]).encoder is not one.encoder


def test_an_operators_phrases_extend_the_bank(tmp_path: Path) -> None:
    packs, own = tmp_path / "packs", tmp_path / "own.json"
    write_encoder(packs)
    own.write_text('[{"text": "red grey", "kind": "action"}]')
    pool = StagesPool(PackLibrary([packs]), Metrics(), Settings(_env_file=None, threads=1, bank_file=own))
    encoder = pool.get("motion", ["attributes"], "colours").encoder
    assert encoder is not None
    assert encoder.bank.phrases[-1] == "red grey"
    assert encoder.bank.actions[-1] == len(encoder.bank) - 1
    assert (encoder.bank.features[-1] == encoder.embed_texts(["red grey"])[0]).all()
    pool.close()


@pytest.mark.parametrize(("content", "expected"), [("[", "own.json: file"), (None, "own.json")])
def test_phrases_that_cannot_be_used_are_named(tmp_path: Path, content: str | None, expected: str) -> None:
    packs, own = tmp_path / "packs", tmp_path / "own.json"
    write_encoder(packs)
    if content is not None:
        own.write_text(content)
    pool = StagesPool(PackLibrary([packs]), Metrics(), Settings(_env_file=None, threads=1, bank_file=own))
    with pytest.raises(InvalidInput, match=expected) as refused:
        pool.get("motion", ["attributes"], "colours")
    assert refused.value.code == "bad_bank"
    pool.close()
