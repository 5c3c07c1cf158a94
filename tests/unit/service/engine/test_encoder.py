"""A joint encoder over a real pack of known answers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models.packs import Pack, PackError, PackLibrary
from service.engine import encoder as module
from service.engine.encoder import JointEncoder
from support.encoders import COLOURS, DIM, FRAMES, SIZE, write_encoder


def crops(*colours: str) -> np.ndarray:
    return np.stack([np.broadcast_to(np.array(COLOURS[each]) * 255, (SIZE, SIZE, 3)) for each in colours]).astype(
        np.uint8
    )


@pytest.fixture
def pack(tmp_path: Path) -> Pack:
    return write_encoder(tmp_path / "packs")


@pytest.fixture
def encoder(pack: Pack):
    encoder = JointEncoder(pack)
    yield encoder
    encoder.close()


def test_clips_and_words_meet_in_one_space(encoder: JointEncoder) -> None:
    features = encoder.embed_crops(crops("red", "blue"))
    clips = encoder.embed_clips(np.repeat(features[:, None], FRAMES, axis=1), np.zeros((2, FRAMES, 5), np.float32))
    assert clips.shape == (2, DIM)
    np.testing.assert_allclose(np.linalg.norm(clips, axis=1), 1, atol=1e-5)
    texts = encoder.embed_texts(["red", "blue"])
    assert (clips @ texts.T).argmax(axis=1).tolist() == [0, 1]


def test_it_says_what_it_is(encoder: JointEncoder, pack: Pack) -> None:
    assert (encoder.name, encoder.hash, encoder.dim) == ("colours", pack.hash, DIM)
    assert (encoder.size, encoder.context, encoder.frames, encoder.interval_s) == (SIZE, 1.25, FRAMES, 0.12)
    assert encoder.bank.phrases == (*COLOURS, "grey")
    assert encoder.bank.actions.tolist() == [0, 1, 2]
    assert str(encoder) == f"colours {pack.hash[:12]}"


def test_without_a_temporal_tower_the_middle_frame_is_the_clip(tmp_path: Path) -> None:
    encoder = JointEncoder(write_encoder(tmp_path / "packs", temporal=False))
    features = encoder.embed_crops(crops(*["red"] * 4, "green", *["blue"] * 4))
    clip = encoder.embed_clips(features[None], np.zeros((1, 9, 5), np.float32))
    np.testing.assert_allclose(clip, encoder.embed_texts(["green"]), atol=1e-3)
    encoder.close()


def test_geometry_reaches_a_tower_that_takes_it(tmp_path: Path) -> None:
    encoder = JointEncoder(write_encoder(tmp_path / "packs", geometry=True))
    frames = np.ones((3, FRAMES, DIM), np.float32)
    assert encoder.embed_clips(frames, np.zeros((3, FRAMES, 5), np.float32)).shape == (3, DIM)
    with pytest.raises(ValueError, match="geometry"):
        encoder.embed_clips(frames, np.zeros((3, FRAMES, 4), np.float32))
    encoder.close()


def test_a_text_is_computed_once_and_few_are_remembered(encoder: JointEncoder, monkeypatch) -> None:
    monkeypatch.setattr(module, "MAX_TEXTS", 2)
    ran: list[list[str]] = []
    run = encoder.text._run
    monkeypatch.setattr(encoder.text, "_run", lambda texts: ran.append(list(texts)) or run(texts))
    first = encoder.embed_texts(["red", "blue", "red"])
    np.testing.assert_array_equal(first[0], first[2])
    encoder.embed_texts(["red"])  # used again: the other one goes first
    encoder.embed_texts(["green", "red"])
    encoder.embed_texts(["blue"])
    assert ran == [["red", "blue"], ["green"], ["blue"]]
    assert encoder.embed_texts([]).shape == (0, DIM)


@pytest.mark.parametrize("text", ["", "x" * 10_000, "\U0001f600 red", "красный", "red " * 3000])
def test_any_text_has_a_feature(encoder: JointEncoder, text: str) -> None:
    feature = encoder.embed_texts([text])
    assert feature.shape == (1, DIM)
    assert np.isfinite(feature).all()


def test_a_pack_of_another_kind_is_refused() -> None:
    with pytest.raises(PackError, match="expected a pack of kind encoder, got 'motion' of kind detector"):
        JointEncoder(PackLibrary().get("motion"))
