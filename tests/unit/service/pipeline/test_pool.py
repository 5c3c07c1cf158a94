from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from models.packs import PackError, PackLibrary
from service.errors import InvalidInput
from service.metrics import Metrics
from service.pipeline.pool import StagesPool
from service.settings import Settings
from support.colours import write_svad
from support.encoders import write_encoder
from support.poses import write_pose_pack


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


@pytest.mark.parametrize(("asked", "guiding"), [("none", None), ("shades", "shades")])
def test_a_head_gets_its_encoder_beside_the_one_that_rules_look_through(pool: StagesPool, asked, guiding) -> None:
    stages = pool.get("motion", ["tints"], asked)
    assert (None if stages.encoder is None else stages.encoder.name) == guiding
    assert [each.split()[0] for each in stages.encoder_identities] == ["colours"]


def test_a_pack_of_another_kind_is_no_encoder(pool: StagesPool) -> None:
    with pytest.raises(InvalidInput, match="expected a pack of kind encoder, got 'motion' of kind detector"):
        pool.get("motion", ["tints"], "motion")


def test_an_unknown_encoder_is_refused(pool: StagesPool) -> None:
    with pytest.raises(PackError, match="There is no pack 'clip'"):
        pool.get("motion", ["attributes"], "clip")


def test_nothing_is_loaded_twice(pool: StagesPool, packs: Path) -> None:
    one, two = pool.get("motion", ["tints"]), pool.get("motion", ["attributes"], "colours")
    assert one is pool.get("motion", ["tints"], "colours")
    assert one.encoder is two.encoder
    write_encoder(packs, geometry=True, replace=True)
    assert pool.get("motion", ["tints"]).encoder is not one.encoder


def test_poses_and_looks_are_those_of_the_settings_or_what_was_asked_for(packs: Path) -> None:
    write_pose_pack(packs, "sticks")
    settings = Settings(_env_file=None, encoder="none", pose="sticks", threads=1)
    pool = StagesPool(PackLibrary([packs]), Metrics(), settings)
    usual, without = pool.get("motion", ["attributes"]), pool.get("motion", ["attributes"], pose="none")
    assert usual.pose is not None
    assert usual.pose.name == "sticks"
    assert (without.pose, without.appearance, usual.appearance) == (None, None, None)
    looking = pool.get("motion", ["attributes"], pose="sticks", appearance="colours")
    assert looking.pose is usual.pose  # loaded once
    assert looking.appearance is not None
    assert looking.appearance.name == "colours"
    assert pool.get("motion", ["attributes"], None, "sticks", "colours") is looking
    with pytest.raises(PackError, match="expected a pack of kind pose, got 'colours' of kind encoder"):
        pool.get("motion", ["attributes"], pose="colours")
    pool.close()
    with pytest.raises(RuntimeError, match="expected an open session"):
        usual.pose.estimate([np.zeros((8, 8, 3), np.uint8)], [np.zeros((0, 4), np.float32)])


@pytest.fixture
def extended(packs: Path, tmp_path: Path) -> Iterator[StagesPool]:
    """A pool whose operator has a phrase more."""
    own = tmp_path / "own.json"
    own.write_text('[{"text": "red grey", "kind": "action"}]')
    pool = StagesPool(PackLibrary([packs]), Metrics(), Settings(_env_file=None, threads=1, bank_file=own))
    yield pool
    pool.close()


def test_an_operators_phrases_extend_the_bank(extended: StagesPool) -> None:
    encoder = extended.get("motion", ["attributes"], "colours").encoder
    assert encoder is not None
    assert encoder.bank.phrases[-1] == "red grey"
    assert encoder.bank.actions[-1] == len(encoder.bank) - 1
    assert (encoder.bank.features[-1] == encoder.embed_texts(["red grey"])[0]).all()


@pytest.mark.parametrize("encoder", ["colours", "none"])
def test_rules_are_read_against_the_operators_phrases_with_an_encoder_and_without(
    extended: StagesPool, encoder: str
) -> None:
    language = extended.language(extended.get("motion", ["attributes"], encoder))
    assert language is not None
    assert language.phrases[-1] == "red grey"
    assert language.read("red grey").weights[-1] > 0.9
    assert (language.bank is None) == (encoder == "none")


@pytest.mark.parametrize("sentence", [True, False])
def test_sentences_are_compared_by_the_encoder_that_says_it_can(pool: StagesPool, packs: Path, sentence: bool) -> None:
    write_encoder(packs, sentence=sentence, replace=True)
    stages = pool.get("motion", ["attributes"], "colours")
    assert stages.encoder is not None
    language = pool.language(stages)
    assert language is not None
    assert language.phrases == stages.encoder.bank.phrases
    assert language.embed_beside_clips == stages.encoder.embed_texts
    assert (language.reader.embed == stages.encoder.text.embed) is sentence


def test_streams_of_one_detector_and_encoder_share_a_language(pool: StagesPool) -> None:
    one, two = pool.get("motion", ["tints"]), pool.get("motion", ["attributes"], "colours")
    assert pool.language(one) is pool.language(two)
    assert pool.language(one) is not pool.language(pool.get("motion", ["attributes"], "shades"))


def test_without_the_words_a_camera_is_watched_all_the_same(pool: StagesPool, monkeypatch, caplog) -> None:
    monkeypatch.setattr("service.pipeline.pool.SENTENCES", "gone")
    assert pool.language(pool.get("motion", ["attributes"], "none")) is None
    assert "text rules cannot be read" in caplog.text


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
