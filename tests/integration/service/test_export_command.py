"""``watchword export``: from a file of weights to a pack that the library serves, and one sentence per failure."""

from __future__ import annotations

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from models.packs import PackLibrary
from service.cli.app import assemble
from service.engine.detectors import detector_of
from support.encoders import write_encoder
from support.networks import yolo_checkpoint
from support.torch_vision import need_torchvision


@pytest.fixture
def packs(tmp_path, monkeypatch):
    monkeypatch.setenv("WATCHWORD_PACKS_DIR", str(tmp_path / "packs"))
    monkeypatch.setenv("COLUMNS", "250")
    return tmp_path / "packs"


def run(*arguments, exit_code=0):
    result = CliRunner().invoke(assemble(), ["export", *map(str, arguments)])
    assert result.exit_code == exit_code, result.output
    return " ".join(result.output.split())


def test_a_detector(packs, tmp_path):
    need_torchvision()
    torch = pytest.importorskip("torch")
    pytest.importorskip("ultralytics")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        weights = yolo_checkpoint(tmp_path / "best.pt", "yolo11n", 2)
        report = tmp_path / "report.json"
        options = ("--architecture", "yolo11n", "--provenance", "a test", "--size", 64)
        said = run("detector", "gate", weights, *options, "--report", report)
        assert "graph: relative error" in said
        assert "gate: detector, in" in said
        assert json.loads(report.read_text())["graphs"]["graph"]["error"] < 1e-4
        detector_of(PackLibrary([packs]).get("gate"), threads=1).close()
        assert "expected a new name" in run("detector", "gate", weights, *options, exit_code=2)
    finally:
        torch.set_num_threads(before)


def test_a_head_over_an_encoder(packs, tmp_path):
    pytest.importorskip("torch")
    write_encoder(packs)
    responses = tmp_path / "responses.npy"
    np.save(responses, 3 * np.eye(3, 8, dtype=np.float32))
    said = run("head", "svad-mine", responses, "--encoder", "colours", "--clusters", 4, "--provenance", "a test")
    assert "svad-mine: head, in" in said
    pack = PackLibrary([packs]).get("svad-mine")
    assert (pack.manifest.encoder, pack.manifest.parameters) == ("colours", {"clusters": 4})
    stored = pack.arrays("responses")
    np.testing.assert_array_equal(stored["features"], np.eye(3, 8))
    assert stored["phrases"].tolist() == ["blue", "green", "red"]


@pytest.mark.parametrize(
    ("features", "said"),
    [
        (np.ones((2, 8), np.float32), "features of (3, 8), actions by numbers, got (2, 8)"),
        (np.zeros((3, 8), np.float32), "finite features that are not zero"),
        (np.full((3, 8), np.nan, np.float32), "finite features"),
    ],
)
def test_features_that_are_none_of_the_encoder_s_space(packs, tmp_path, features, said):
    pytest.importorskip("torch")
    write_encoder(packs)
    np.save(tmp_path / "responses.npy", features)
    assert said in run("head", "mine", tmp_path / "responses.npy", "--encoder", "colours", exit_code=2)


def test_one_sentence_per_failure(packs, tmp_path):
    pytest.importorskip("torch")
    write_encoder(packs)
    (tmp_path / "x.pt").write_bytes(b"\x89PNG\r\n\x1a\n")
    np.save(tmp_path / "objects.npy", np.array([{}], object), allow_pickle=True)
    weights = tmp_path / "x.pt"
    assert "expected one of clip-vit-b16" in run("encoder", "a", weights, "--architecture", "resnet", exit_code=2)
    assert "allow_pickle=False" in run("head", "a", tmp_path / "objects.npy", "--encoder", "colours", exit_code=2)
    assert "There is no pack 'nobody'" in run("head", "a", tmp_path / "objects.npy", "--encoder", "nobody", exit_code=2)
    assert "fp16 or int8, got int4" in run("variants", "colours", "--clips", tmp_path, "--bits", "int4", exit_code=2)
    need_torchvision()
    pytest.importorskip("ultralytics")
    options = ("--architecture", "yolo11n", "--provenance", "x")
    assert "expected a checkpoint in x.pt" in run("detector", "a", weights, *options, exit_code=2)
    assert "expected a network of yolo11n" in run(
        "detector", "a", weights, "--architecture", "yolo2", "--provenance", "x", exit_code=2
    )
    assert [path.name for path in packs.iterdir()] == ["colours"]
