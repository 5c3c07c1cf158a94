"""Distilling on a toy language: it learns, goes on where it stopped, and writes what it computes."""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Sequence
from string import ascii_lowercase
from typing import Any, cast

import numpy as np
import onnxruntime
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnxscript")
pytest.importorskip("safetensors")

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers  # noqa: E402

import training.text.text_tower as script  # noqa: E402
from export.weights import round_weights  # noqa: E402

SETTINGS = script.DistillationSettings(
    vocabulary=140, width=64, depth=1, length=8, batch=16, epochs=4, rate=3e-3, warmup=4
)
NOUNS = ["a man", "a woman", "a dog", "a car", "a child", "a bird", "a train", "a boat"]
VERBS = ["walking", "running", "waiting", "falling", "turning", "jumping", "moving", "standing"]
PLACES = ["here", "there", "outside", "inside"]
SENTENCES = [f"{noun} {verb} {place}" for place in PLACES for verb in VERBS for noun in NOUNS]


class ToyTeacher:
    """Sums a random vector for each word."""

    name = "toy"

    def __init__(self) -> None:
        words = sorted({word for sentence in SENTENCES for word in sentence.split()})
        pieces = dict.fromkeys(["[UNK]", *words, *(f"##{letter}" for letter in ascii_lowercase), *ascii_lowercase])
        vocabulary = {piece: index for index, piece in enumerate(pieces)}
        self.tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
        self.tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
        self.tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        random = np.random.default_rng(0)
        self._vectors = {word: random.normal(size=384) for word in words}

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        unknown = np.full(384, 0.05)
        rows = np.array([sum(self._vectors.get(word, unknown) for word in text.split() or [""]) for text in texts])
        return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    monkeypatch.setattr(script, "HELD_OUT", 32)
    monkeypatch.setattr(script, "POOL", 2)
    yield
    torch.set_num_threads(threads)


def distil(work, settings=SETTINGS):
    teacher = ToyTeacher()
    work.mkdir(exist_ok=True)
    tokenizer = script.build_tokenizer(SENTENCES, teacher.tokenizer, settings)
    arguments = argparse.Namespace(work=work, bfloat16=False)
    targets = teacher.encode(SENTENCES)
    torch.manual_seed(0)
    return script.distil(SENTENCES, targets, tokenizer, cast(Any, teacher), settings, arguments), tokenizer, targets


def test_it_learns(tmp_path) -> None:
    network, tokenizer, targets = distil(tmp_path / "work", dataclasses.replace(SETTINGS, epochs=20))
    found = script.agreement(script._encoder(network, tokenizer), SENTENCES[:32], targets[:32])
    assert found["cosine"] > 0.9
    assert found["spearman"] > 0.9
    header, *rows = (tmp_path / "work" / "log.csv").read_text().splitlines()
    assert header == "step,loss,cosine,spearman"
    assert rows


def test_it_goes_on_where_it_stopped(tmp_path, monkeypatch) -> None:
    whole, _, _ = distil(tmp_path / "whole")
    write, stopped = script._Checkpoint.write, []

    def stop_midway(self, step):
        write(self, step)
        stopped.append(step)
        raise KeyboardInterrupt

    monkeypatch.setattr(script, "EVERY", 20)
    monkeypatch.setattr(script._Checkpoint, "write", stop_midway)
    with pytest.raises(KeyboardInterrupt):
        distil(tmp_path / "parts")
    assert stopped == [20]
    monkeypatch.setattr(script._Checkpoint, "write", write)
    resumed, _, _ = distil(tmp_path / "parts")
    for one, other in zip(whole.parameters(), resumed.parameters(), strict=True):
        torch.testing.assert_close(one, other, atol=1e-6, rtol=0)


def test_another_task_does_not_take_up_a_checkpoint(tmp_path) -> None:
    distil(tmp_path / "work")
    with pytest.raises(ValueError, match="take another --work"):
        distil(tmp_path / "work", dataclasses.replace(SETTINGS, rate=1e-4))


def test_the_vocabulary_is_the_same_each_time() -> None:
    teacher = ToyTeacher()
    first, second = (script.build_tokenizer(SENTENCES, teacher.tokenizer, SETTINGS).to_str() for _ in range(2))
    assert first == second
    vocabulary = json.loads(first)["model"]["vocab"]
    assert vocabulary["[PAD]"] == 0
    assert "walking" in vocabulary
    assert len(vocabulary) <= SETTINGS.vocabulary


def test_what_is_written_gives_what_the_network_gives(tmp_path) -> None:
    network, tokenizer, _ = distil(tmp_path / "work")
    round_weights(network)
    facts = script.write(network, tokenizer, SENTENCES[:40], tmp_path / "out")
    parity = facts["parity"]
    assert isinstance(parity, float)
    assert parity <= script.PARITY
    read = Tokenizer.from_file(str(tmp_path / "out" / "tokenizer.json"))
    encoded = read.encode_batch(["A MAN walking here", "zebra", "a " * 50])
    assert {len(each.ids) for each in encoded} == {SETTINGS.length}
    tokens = np.array([each.ids for each in encoded], np.int64)
    session = onnxruntime.InferenceSession(tmp_path / "out" / "text.onnx", providers=["CPUExecutionProvider"])
    made = session.run(None, {"tokens": tokens})[0]
    with torch.inference_mode():
        loaded = script.load(tmp_path / "out" / "text_tower.pt")(torch.from_numpy(tokens)).numpy()
    np.testing.assert_allclose(made, loaded, atol=1e-5)
    assert not (tmp_path / "out" / "float.onnx").exists()


def test_a_graph_that_differs_is_refused(tmp_path, monkeypatch) -> None:
    network, tokenizer, _ = distil(tmp_path / "work", dataclasses.replace(SETTINGS, depth=0))
    monkeypatch.setattr(script, "PARITY", 0.0)
    with pytest.raises(ValueError, match="expected the graph within"):
        script.write(network, tokenizer, SENTENCES[:40], tmp_path / "out")
