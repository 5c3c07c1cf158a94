from __future__ import annotations

import numpy as np
import pytest

from models.observation import UNTRACKED, Objects
from service.pipeline.velocities import MIN_S, TrackVelocities


def objects(x: float, y: float, *tracks: int) -> Objects:
    count = len(tracks)
    boxes = np.tile(np.array([x, y, 0.1, 0.2], np.float32), (count, 1))
    return Objects(
        boxes, np.ones(count, np.float32), np.zeros(count, np.int32), np.array(tracks, np.int64), ("person",)
    )


@pytest.mark.parametrize("fps", [5, 10, 25])
def test_speed_is_in_picture_heights_whatever_the_rate(fps: int) -> None:
    velocities = TrackVelocities()
    for index in range(2 * fps):
        moment = index / fps
        found = velocities.update(objects(0.1 + 0.1 * moment, 0.5 - 0.05 * moment, 1), moment, aspect=1.5)
        assert np.isnan(found).all() == (moment < MIN_S)
    np.testing.assert_allclose(found, [[0.15, -0.05]], atol=1e-3)


def test_untracked_and_new_objects_have_none_and_a_gap_forgets() -> None:
    velocities = TrackVelocities()
    for index in range(10):
        found = velocities.update(objects(0.01 * index, 0.5, UNTRACKED, 4), index * 0.1, aspect=1.0)
    assert np.isnan(found[0]).all()
    assert found[1] == pytest.approx([0.1, 0.0], abs=1e-3)
    velocities.reset()
    assert np.isnan(velocities.update(objects(0.5, 0.5, 4), 1.0, aspect=1.0)).all()


def test_a_track_that_was_lost_starts_anew() -> None:
    velocities = TrackVelocities()
    velocities.update(objects(0.1, 0.5, 1), 0.0, aspect=1.0)
    assert np.isnan(velocities.update(objects(0.9, 0.5, 1), 3.0, aspect=1.0)).all()
