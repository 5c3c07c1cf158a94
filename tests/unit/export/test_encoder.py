"""From networks to the pack of a joint space, and exports that are refused."""

from __future__ import annotations

import copy
import json

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("onnxscript")

import onnxruntime as ort
import torch
from torch import nn

from export.encoder import SampleClips, Space, Towers, embed_samples, export_encoder, tokenise
from export.onnx import Crops, Unit, to_onnx
from export.parity import ExportError, check, compare
from models.graph import read_signature
from models.guidance.bank import Phrase
from models.networks.image_tower import ImageTower
from models.networks.temporal import TemporalFusion
from models.packs import Pack, PackError
from support.encoders import LENGTH, colour_tokenizer

DIM, FRAMES = 32, 9
PHRASES = [Phrase(text=text, kind="action") for text in ("red", "green", "blue red", "grey grey red")]


class Words(nn.Module):
    """Mean of the words' embeddings, padding left out."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(6, DIM)

    def forward(self, tokens):
        known = (tokens != 0).unsqueeze(-1).to(torch.float32)
        return (self.embedding(tokens) * known).sum(1) + 0.01


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    torch.manual_seed(0)
    words = tmp_path_factory.mktemp("words") / "words.json"
    colour_tokenizer().save(str(words))
    temporal = TemporalFusion(DIM, geometry=True, width=16, layers=1, heads=2)
    towers = Towers(ImageTower(DIM, (4, 4, 8, 8)), temporal, Unit(Words()))
    space = Space(
        version="1",
        description="A test's.",
        licence="Apache-2.0",
        provenance="Made by a test.",
        dim=DIM,
        size=64,
        context=1.25,
        length=LENGTH,
        temperature=0.05,
        sentence=True,
        geometry=True,
    )
    source = np.random.default_rng(0)
    crops = source.integers(0, 256, (10, FRAMES, 64, 64, 3), dtype=np.uint8)
    samples = SampleClips(crops, source.standard_normal((10, FRAMES, 5)).astype(np.float32))
    return towers, space, words, PHRASES, samples


@pytest.fixture(scope="module")
def exported(tmp_path_factory, parts):
    said: list[str] = []
    pack, report = export_encoder(tmp_path_factory.mktemp("exported") / "packs", "mine", *parts, say=said.append)
    return pack, report, said


def test_writes_a_pack_that_gives_what_the_networks_give(exported, parts):
    towers, _, _, _, samples = parts
    pack, report, said = exported
    assert report.parity.keys() == {"image", "temporal", "text"}
    assert all(0 < parity.error < 1e-5 for parity in report.parity.values())
    assert report.scores < 1e-5
    assert said[0] == "image: to ONNX"
    session = ort.InferenceSession(str(pack.file(pack.manifest.image.graph)))
    for size in (1, 7, 33):
        crops = np.resize(samples.crops, (size, 64, 64, 3))
        with torch.inference_mode():
            expected = towers.image(torch.from_numpy(crops)).numpy()
        np.testing.assert_allclose(session.run(None, {"crops": crops})[0], expected, rtol=1e-3, atol=1e-5)
    features = pack.arrays("bank")["features"]
    np.testing.assert_allclose(np.linalg.norm(features, axis=1), 1, rtol=1e-5)
    assert pack.phrases() == tuple(PHRASES)
    tokenizer = json.loads(pack.file(pack.manifest.text.tokenizer).read_text())
    assert tokenizer["padding"]["strategy"] == {"Fixed": LENGTH}
    assert tokenizer["truncation"]["max_length"] == LENGTH


def test_the_same_weights_give_the_same_bytes_and_no_paths(tmp_path, exported, parts):
    first, _, _ = exported
    assert export_encoder(tmp_path, "mine", *parts)[0].hash == first.hash
    for graph in first.manifest.all_graphs():
        content = first.file(graph).read_bytes()
        assert b".py" not in content
        assert b"site-packages" not in content


def test_batches_are_dynamic(exported):
    pack, _, _ = exported
    for graph in pack.manifest.all_graphs():
        signature = read_signature(pack.file(graph))
        assert all(tensor.shape[0] is None for tensor in (*signature.inputs, *signature.outputs))


def test_without_a_temporal_tower(tmp_path, parts):
    towers, space, tokenizer, phrases, samples = parts
    pack, report = export_encoder(
        tmp_path / "packs",
        "mine",
        Towers(towers.image, None, towers.text),
        space,
        tokenizer,
        phrases,
        samples,
    )
    assert report.parity.keys() == {"image", "text"}
    assert pack.manifest.temporal is None
    assert report.scores < 1e-4


class Wobbly(nn.Module):
    """Gives something else while it is exported, as a network does that was left in training mode."""

    def __init__(self, tower):
        super().__init__()
        self.tower = tower

    def forward(self, crops):
        features = self.tower(crops)
        return features * 1.001 if torch.compiler.is_exporting() else features


def test_a_graph_that_differs_is_refused_and_leaves_nothing(tmp_path, parts):
    towers, *rest = parts
    with pytest.raises(ExportError, match=r"relative error of at most 0.0001 of image.onnx, got 0.001") as caught:
        export_encoder(tmp_path / "packs", "mine", Towers(Wobbly(towers.image), towers.temporal, towers.text), *rest)
    assert caught.value.code == "parity"
    assert list((tmp_path / "packs").iterdir()) == []


def test_weights_that_are_not_finite_are_refused(tmp_path, parts):
    towers, *rest = parts
    towers = copy.deepcopy(towers)
    with torch.no_grad():
        towers.text.tower.embedding.weight[3] = torch.nan
    with pytest.raises(ExportError, match=r"text.onnx, got inf"):
        export_encoder(tmp_path / "packs", "mine", towers, *rest)


@pytest.mark.parametrize(
    ("crops", "geometry", "said"),
    [
        (np.zeros((10, 9, 64, 64, 3), np.float32), np.zeros((10, 9, 5), np.float32), "uint8 crops"),
        (np.zeros((10, 9, 32, 32, 3), np.uint8), np.zeros((10, 9, 5), np.float32), r"\(64, 64, 3\), got uint8"),
        (np.zeros((2, 9, 64, 64, 3), np.uint8), np.zeros((2, 9, 5), np.float32), "at least 8 clips"),
        (np.zeros((10, 9, 64, 64, 3), np.uint8), None, r"geometry of \(10, 9, 5\), got none"),
        (np.zeros((10, 9, 64, 64, 3), np.uint8), np.zeros((10, 8, 5), np.float32), r"geometry of .*got \(10, 8, 5\)"),
    ],
)
def test_samples_that_do_not_fit_are_refused(tmp_path, parts, crops, geometry, said):
    towers, space, tokenizer, phrases, *_ = parts
    with pytest.raises(ExportError, match=said):
        export_encoder(tmp_path / "packs", "mine", towers, space, tokenizer, phrases, SampleClips(crops, geometry))


@pytest.mark.parametrize("content", ["{}", "no tokenizer", None])
def test_tokenizers_that_do_not_fit_are_refused(tmp_path, parts, content):
    towers, space, tokenizer, *rest = parts
    if content is None:  # one that does not say how it pads
        content = json.dumps({**json.loads(tokenizer.read_text()), "padding": None})
    (tmp_path / "words.json").write_text(content)
    with pytest.raises(ExportError, match=r"expected a tokenizer .*in words.json"):
        export_encoder(tmp_path / "packs", "mine", towers, space, tmp_path / "words.json", *rest)


def test_a_name_that_is_taken_stays_whole(exported, parts):
    pack, _, _ = exported
    with pytest.raises(PackError) as caught:
        export_encoder(pack.path.parent, "mine", *parts)
    assert caught.value.code == "name_taken"
    assert Pack.load(pack.path).hash == pack.hash


def test_crops_are_normalised_in_the_graph(tmp_path):
    """Red of a BGR crop comes first, in the published mean and deviation, for a tower that gives what it is given."""
    mean, std = (0.5, 0.4, 0.3), (0.2, 0.25, 0.5)
    graph = to_onnx(
        Crops(nn.Identity(), mean, std),
        {"crops": torch.zeros(2, 4, 4, 3, dtype=torch.uint8)},
        "features",
        tmp_path / "crops.onnx",
    )
    crop = np.random.default_rng(0).integers(0, 256, (3, 4, 4, 3), dtype=np.uint8)
    (planes,) = ort.InferenceSession(str(graph)).run(None, {"crops": crop})
    expected = (crop[..., ::-1] / 255 - np.array(mean)) / np.array(std)
    np.testing.assert_allclose(planes, expected.transpose(0, 3, 1, 2), atol=1e-5)


def test_an_example_of_one_is_refused(tmp_path):
    """It would be taken for a batch that is always one."""
    with pytest.raises(ValueError, match="at least 2"):
        to_onnx(nn.Identity(), {"x": torch.zeros(1, 3)}, "y", tmp_path / "x.onnx")


def test_parity_is_relative_to_each_item(tmp_path):
    small, large = np.full((1, 4), 1e-3), np.full((1, 4), 1e3)
    found = compare(np.concatenate([small, large]), np.concatenate([small * 1.01, large]))
    assert found.error == pytest.approx(0.01)
    assert found.cosine == pytest.approx(1)
    assert found.items == 2
    assert compare(np.ones((1, 2)), np.array([[1.0, np.nan]])).error == np.inf
    with pytest.raises(ExportError, match=r"shape \(1, 2\), got \(1, 3\)"):
        compare(np.ones((1, 2)), np.ones((1, 3)))


def test_parity_needs_a_graph_that_loads(tmp_path):
    (tmp_path / "x.onnx").write_bytes(b"\x89PNG")
    with pytest.raises(ExportError, match=r"expected x.onnx to load"):
        check(nn.Identity(), tmp_path / "x.onnx", [{"x": np.zeros((2, 3), np.float32)}])


def test_clips_of_samples_are_as_the_service_makes_them():
    crops = np.arange(2 * 3 * 4 * 4 * 3, dtype=np.uint8).reshape(2, 3, 4, 4, 3)
    shapes = np.ones((2, 3, 5), np.float32)

    def run(role, inputs):
        if role == "image":
            return inputs["crops"].mean(axis=(1, 2)).astype(np.float32)
        return np.concatenate([each.sum(axis=1) for each in inputs.values()], axis=1)

    frames = crops.mean(axis=(2, 3)).astype(np.float32)
    middle = frames[:, 1] / np.linalg.norm(frames[:, 1], axis=1, keepdims=True)
    found = embed_samples(run, SampleClips(crops, shapes), temporal=False, geometry=False)
    np.testing.assert_allclose(found, middle, rtol=1e-5)
    found = embed_samples(run, SampleClips(crops, shapes), temporal=True, geometry=True)
    np.testing.assert_allclose(found, np.concatenate([frames.sum(axis=1), np.full((2, 5), 3)], axis=1), rtol=1e-5)


def test_tokens_are_cut_and_filled_to_the_length():
    tokens = tokenise(colour_tokenizer(), ["", "red", " ".join(["blue"] * 50)])
    assert tokens.tolist() == [[0] * 6, [4, 0, 0, 0, 0, 0], [2] * 6]
