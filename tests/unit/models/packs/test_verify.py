"""What a pack must hold: encoders have every kind of it, and each thing that can be wrong with one is found."""

from __future__ import annotations

import json

import numpy as np
import pytest

from models.packs import EncoderManifest, Pack, PackError, PackLibrary
from support.encoders import DIM, image_graph, temporal_graph, write_encoder
from support.pack_folders import described, refused


@pytest.fixture
def pack(tmp_path):
    return write_encoder(tmp_path / "packs", geometry=True)


def change(pack, path, value):
    """Set one thing of the manifest, by its dotted path; None takes it out."""
    content = json.loads((pack.path / "manifest.json").read_text())
    *parts, last = path.split(".")
    place = content
    for part in parts:
        place = place[part]
    if value is None:
        del place[last]
    else:
        place[last] = value
    (pack.path / "manifest.json").write_text(json.dumps(content))


def test_an_encoder_pack(pack):
    assert pack.kind == "encoder"
    manifest = PackLibrary([pack.path.parent]).get("colours").manifest
    assert isinstance(manifest, EncoderManifest)
    assert (manifest.dim, manifest.image.size, manifest.image.context) == (DIM, 16, 1.25)
    assert (manifest.temporal.frames, manifest.temporal.interval_s, manifest.temporal.geometry) == (9, 0.12, True)
    assert [phrase.text for phrase in pack.phrases()] == ["blue", "green", "red", "grey"]
    assert [phrase.kind for phrase in pack.phrases()] == ["action"] * 3 + ["background"]
    assert pack.arrays("bank")["features"].shape == (4, DIM)
    assert pack.file(manifest.text.tokenizer).name == "tokenizer.json"
    with pytest.raises(KeyError):
        pack.arrays("responses")


def test_without_a_temporal_tower(tmp_path):
    manifest = write_encoder(tmp_path / "packs", temporal=False).manifest
    assert manifest.temporal is None
    assert [graph.file for graph in manifest.all_graphs()] == ["image.onnx", "text.onnx"]


def test_the_graph_of_a_precision_is_its_variant_or_the_tower_s_own(pack):
    graph = described(image_graph(pack.path / "image.int8.onnx"))
    variant = {"graph": graph, "error": 0.02, "cosine": 0.999}
    change(pack, "image.variants", {"int8": variant})
    image = Pack.load(pack.path).manifest.image
    assert [image.at(precision).file for precision in ("fp32", "fp16", "int8")] == [
        "image.onnx",
        "image.onnx",
        "image.int8.onnx",
    ]
    change(pack, "image.variants.int8.auc", 0.97)
    assert "auc, auc_change and measured_on together" in refused(pack.path).message
    change(pack, "image.variants.int8.auc_change", -0.001)
    change(pack, "image.variants.int8.measured_on", "a test")
    assert Pack.load(pack.path).manifest.image.variants["int8"].auc_change == -0.001
    (pack.path / "image.int8.onnx").unlink()
    assert refused(pack.path).code == "missing_file"


@pytest.mark.parametrize(
    ("path", "value", "code", "said"),
    [
        ("colour", "red", "unknown_key", "colour"),
        ("image.colour", "red", "unknown_key", "image.colour"),
        ("sentence", None, "bad_manifest", "sentence"),
        ("sentence", 1, "bad_manifest", "sentence"),
        ("temperature", 0.0, "bad_manifest", "temperature"),
        ("temporal", None, "bad_manifest", "temporal"),
        ("temporal.frames", 0, "bad_manifest", "temporal.frames"),
        ("temporal.interval_s", -0.1, "bad_manifest", "temporal.interval_s"),
        ("image.context", 0.5, "bad_manifest", "image.context"),
        ("image.size", 32, "wrong_shape", r"crops \(any, 32, 32, 3\) uint8.*it takes crops \(any, 16, 16, 3\)"),
        ("dim", 16, "bad_manifest", r"features of the bank to be float32 \[K, 16\], got float32 \[4, 8\]"),
        ("temporal.frames", 7, "wrong_shape", r"frames \(any, 7, 8\).*it takes frames \(any, 9, 8\)"),
        ("temporal.geometry", False, "wrong_shape", "geometry"),
        ("text.length", 77, "wrong_shape", r"tokens \(any, 6\) int64"),
        ("bank.arrays.features.shape", [5, 8], "wrong_shape", r"features of bank.npz to be float32 \[5, 8\]"),
        ("bank.arrays.features.dtype", "float64", "bad_manifest", r"float32 \[K, 8\], got float64 \[4, 8\]"),
        ("bank.arrays.more", {"dtype": "float32", "shape": [1]}, "bad_manifest", "one array, features"),
        ("text.tokenizer.sha256", "0" * 64, "wrong_hash", "tokenizer.json"),
        ("image.variants", {"int4": {}}, "bad_manifest", "image.variants"),
        ("requires", "12.0", "program_too_old", "needs watchword 12.0"),
    ],
)
def test_manifests_that_are_refused(pack, path, value, code, said):
    change(pack, path, value)
    error = refused(pack.path)
    assert error.code == code, error.message
    with pytest.raises(PackError, match=said):
        Pack.load(pack.path)


