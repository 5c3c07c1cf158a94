"""Real data sets of actions as shards that pre-training reads: on a miniature of KTH in which a body walks."""

from __future__ import annotations

from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from models.crops import geometry
from service.engine.detectors.motion import MotionDetector
from service.settings import Settings
from training.cli.train import train_app
from training.data.action_clips import gathered, write_actions
from training.data.object_clips import MOTION, RUN, TRUTH, ObjectClips
from training.datasets import DatasetError
from training.datasets.actions import ActionSample, open_actions
from training.datasets.actions.objects import ObjectClip

WIDTH, HEIGHT, FPS = 160, 120, 25
_NOISE = np.random.default_rng(3).integers(60, 140, (HEIGHT // 6, WIDTH // 6, 3), dtype=np.uint8)
GROUND = np.asarray(cv2.resize(_NOISE, (WIDTH, HEIGHT)), np.uint8)


def write(path: Path, frames: int, step: float) -> None:
    """A white body goes to the right by so many pixels a frame."""
    path.parent.mkdir(parents=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=FPS)
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = WIDTH, HEIGHT, "yuv420p", 4_000_000
        for index in range(frames):
            image = GROUND.copy()
            left = round(step * index)
            image[30:90, left : left + 20] = 255
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        container.mux(stream.encode())


@pytest.fixture(scope="module")
def kth(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("kth")
    write(root / "walking/person11_walking_d1_uncomp.avi", 75, step=1.0)
    write(root / "running/person12_running_d1_uncomp.avi", 50, step=2.0)
    write(root / "boxing/person13_boxing_d1_uncomp.avi", 40, step=0.0)  # nobody moves: nobody is found
    (root / "00sequences.txt").write_text(
        "person11_walking_d1 frames 1-75\nperson12_running_d1 frames 1-36\nperson13_boxing_d1 frames 1-40\n"
    )
    return root


def record(kth: Path, out: Path, actions: list[str] | None = None):
    return write_actions(out, [open_actions(kth)], "train", MotionDetector(), Settings(), size=24, actions=actions)


def test_samples_become_clips_that_training_reads(kth: Path, tmp_path: Path) -> None:
    assert record(kth, tmp_path) == {"kept": 1, "short": 1, "excluded": 1}
    clips = ObjectClips(tmp_path, 9)
    assert clips.actions == ("boxing", "running", "walking")
    assert set(clips.labels) == {clips.actions.index("walking")}
    batch = clips.batch(np.arange(len(clips)))
    assert batch.crops.shape[1:] == (9, 24, 24, 3)
    assert set(batch.sources) == {MOTION}
    # it walks to the right: earlier it was further left, by 25 pixels a second
    left, ago = batch.geometry[:, 0, 0], batch.geometry[:, 0, 4]
    heights = -left / ago
    assert np.median(heights) == pytest.approx(FPS / 60, rel=0.3)


def test_a_second_call_does_what_is_left(kth: Path, tmp_path: Path) -> None:
    first = record(kth, tmp_path)
    before = (tmp_path / "clips.json").read_text()
    assert first
    assert not record(kth, tmp_path)
    assert (tmp_path / "clips.json").read_text() == before


def test_only_the_actions_asked_for(kth: Path, tmp_path: Path) -> None:
    assert record(kth, tmp_path, ["walking"]) == {"kept": 1}
    with pytest.raises(DatasetError, match="expected actions of KTH, got dancing"):
        record(kth, tmp_path / "none", ["dancing"])


def test_clips_of_several_aspects_share_a_shard() -> None:
    boxes = np.tile(np.array([0.1, 0.2, 0.1, 0.4], np.float32), (RUN, 1))
    boxes[:, 0] += np.linspace(0, 0.5, RUN, dtype=np.float32)
    times = np.arange(RUN) / 12
    sample = ActionSample("a", Path("a.avi"), "walking", "train", boxes=dict)
    clips = [ObjectClip(sample, np.zeros((RUN, 8, 8, 3), np.uint8), boxes, times, aspect) for aspect in (4 / 3, 16 / 9)]
    runs = gathered(iter(clips), ["walking"], 8)
    assert set(runs.sources.tolist()) == {TRUTH}
    for row, clip in enumerate(clips):
        np.testing.assert_allclose(
            geometry(runs.boxes[row], runs.times[row], runs.aspect),
            geometry(clip.boxes, clip.times, clip.aspect),
            rtol=1e-4,
            atol=1e-5,
        )


def test_a_run_has_no_gap() -> None:
    times = np.concatenate([np.arange(10), np.arange(15, 15 + RUN)]) / 12
    count = len(times)
    clip = ObjectClip(
        ActionSample("a", Path("a.avi"), "walking", "train"),
        np.zeros((count, 8, 8, 3), np.uint8),
        np.zeros((count, 4), np.float32),
        times * 1.2,
        1.0,
    )
    runs = gathered(iter([clip]), ["walking"], 8)
    assert len(runs) == 1
    np.testing.assert_allclose(runs.times[0], times[10:] * 1.2)


def test_the_command(kth: Path, tmp_path: Path) -> None:
    arguments = ["actions", str(tmp_path / "out"), str(kth), "--detector", "motion", "--size", "24"]
    result = CliRunner().invoke(train_app, [*arguments, "--action", "walking"], catch_exceptions=False)
    assert result.exit_code == 0
    assert "samples: 1 kept" in result.output
    assert CliRunner().invoke(train_app, [*arguments, "--split", "all"]).exit_code == 2
