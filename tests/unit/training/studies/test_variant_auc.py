"""What an encoder in fewer bits is judged by: the svad head's AUC over clips whose actions are colours."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("tensorboard")
pytest.importorskip("onnxruntime.quantization")

from export.encoder import embed_samples, run_graph
from models.packs import PackError, PackLibrary
from support.encoders import SIZE, write_encoder
from training.data.object_clips import LABELS, RUN, Runs, finish, write_shard
from training.studies.variant_auc import judge_of


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    """Half of the runs walk in red, the others run in blue."""
    folder = tmp_path / "clips"
    folder.mkdir()
    crops = np.random.default_rng(0).integers(0, 60, (24, RUN, SIZE, SIZE, 3), dtype=np.uint8)
    crops[:12, ..., 2] += 180
    crops[12:, ..., 0] += 180
    walk, run = LABELS.index("walk"), LABELS.index("run")
    actions = np.repeat(np.array([walk, run], np.uint8), 12)[:, None].repeat(RUN, 1)
    boxes = np.tile(np.array([0.4, 0.4, 0.1, 0.3], np.float32), (24, RUN, 1))
    times = np.tile(np.arange(RUN) * 0.1, (24, 1))
    write_shard(folder, "one", Runs(crops, boxes, times, actions, np.zeros(24, np.uint8), 1.5))
    finish(folder, ["one"], LABELS, SIZE)
    return folder


def test_a_head_that_sees_colours_tells_them_apart_and_one_that_does_not_guesses(tmp_path: Path, clips: Path) -> None:
    pack = write_encoder(tmp_path / "packs")
    _, judge = judge_of(pack, clips, ("walk",), count=40)
    files = {"image": pack.manifest.image.graph, "temporal": pack.manifest.temporal.graph}
    embeddings = embed_samples(
        lambda role, inputs: run_graph(pack.file(files[role]), inputs), judge.samples, temporal=True, geometry=False
    )
    bank = pack.arrays("bank")["features"].astype(np.float32)
    assert judge.auc(embeddings, bank) == 1
    mixed = np.random.default_rng(0).permutation(embeddings)
    assert judge.auc(mixed, bank) < 0.8
    assert "usual: walk" in judge.measured_on


def test_what_cannot_be_judged_is_refused(tmp_path: Path, clips: Path) -> None:
    pack = write_encoder(tmp_path / "packs")
    with pytest.raises(ValueError, match="got one kind alone"):
        judge_of(pack, clips, ("fall",))
    with pytest.raises(PackError, match="expected a pack of kind encoder, got 'motion'"):
        judge_of(PackLibrary().get("motion"), clips)
