"""Training of the svad encoder: its equations, that it learns, and that a run goes on where it stopped."""

import copy
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("tensorboard")
pytest.importorskip("tqdm")

import torch

from models.networks.text_tower import TextTower
from training.data.object_clips import LABELS, RUN, ObjectClips, Runs, finish, write_shard
from training.svad.trainer import (
    ClipNetwork,
    FrozenTowers,
    Pretraining,
    PromptTuning,
    Words,
    balanced,
    built_in,
    fusion_over_clip,
    learn_prompts,
    most_alike,
    nce,
    pretrain,
    words,
)
from training.svad.zero_shot import Embedded, embed, zero_shot
from training.text.phrases import Phrases

TINY = Pretraining(steps=6, batch=6, frames=5, seen=3, warm_up=2, negatives=2, save_every=3)


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def unit(rng, *shape):
    drawn = rng.standard_normal(shape).astype(np.float32)
    return drawn / np.linalg.norm(drawn, axis=-1, keepdims=True)


@pytest.fixture
def clips(tmp_path):
    """Two actions that differ in colour: bluish and reddish crops."""
    rng = np.random.default_rng(0)
    crops = rng.integers(0, 60, (8, RUN, 64, 64, 3), dtype=np.uint8)
    crops[:4, ..., 0] += 180
    crops[4:, ..., 2] += 180
    actions = np.repeat(np.array([0, 1], np.uint8), 4)[:, None].repeat(RUN, 1)
    boxes = np.tile(np.array([0.4, 0.4, 0.1, 0.3], np.float32), (8, RUN, 1))
    times = np.tile(np.arange(RUN) * 0.1, (8, 1))
    folder = tmp_path / "clips"
    folder.mkdir()
    write_shard(folder, "one", Runs(crops, boxes, times, actions, np.zeros(8, np.uint8), 1.5))
    finish(folder, ["one"], LABELS[:2], 64)
    return ObjectClips(folder, 5)


@pytest.fixture
def said():
    rng = np.random.default_rng(1)
    texts = unit(rng, 2, 384)
    return Words(LABELS[:2], (texts[:1], texts[1:]), (texts[:1], texts[1:]), unit(rng, 5, 384), np.zeros(5, np.float32))


def test_equation_3_against_plain_numpy():
    rng = np.random.default_rng(3)
    embeddings, texts, targets = unit(rng, 4, 8), unit(rng, 5, 8), np.array([0, 4, 2, 2])
    exponents = np.exp(embeddings.astype(np.float64) @ texts.T / 0.1)
    expected = -np.mean(np.log(exponents[np.arange(4), targets] / exponents.sum(axis=1)))
    found = nce(torch.from_numpy(embeddings), torch.from_numpy(texts), torch.from_numpy(targets), 0.1)
    assert float(found) == pytest.approx(expected, rel=1e-5)


def test_equation_4_against_plain_numpy():
    rng = np.random.default_rng(4)
    embeddings, texts = unit(rng, 3, 8), unit(rng, 5, 8)
    similar = [[float(np.dot(clip, text)) for text in texts] for clip in embeddings]
    assert most_alike(embeddings, texts).tolist() == [row.index(max(row)) for row in similar]


def weights(folder):
    return torch.load(folder / "encoder.pt", weights_only=True)


def test_a_run_that_was_cut_off_ends_as_one_that_was_not(clips, said, tmp_path, monkeypatch):
    pretrain(built_in(TINY), clips, said, TINY, tmp_path / "whole")

    class Cut(Exception):
        pass

    import training.svad.trainer

    seen = training.svad.trainer._schedule

    def cut(step, settings):
        if step == 4:  # a checkpoint is after step 2
            raise Cut
        return seen(step, settings)

    monkeypatch.setattr(training.svad.trainer, "_schedule", cut)
    with pytest.raises(Cut):
        pretrain(built_in(TINY), clips, said, TINY, tmp_path / "parts")
    monkeypatch.undo()
    pretrain(built_in(TINY), clips, said, TINY, tmp_path / "parts")
    whole, parts = weights(tmp_path / "whole"), weights(tmp_path / "parts")
    assert all(torch.equal(whole[name], parts[name]) for name in whole)
    assert (tmp_path / "whole" / "provenance-pretrain.json").is_file()
    assert list((tmp_path / "whole" / "board").iterdir())


def test_another_run_does_not_go_on_with_this_one(clips, said, tmp_path):
    pretrain(built_in(TINY), clips, said, TINY, tmp_path)
    with pytest.raises(ValueError, match=r"'sigma': \(0\.1, 0\.2\)"):
        pretrain(built_in(TINY), clips, said, replace(TINY, sigma=0.2), tmp_path)


