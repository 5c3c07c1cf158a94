"""Features of frames as one table: what belongs to which frame, and what the picture's border cuts off."""

from __future__ import annotations

import numpy as np
import pytest

from models.heads.attributes.descriptor import LENGTH
from models.heads.attributes.table import FeatureTable, feet


def features(objects: int, windows: int, *, recognised: bool = True):
    return {
        "boxes": np.full((objects, 4), 0.25, np.float32),
        "velocities": np.zeros((objects, 2), np.float32),
        "appearance": np.zeros((objects, LENGTH), np.uint8),
        "windows": np.zeros((windows, 5), np.float32),
        "frame": np.array([1.5, 1, recognised], np.float32),
    }


def test_frames_keep_their_indices_when_some_are_left_out():
    table = FeatureTable.of([features(2, 1), features(0, 3, recognised=False), features(1, 0)])
    assert table.count == 3
    assert table.object_frames.tolist() == [0, 0, 2]
    assert table.window_frames.tolist() == [0, 1, 1, 1]
    assert table.recognised.tolist() == [True, False, True]
    part = table.where(np.array([False, True, True]))
    assert part.count == 3
    assert part.object_frames.tolist() == [2]
    assert part.window_frames.tolist() == [1, 1, 1]
    assert len(part.boxes) == len(part.velocities) == len(part.appearance) == 1


def test_objects_stand_at_the_middle_of_their_lower_edge():
    x, y = feet(np.array([[0.2, 0.1, 0.4, 0.6]]))
    assert (x.item(), y.item()) == pytest.approx((0.4, 0.7))
