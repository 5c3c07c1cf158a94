"""Encoders in fewer bits: what is written of them, and which are refused."""

from __future__ import annotations

import dataclasses

import numpy as np
import onnx
import pytest

pytest.importorskip("torch")
pytest.importorskip("onnxruntime.quantization")

from onnx import TensorProto, helper, numpy_helper

from export.encoder import SampleClips
from export.parity import ExportError
from export.quantise import Judge, add_variants, to_fp16
from models.graph import read_signature
from models.packs import BUILT_IN, PackError, PackLibrary
from service.engine.session import Session
from support.encoders import FRAMES, SIZE, write_encoder


@pytest.fixture
def samples():
    source = np.random.default_rng(0)
    colours = source.integers(0, 256, (40, FRAMES, 1, 1, 3), dtype=np.uint8)
    return SampleClips(
        np.broadcast_to(colours, (40, FRAMES, SIZE, SIZE, 3)).copy(order="C").reshape(40, FRAMES, SIZE, SIZE, 3)
    )


@pytest.fixture
def judge(samples):
    """How well redness is told, by the bank's word for it."""
    red = samples.crops[:, :, 0, 0, 2].mean(1) > samples.crops[:, :, 0, 0, :2].mean((1, 2))

    def auc(clips, bank):
        scores = clips @ bank[2]
        return float((scores[red][:, None] > scores[~red]).mean())

    return Judge(samples, auc, "forty colours")


def test_variants_are_measured_and_written_into_the_manifest(tmp_path, samples, judge):
    pack = write_encoder(tmp_path / "packs")
    said: list[str] = []
    new, costs = add_variants(pack, ["fp16", "int8"], samples, judge, say=said.append)
    assert costs.keys() == {(role, bit) for role in ("image", "temporal", "text") for bit in ("fp16", "int8")}
    assert "image: to int8" in said
    image = PackLibrary([tmp_path / "packs"]).get("colours").manifest.image
    assert image.at("int8").file == "image.int8.onnx"
    assert image.variants["fp16"].measured_on == "forty colours"
    assert image.variants["fp16"].auc == judge.auc(clips_of(new, "fp32", samples), pack.arrays("bank")["features"])
    change = image.variants["int8"].auc_change
    assert change is not None
    assert abs(change) < 0.01
    assert 0 < image.variants["fp16"].error < 2e-3
    assert image.variants["int8"].cosine > 0.99
    assert read_signature(new.file(image.at("fp16"))).half
    assert not read_signature(new.file(image.graph)).half
    again, _ = add_variants(new, ["fp16"], samples)
    assert again.manifest.image.variants.keys() == {"fp16"}
    assert again.manifest.image.variants["fp16"].auc is None
    assert not (again.path / "image.int8.onnx").exists()
    assert again.manifest.image.graph == pack.manifest.image.graph


def clips_of(pack, precision, samples):
    image, temporal = (
        Session(pack.file(pack.manifest.image.at(precision))),
        Session(pack.file(pack.manifest.temporal.graph)),
    )
    features = image.first(samples.crops.reshape(-1, SIZE, SIZE, 3))
    return temporal.first(features.reshape(-1, FRAMES, features.shape[1]))


def test_a_variant_that_costs_too_much_is_refused_and_changes_nothing(tmp_path, samples, judge):
    pack = write_encoder(tmp_path / "packs")
    answers = iter([0.9, 0.88])
    strict = dataclasses.replace(judge, auc=lambda clips, bank: next(answers))
    with pytest.raises(ExportError, match=r"image.fp16.onnx to cost at most 0.01 of AUC, got 0.020") as caught:
        add_variants(pack, ["fp16"], samples, strict)
    assert caught.value.code == "scores"
    assert PackLibrary([tmp_path / "packs"]).get("colours").hash == pack.hash
    assert [path.name for path in (tmp_path / "packs").iterdir()] == ["colours"]


def test_a_variant_that_overflows_is_refused(tmp_path, samples):
    """float16 ends at 65504; a feature of a million does not fit."""
    pack = write_encoder(tmp_path / "packs")
    model = onnx.load(pack.file(pack.manifest.image.graph))
    for tensor in model.graph.initializer:
        if tensor.name == "spread":
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor) * np.float32(1e6), "spread"))
    huge = write_encoder(tmp_path / "packs", "huge", image=model)
    with pytest.raises(ExportError, match=r"values in image.onnx that float16 holds, up to 65504, got \d"):
        add_variants(huge, ["fp16"], samples)


def test_other_packs_are_refused(samples):
    with pytest.raises(PackError, match="pack of kind encoder, got 'motion' of kind detector"):
        add_variants(PackLibrary([BUILT_IN]).get("motion"), ["fp16"], samples)


def test_float16_products_behind_a_transpose_load_and_run(tmp_path):
    """ONNX Runtime's NCHWc pass ends the process at these on x86 (microsoft/onnxruntime#28392)."""
    nodes = [
        helper.make_node("Transpose", ["x"], ["t"], perm=[1, 0, 2]),
        helper.make_node("MatMul", ["t", "w"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 7, 64])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [7, "batch", 32])],
        [numpy_helper.from_array(np.ones((64, 32), np.float32), "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.save(model, tmp_path / "full.onnx")
    session = Session(to_fp16(tmp_path / "full.onnx", tmp_path / "half.onnx"), threads=1)
    assert session.inputs[0].dtype.startswith("float")
