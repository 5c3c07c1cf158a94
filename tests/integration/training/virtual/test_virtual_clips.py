"""Clips as other programs read them."""

import json
from pathlib import Path

import av
import numpy as np
import pytest
from typer.testing import CliRunner

from training.cli.simulate import simulate_app
from training.datasets import open_dataset
from training.virtual.clip import World, masks_path, render_clip, render_dataset, truth_path
from training.virtual.scene import load_scene, scene_names
from training.virtual.truth import ClipTruth

SIZE = (320, 180)


def test_a_clip_its_truth_and_its_masks(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    counted: list[int] = []
    truth = render_clip(World(load_scene("plaza"), 3, size=SIZE), path, 2.0, masks=True, progress=counted.append)
    assert counted == list(range(1, 51))
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        packets = [packet for packet in container.demux(stream) if packet.size]
        assert all(packet.pts == packet.dts for packet in packets), "no B-frames: sent in the order shown"
        assert len(packets) == 50
        assert stream.average_rate == 25
        assert not stream.codec_context.has_b_frames
    with av.open(str(path)) as container:
        assert sum(1 for _ in container.decode(video=0)) == 50
    assert ClipTruth.load(truth_path(path)) == truth
    assert truth.frames == 50
    with av.open(str(masks_path(path))) as container:
        for frame, objects in zip(container.decode(video=0), truth.objects, strict=True):
            mask = frame.to_ndarray()
            assert set(np.unique(mask)) == set(range(len(objects) + 1))


def test_nothing_is_left_of_a_clip_that_failed(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"

    def stop(done: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        render_clip(World(load_scene("plaza"), 3, size=SIZE), path, 1.0, masks=True, progress=stop)
    assert list(tmp_path.iterdir()) == []


def test_a_dataset(tmp_path: Path) -> None:
    folder = tmp_path / "plaza"
    render_dataset(load_scene("plaza"), folder, train=1, test=1, seconds=14.0, seed=8, size=(160, 90), fps=10.0)
    assert json.loads((folder / "dataset.json").read_text())["kind"] == "virtual"
    normal = ClipTruth.load(folder / "train" / "001.truth.json")
    odd = ClipTruth.load(folder / "test" / "001.truth.json")
    assert (normal.frames, sum(normal.labels), normal.events) == (140, 0, [])
    assert sum(odd.labels) > 0
    assert odd.events
    for event in odd.events:
        assert odd.labels[round(event.start * 10)] == 1
        assert odd.labels[round(event.end * 10) - 1] == 1
    spans = [(round(event.start * 10), round(event.end * 10)) for event in odd.events]
    outside = [i for i, label in enumerate(odd.labels) if label and not any(a <= i < b for a, b in spans)]
    assert outside == []
    assert (normal.seed, odd.seed) == (8, 9)


def test_a_dataset_is_not_written_among_other_files(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("precious")
    with pytest.raises(ValueError, match="expected an empty folder or a dataset"):
        render_dataset(load_scene("plaza"), tmp_path, train=1, test=1, seconds=1.0)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["render"], "give either a file to write, or --dataset"),
        (["render", "a.mp4", "--dataset", "b"], "give either a file to write, or --dataset"),
        (["render", "a.mp4", "--size", "big"], "expected WIDTHxHEIGHT"),
        (["render", "a.mp4", "--size", "65x49"], "expected even numbers"),
        (["render", "a.mp4", "--scene", "moon"], "no scene 'moon'"),
        (["render", "a.mp4", "--only", "ghost"], "got 'ghost'"),
        (["render", "a.mp4", "--scene", "park", "--only", "cyclist"], "cycle is normal here"),
        (["render", "a.avi", "--seconds", "1", "--size", "64x64"], "expected a path that ends in .mp4"),
    ],
)
def test_the_command_line_says_what_is_wrong(arguments: list[str], complaint: str) -> None:
    result = CliRunner().invoke(simulate_app, arguments, env={"COLUMNS": "200"})
    assert result.exit_code == 2
    assert complaint in " ".join(result.output.replace("│", " ").split())


def test_the_command_line_renders_and_lists(tmp_path: Path) -> None:
    path = tmp_path / "n.mp4"
    arguments = ["render", str(path), "--seconds", "1", "--size", "160x90", "--normal", "--seed", "4"]
    result = CliRunner().invoke(simulate_app, arguments)
    assert result.exit_code == 0, result.output
    assert ClipTruth.load(truth_path(path)).seed == 4
    listed = CliRunner().invoke(simulate_app, ["--list"])
    assert listed.exit_code == 0
    assert set(scene_names()) <= set(listed.output.split())


@pytest.mark.parametrize("name", scene_names())
def test_a_data_set_of_every_scene_is_read_back_as_it_was_rendered(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "set"
    arguments = ["render", "--scene", name, "--dataset", str(folder), "--train", "1", "--test", "1"]
    arguments += ["--seconds", "24", "--fps", "2", "--size", "160x90", "--seed", "9900"]
    result = CliRunner().invoke(simulate_app, arguments)
    assert result.exit_code == 0, result.output
    found = open_dataset(folder)
    assert [len(found.train), len(found.test)] == [1, 1]
    normal = ClipTruth.load(folder / "train" / "001.truth.json")
    unusual = ClipTruth.load(folder / "test" / "001.truth.json")
    scene = load_scene(name)
    assert not any(normal.labels)
    assert any(unusual.labels)
    assert {item.action for frame in normal.objects for item in frame} <= scene.normal
    odd = {item.action for frame in unusual.objects for item in frame if item.anomalous}
    assert odd <= scene.anomalous
    assert found.test[0].truth().labels.tolist() == unusual.labels