def test_it_learns_what_is_easy(clips, said, tmp_path):
    settings = replace(TINY, steps=40, batch=8, rate=2e-3, negatives=5, save_every=40)
    encoder = pretrain(built_in(settings), clips, said, settings, tmp_path)
    found = zero_shot(embed(encoder, clips, np.arange(len(clips))), said)
    assert found["accuracy"] > 0.95
    assert found["retrieval"] > 0.95


class Visual(torch.nn.Module):
    """Stands where CLIP's image tower does."""

    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(3, 64)

    def forward(self, crops):
        return self.layer(crops.float().mean(dim=(1, 2)) / 255)


def test_a_frozen_tower_stays_as_it_was(clips, tmp_path):
    rng = np.random.default_rng(1)
    texts = unit(rng, 2, 64)
    said = Words(LABELS[:2], (texts[:1], texts[1:]), (texts[:1], texts[1:]), unit(rng, 3, 64), np.zeros(3, np.float32))
    settings = replace(TINY, seen=5)
    towers = FrozenTowers("a tower", "0" * 64)
    encoder = ClipNetwork(Visual(), fusion_over_clip(64, settings), towers)
    image, temporal = (copy.deepcopy(each.state_dict()) for each in (encoder.image, encoder.temporal))
    pretrain(encoder, clips, said, settings, tmp_path)
    assert torch.equal(encoder.image.state_dict()["layer.weight"], image["layer.weight"])
    assert not torch.equal(encoder.temporal.state_dict()["leave.weight"], temporal["leave.weight"])
    stored = torch.load(tmp_path / "checkpoint.pt", weights_only=True)["encoder"]
    assert stored.keys() == weights(tmp_path).keys() == encoder.temporal.state_dict().keys()
    other = ClipNetwork(Visual(), fusion_over_clip(64, settings), replace(towers, weights="1" * 64))
    with pytest.raises(ValueError, match=r"with other \{'towers'"):
        pretrain(other, clips, said, settings, tmp_path)


def test_prompts_bring_texts_nearer_to_the_clips_that_resemble_them(tmp_path):
    torch.manual_seed(0)
    tower = TextTower(50, width=64, depth=1, length=12, dim=16).requires_grad_(requires_grad=False).eval()
    tokens = torch.tensor([[5, 9], [7, 0], [11, 3]])
    with torch.inference_mode():
        texts = tower(tokens).numpy()
    rng = np.random.default_rng(0)
    embeddings = texts[rng.integers(3, size=60)] + 0.8 * unit(rng, 60, 16)
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    settings = PromptTuning(steps=60, batch=16, rate=1e-2, count=4)
    features = learn_prompts(tower, tokens, embeddings, texts, settings, tmp_path, framed=False)
    nearest = most_alike(embeddings, texts)

    def loss(found):
        return float(nce(torch.from_numpy(embeddings), torch.from_numpy(found), torch.from_numpy(nearest), 0.1))

    np.testing.assert_allclose(np.linalg.norm(features, axis=1), 1.0, atol=1e-5)
    assert loss(features) < loss(texts)


def test_words_hold_some_out():
    def encode(texts):
        return np.eye(len(texts), 1024, dtype=np.float32)

    phrases = Phrases.load()
    found = words(["cycle", "doing a handstand"], phrases, encode)
    phrasings = phrases.actions["cycle"].phrasings()
    assert 0 < len(found.said[0]) < len(phrasings)
    assert len(found.said[0]) + len(found.held_out[0]) <= len(phrasings) + 1
    assert len(found.said[1]) == 4


def test_balanced_draws_evenly_at_power_0_and_as_they_come_at_1():
    labels = np.repeat(np.array([3, 7], np.uint8), [900, 100])
    rng = np.random.default_rng(0)
    assert (labels[balanced(labels, 4000, 0.0, rng)] == 7).mean() == pytest.approx(0.5, abs=0.03)
    assert (labels[balanced(labels, 4000, 1.0, rng)] == 7).mean() == pytest.approx(0.1, abs=0.02)


def test_zero_shot_of_known_vectors():
    texts = np.eye(2, 4, dtype=np.float32)
    said = Words(("a", "b"), (texts[:1], texts[1:]), (texts[:1], texts[1:]), texts, np.zeros(len(texts), np.float32))
    embeddings = np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0.8, 0.6, 0, 0], [0, 1, 0, 0]], np.float32)
    found = zero_shot(Embedded(embeddings, np.array([0, 0, 1, 1]), np.zeros(4, np.uint8)), said)
    assert found["by_action"] == {"a": 0.5, "b": 0.5}
    # a: ranked 1st and, of two at 0, last or third; b: ranked 3rd and one of the first two
    assert found["confusion"].tolist() == [[0.5, 0.5], [0.5, 0.5]]
    assert 0.5 < found["retrieval"] < 0.9
