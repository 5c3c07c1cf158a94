"""The paper's own set-up from end to end, over towers small enough to be made here: trained, prompted and exported."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

pytest.importorskip("torch")
pytest.importorskip("tensorboard")
pytest.importorskip("onnxscript")

import torch

from export.towers import ARCHITECTURES
from models.packs import PackLibrary
from service.cli.app import assemble
from support.networks import clip_checkpoint
from support.torch_vision import need_torchvision
from training.data.object_clips import LABELS, RUN, Runs, finish, write_shard

SIZE, DIM = 32, 64
MODEL = "ViT-B-32-tiny"
CONFIG = {
    "embed_dim": DIM,
    "quick_gelu": True,
    "vision_cfg": {"image_size": SIZE, "layers": 1, "width": 64, "patch_size": 16},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 64, "heads": 2, "layers": 1},
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    need_torchvision()
    open_clip = pytest.importorskip("open_clip")
    (tmp_path / f"{MODEL}.json").write_text(json.dumps(CONFIG))
    open_clip.add_model_config(tmp_path / f"{MODEL}.json")
    tiny = dataclasses.replace(ARCHITECTURES["clip-vit-b32"], model=MODEL, size=SIZE)
    monkeypatch.setitem(ARCHITECTURES, "clip-vit-b32", tiny)
    monkeypatch.setenv("WATCHWORD_PACKS_DIR", str(tmp_path / "packs"))
    monkeypatch.setenv("COLUMNS", "500")
    clip_checkpoint(tmp_path / "clip.safetensors", MODEL)
    clips = tmp_path / "clips"
    clips.mkdir()
    crops = np.random.default_rng(0).integers(0, 256, (8, RUN, SIZE, SIZE, 3), dtype=np.uint8)
    actions = np.repeat(np.array([0, 1], np.uint8), 4)[:, None].repeat(RUN, 1)
    boxes = np.tile(np.array([0.4, 0.4, 0.1, 0.3], np.float32), (8, RUN, 1))
    times = np.tile(np.arange(RUN) * 0.1, (8, 1))
    write_shard(clips, "one", Runs(crops, boxes, times, actions, np.zeros(8, np.uint8), 1.5))
    finish(clips, ["one"], LABELS[:2], SIZE)
    return tmp_path


def run(*arguments: object, exit_code: int = 0) -> str:
    before = torch.get_num_threads()
    try:
        result = CliRunner().invoke(assemble(), list(map(str, arguments)))
    finally:
        torch.set_num_threads(before)
    assert result.exit_code == exit_code, result.output
    return " ".join(result.output.split())


def test_trained_prompted_and_exported(folder: Path) -> None:
    clips, weights, trained, prompted = (folder / name for name in ("clips", "clip.safetensors", "run", "prompts"))
    common = ("--clips", clips, "--weights", weights, "--threads", 1)
    few = ("--steps", 2, "--batch", 4)
    run("train", "svad", "pretrain", *common, *few, "--frames", 5, "--clip", "clip-vit-b32", "--out", trained)
    learned = torch.load(trained / "encoder.pt", weights_only=True)
    assert not any(name.startswith("image") for name in learned)

    run("train", "svad", "prompts", *common, *few, "--run", trained, "--out", prompted)
    responses = np.load(prompted / "responses.npy")
    np.testing.assert_allclose(np.linalg.norm(responses, axis=1), 1, rtol=1e-5)

    encoder = ("encoder", "mine", weights, "--run", trained, "--clips", clips)
    run("export", *encoder, "--architecture", "clip-vit-b32")
    run("export", "head", "svad-mine", prompted / "responses.npy", "--encoder", "mine")
    library = PackLibrary([folder / "packs"])
    assert library.get("mine").manifest.temporal.frames == 5
    assert library.get("svad-mine").arrays("responses")["features"].shape == responses.shape

    # Towers that the fusion was not trained over give other features, of the same shape.
    said = run("export", *encoder, "--architecture", "clip-vit-b32-laion2b", "--replace", exit_code=2)
    assert "expected a run over clip-vit-b32-laion2b" in said
    other = folder / "other.safetensors"
    other.write_bytes(weights.read_bytes() + b" ")
    changed = ("encoder", "mine", other, "--run", trained, "--clips", clips, "--replace")
    assert "got clip-vit-b32, sha256" in run("export", *changed, "--architecture", "clip-vit-b32", exit_code=2)
