from __future__ import annotations

import numpy as np
import pytest

from models.observation import UNTRACKED, Objects
from service.pipeline.inputs.track_clips import TrackClips
from service.pipeline.track import LOST_S

MAX_CROPS = 16


def objects(*tracks: int, height: float = 0.2, x: float = 0.1) -> Objects:
    count = len(tracks)
    boxes = np.tile(np.array([x, 0.1, 0.1, height], np.float32), (count, 1))
    return Objects(
        boxes, np.ones(count, np.float32), np.zeros(count, np.int32), np.array(tracks, np.int64), ("person",)
    )


def feed(buffers: TrackClips[np.float32], seen: Objects, pts: float, value: float = 0.0) -> list[int]:
    due = buffers.due(seen, pts)
    buffers.add(seen, due, np.full((len(due), 2), value, np.float32), pts)
    return [int(seen.track_ids[index]) for index in due]


@pytest.mark.parametrize(
    ("fps", "every"),
    [(10, 1), (12.5, 1), (25, 3), (30, 4), (5, 1), (50, 6)],
)
def test_the_frame_nearest_to_the_due_moment_counts(fps: float, every: int) -> None:
    buffers = TrackClips[np.float32](9, 0.12, MAX_CROPS)
    taken = [index for index in range(60) if feed(buffers, objects(1), index / fps)]
    assert set(np.diff(taken)) == {every}


def test_jitter_of_a_camera_makes_no_difference() -> None:
    buffers = TrackClips[np.float32](9, 0.12, MAX_CROPS)
    generator = np.random.default_rng(0)
    times = np.arange(100) / 10 + generator.uniform(-0.01, 0.01, 100)
    assert all(feed(buffers, objects(1), float(pts)) for pts in times)


def test_new_ones_and_those_that_grew_do_not_wait() -> None:
    buffers = TrackClips[np.float32](9, 1.0, MAX_CROPS)
    assert feed(buffers, objects(1), 0.0) == [1]
    assert feed(buffers, objects(1, 2), 0.1) == [2]
    assert feed(buffers, objects(1, 2, height=0.24), 0.2) == []
    assert sorted(feed(buffers, objects(1, 2, height=0.26), 0.3)) == [1, 2]


def test_tracks_are_forgotten_once_they_are_lost_and_at_a_gap() -> None:
    buffers = TrackClips[np.float32](9, 0.1, MAX_CROPS)
    feed(buffers, objects(1, 2), 0.0)
    for index in range(1, 40):
        feed(buffers, objects(2), index * 0.1)
        assert (len(buffers) == 2) == (index * 0.1 <= LOST_S)
    buffers.reset()
    assert len(buffers) == 0
    assert feed(buffers, objects(2), 0.0) == [2]


def test_a_crowd_is_looked_at_in_turns() -> None:
    buffers = TrackClips[np.float32](9, 0.1, MAX_CROPS)
    crowd = objects(*range(2 * MAX_CROPS + 3))
    last = np.full(len(crowd), -1)
    for index in range(30):
        taken = feed(buffers, crowd, index * 0.1)
        assert len(taken) == MAX_CROPS
        last[taken] = index
        assert (index - last).max() <= 2  # three frames are enough for all of them


def test_untracked_objects_are_not_cut_out() -> None:
    clips = TrackClips[np.float32](9, 0.12, MAX_CROPS)
    assert feed(clips, objects(UNTRACKED, 3), 0.0) == [3]
    assert 3 in clips
    assert UNTRACKED not in clips


def test_a_short_history_repeats_its_oldest_entry_and_a_long_one_forgets_it() -> None:
    clips = TrackClips[np.float32](4, 0.1, MAX_CROPS)
    for index in range(2):
        feed(clips, objects(1), index * 0.1, value=index)
    assert [entry.look[0] for entry in clips.clip(1)] == [0, 0, 0, 1]
    for index in range(2, 7):
        feed(clips, objects(1), index * 0.1, value=index)
    assert [entry.look[0] for entry in clips.clip(1)] == [3, 4, 5, 6]
