"""Object clips: what is recorded of objects, and how clips are drawn from it."""

import numpy as np
import pytest

pytest.importorskip("tqdm")

from training.data.object_clips import (
    LABELS,
    MOTION,
    RUN,
    TRUTH,
    UNKNOWN,
    ClipsError,
    ObjectClips,
    RunRecorder,
    Runs,
    finish,
    shown_action,
    world_jobs,
    write_shard,
    write_worlds,
)
from training.virtual.truth import ObjectTruth


def known(action, *box):
    return ObjectTruth(track_id=1, box=box, action=action, anomalous=False, caption="")


@pytest.mark.parametrize(
    ("objects", "expected"),
    [
        ([], None),
        ([known("walk", 0.4, 0.4, 0.1, 0.3)], "walk"),
        ([known("against_stream", 0.4, 0.4, 0.1, 0.3)], "walk"),
        ([known("walk", 0.4, 0.4, 0.05, 0.3), known("walk", 0.46, 0.4, 0.04, 0.3)], "walk"),
        ([known("walk", 0.4, 0.4, 0.05, 0.3), known("cycle", 0.46, 0.4, 0.04, 0.3)], None),
        ([known("walk", 0.42, 0.5, 0.02, 0.05)], None),  # a large blob around a small one: mostly something else
        ([known("drive", 0.2, 0.3, 0.6, 0.5)], "drive"),  # a part of a large one
        ([known("walk", 0.8, 0.4, 0.1, 0.3)], None),
    ],
)
def test_what_a_detected_box_shows(objects, expected):
    assert shown_action(np.array([0.39, 0.38, 0.12, 0.33], np.float32), objects) == expected


def record(recorder, track, moments, action, source=TRUTH):
    image = np.zeros((48, 64, 3), np.uint8)
    for moment in moments:
        recorder.add(source, track, image, np.array([0.4, 0.4, 0.2, 0.2], np.float32), float(moment), action)


def test_runs_are_unbroken_and_few_of_each_action():
    recorder = RunRecorder(16, np.random.default_rng(0), most=2)
    for track in range(5):
        record(recorder, track, np.arange(RUN) * 0.1, 3)
    record(recorder, 10, np.concatenate([np.arange(10), np.arange(20, 30)]) * 0.1, 4)  # a gap of a second
    record(recorder, 11, np.arange(RUN) * 0.1, UNKNOWN, MOTION)
    record(recorder, 12, np.arange(RUN) * 0.1, 5, MOTION)
    runs = recorder.finish(4 / 3)
    assert runs.crops.shape == (3, RUN, 16, 16, 3)
    assert runs.actions[:, -1].tolist() == [3, 3, 5]
    assert runs.sources.tolist() == [TRUTH, TRUTH, MOTION]


def test_nothing_recorded_is_an_empty_shard():
    assert len(RunRecorder(16, np.random.default_rng(0)).finish(1.0)) == 0


def folder_of(tmp_path, actions, times=None):
    count = len(actions)
    crops = np.arange(RUN, dtype=np.uint8)[None, :, None, None, None] + np.zeros((count, RUN, 8, 8, 3), np.uint8)
    boxes = np.zeros((count, RUN, 4), np.float32)
    boxes[..., 0] = np.arange(RUN) * 0.01
    boxes[..., 2:] = 0.1
    times = np.tile(np.arange(RUN) * 0.1, (count, 1)) if times is None else times
    write_shard(tmp_path, "one", Runs(crops, boxes, times, np.array(actions, np.uint8), np.zeros(count, np.uint8), 2.0))
    finish(tmp_path, ["one"], LABELS, 8)
    return tmp_path


def test_clips_of_two_rates_from_one_run(tmp_path):
    clips = ObjectClips(folder_of(tmp_path, [[2] * RUN]), 9)
    assert len(clips) == 9 + 1  # every entry from the 9th on, and every second one of all
    batch = clips.batch(np.arange(len(clips)))
    ends = sorted((batch.crops[:, -1, 0, 0, 0] - batch.crops[:, 0, 0, 0, 0]).tolist())
    assert ends == [8] * 9 + [16]
    assert (batch.actions == 2).all()
    slow = batch.geometry[batch.geometry[:, 0, 4] > 1.0][0]
    np.testing.assert_allclose(slow[0, [0, 4]], [-0.16 * 2 / 0.1, 1.6], rtol=1e-4)


def test_a_clip_shows_the_action_that_its_newest_crops_agree_on(tmp_path):
    clips = ObjectClips(folder_of(tmp_path, [[1] * 8 + [6] * 9, [1] * 8 + [UNKNOWN] * 9]), 9)
    assert set(clips.labels.tolist()) == {6}
    assert len(clips) == 5 + 1  # from the fifth crop of the new action on; every second one shows five of it too


def test_no_clip_over_a_gap(tmp_path):
    times = np.arange(RUN) * 0.1
    times[8:] += 1.0
    assert len(ObjectClips(folder_of(tmp_path, [[2] * RUN], times[None]), 9)) == 1


def test_no_folder_and_a_lost_shard(tmp_path):
    with pytest.raises(ClipsError, match="expected a folder of object clips"):
        ObjectClips(tmp_path, 9)
    folder = folder_of(tmp_path, [[2] * RUN])
    (folder / "one.runs.npz").unlink()
    with pytest.raises(ClipsError, match="shard one"):
        ObjectClips(folder, 9)


@pytest.mark.slow
def test_a_world_is_the_same_every_time_and_resumes(tmp_path):
    jobs = world_jobs(1, 3, 5.0)
    for name in ("first", "second"):
        write_worlds(tmp_path / name, jobs, size=32)
    first, second = (tmp_path / name / "clips.json" for name in ("first", "second"))
    assert first.read_text() == second.read_text()
    before = (tmp_path / "first" / f"{jobs[0].name}.runs.npz").stat().st_mtime_ns
    write_worlds(tmp_path / "first", jobs, size=32)
    assert (tmp_path / "first" / f"{jobs[0].name}.runs.npz").stat().st_mtime_ns == before
    clips = ObjectClips(tmp_path / "first", 9)
    assert len(clips) > 20
    assert clips.batch(np.array([0])).crops.std() > 5
    write_worlds(tmp_path / "first", world_jobs(1, 4, 5.0), size=32)
    assert len(ObjectClips(tmp_path / "first", 9)) > len(clips)