def test_a_width_that_differs_between_towers_is_refused(pack):
    temporal_graph(pack.path / "temporal.onnx", geometry=True, dim=12)
    change(pack, "temporal.graph", described(pack.path / "temporal.onnx"))
    assert refused(pack.path).code == "wrong_shape"


@pytest.mark.parametrize("batch", [1, 8])
def test_a_graph_of_a_fixed_batch_is_refused(pack, batch):
    image_graph(pack.path / "image.onnx", batch=batch)
    change(pack, "image.graph", described(pack.path / "image.onnx"))
    error = refused(pack.path)
    assert error.code == "wrong_shape"
    assert f"it takes crops ({batch}, 16, 16, 3)" in error.message


@pytest.mark.parametrize(
    ("file", "path", "content", "code"),
    [
        ("image.onnx", "image.graph", b"\x89PNG\r\n\x1a\n", "bad_graph"),
        ("text.onnx", "text.graph", b"PK\x03\x04", "bad_graph"),
        ("phrases.json", "phrases", b"[", "bad_phrases"),
        ("phrases.json", "phrases", b"[]", "bad_phrases"),
        ("phrases.json", "phrases", b'[{"text": "", "kind": "action"}]', "bad_phrases"),
        ("phrases.json", "phrases", b'[{"text": "running", "kind": "verb"}]', "bad_phrases"),
        ("phrases.json", "phrases", b'[{"text": "running", "kind": "action", "weight": 1}]', "bad_phrases"),
        ("phrases.json", "phrases", b'[{"text": "running", "kind": "action"}]', "bad_phrases"),
        ("phrases.json", "phrases", json.dumps([{"text": "a", "kind": "action"}] * 4).encode(), "bad_phrases"),
        ("phrases.json", "phrases", b"[" * 100_000, "bad_phrases"),
        ("tokenizer.json", "text.tokenizer", b"{}", "bad_tokenizer"),
        ("tokenizer.json", "text.tokenizer", b"a b c", "bad_tokenizer"),
        ("tokenizer.json", "text.tokenizer", b"[" * 100_000, "bad_tokenizer"),
    ],
)
def test_files_that_are_something_else_are_refused(pack, file, path, content, code):
    (pack.path / file).write_bytes(content)
    change(pack, path, described(pack.path / file))
    error = refused(pack.path)
    assert error.code == code, error.message
    assert file in error.message


def test_one_flipped_bit_in_any_file_is_found(pack):
    for file in pack.manifest.files():
        path = pack.file(file)
        content = path.read_bytes()
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        assert refused(pack.path).code == "wrong_hash"
        path.write_bytes(content)
    Pack.load(pack.path)


def test_a_bank_of_python_objects_is_never_loaded(pack):
    np.savez(pack.path / "bank.npz", features=np.array([{}] * 4, object))
    arrays = {"features": {"dtype": "float32", "shape": [4, 8]}}
    change(pack, "bank", {**described(pack.path / "bank.npz"), "arrays": arrays})
    assert refused(pack.path).code == "bad_arrays"


def test_a_head_names_its_encoder(tmp_path):
    from export.pack_writer import PackWriter

    facts = {"kind": "head", "version": "1", "description": "", "licence": "MIT", "provenance": "a test"}
    with PackWriter(tmp_path / "packs", "mine") as writer:
        pack = writer.commit({**facts, "head": "svad", "view": "object", "encoder": "words"})
    assert pack.manifest.encoder == "words"
    with pytest.raises(PackError, match="encoder"), PackWriter(tmp_path / "packs", "other") as writer:
        writer.commit({**facts, "head": "svad", "view": "object", "encoder": "../words"})
    with pytest.raises(PackError) as caught:
        pack.phrases()
    assert caught.value.code == "pack_kind"
