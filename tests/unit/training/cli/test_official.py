"""Official weights that need a network: small CLIP towers for real, ultralytics by what its export is asked."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from unittest import mock

import pytest
from typer.testing import CliRunner

from export import hub
from models.packs import PackLibrary
from models.packs.files import file_hash
from service.cli.app import assemble
from support.graphs import write_pack, yolox_answer
from support.torch_vision import need_torchvision

SMALL = {
    "embed_dim": 16,
    "quick_gelu": True,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 64, "head_width": 32, "patch_size": 16},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1},
}


@pytest.fixture
def weights(tmp_path, monkeypatch):
    need_torchvision()
    open_clip = pytest.importorskip("open_clip")
    torch = pytest.importorskip("torch")
    safetensors = pytest.importorskip("safetensors.torch")
    from export import towers

    (tmp_path / "ViT-small-test.json").write_text(json.dumps(SMALL))
    open_clip.add_model_config(tmp_path / "ViT-small-test.json")
    architecture = replace(towers.ARCHITECTURES["clip-vit-b32"], model="ViT-small-test", size=32)
    monkeypatch.setitem(towers.ARCHITECTURES, "clip-vit-b32", architecture)
    torch.manual_seed(0)
    path = tmp_path / "elsewhere.safetensors"
    clip = open_clip.create_model(architecture.model, device="cpu", load_weights=False)
    safetensors.save_file(clip.state_dict(), path)
    official = replace(hub.CATALOGUE["clip-vit-b32"], bytes=path.stat().st_size, sha256=file_hash(path))
    monkeypatch.setitem(hub.CATALOGUE, "clip-vit-b32", official)
    monkeypatch.setenv("WATCHWORD_DATA_DIR", str(tmp_path / "data"))
    return path


def run(*arguments, exit_code=0):
    result = CliRunner().invoke(assemble(), ["packs", *map(str, arguments)])
    assert result.exit_code == exit_code, result.output
    return " ".join(result.output.split())


@pytest.mark.slow
def test_towers_become_a_pack_that_runs(weights, tmp_path):
    said = run("build", "clip-vit-b32", weights)
    assert "surveillance as out of scope" in said
    assert "parity with the network: " in said
    assert "clip-vit-b32: encoder, in " in said
    manifest = PackLibrary([tmp_path / "data" / "packs"]).get("clip-vit-b32").manifest
    assert (manifest.dim, manifest.image.size, manifest.temporal, manifest.licence) == (16, 32, None, "MIT")
    assert "clip-vit-b32: ok" in run("verify", "clip-vit-b32")


def test_without_the_extra_there_is_one_sentence(weights, monkeypatch):
    monkeypatch.setitem(sys.modules, "export.towers", None)
    said = run("build", "clip-vit-b32", weights, exit_code=2)
    assert "pip install 'watchword[train]'" in said


def test_a_detectors_options_are_refused_for_an_encoder(weights):
    assert "detector's options" in run("build", "clip-vit-b32", weights, "--tiles", "2x1", exit_code=2)


def test_a_checkpoint_of_ultralytics_goes_to_its_export(tmp_path, monkeypatch):
    pytest.importorskip("torch")
    pytest.importorskip("onnxscript")
    from export import detectors

    path = tmp_path / "brought.pt"
    path.write_bytes(b"a checkpoint")
    official = replace(hub.CATALOGUE["yolo11n"], sha256=file_hash(path))
    monkeypatch.setitem(hub.CATALOGUE, "yolo11n", official)
    monkeypatch.setenv("WATCHWORD_DATA_DIR", str(tmp_path / "data"))

    def give(packs, name, *_, **__):
        return write_pack(packs, name, yolox_answer([], [], [])), mock.Mock(error=1e-6)

    export = mock.create_autospec(detectors.export_yolo, side_effect=give)
    monkeypatch.setattr(detectors, "export_yolo", export)
    said = run("build", "yolo11n", path, "--confidence", "0.4")
    assert "AGPL-3.0: who offers a service" in said
    assert "parity with the network: 1.0e-06 at most" in said
    assert "yolo11n: yolox, 3 classes" in said
    (packs, name, architecture, checkpoint, pictures), options = export.call_args
    assert (packs, name, architecture, checkpoint) == (tmp_path / "data" / "packs", "yolo11n", "yolo11n", path)
    assert pictures.shape == (4, 360, 640, 3)
    assert len({picture.tobytes() for picture in pictures}) == 4
    assert (options["confidence"], options["overlap"], options["version"]) == (0.4, 0.5, "v8.3.0")
    assert official.url in options["provenance"]
    assert "--tiles" in run("build", "yolo11n", path, "--tiles", "2x1", "--replace", exit_code=2)
