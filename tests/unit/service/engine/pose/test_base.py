"""What can be used of what a pose graph gives."""

from __future__ import annotations

import numpy as np

from service.engine.pose import FoundPeople
from service.engine.pose.base import sound
from support.poses import stick


def test_joints_that_are_nowhere_were_not_seen_and_confidences_are_shares():
    odd = stick((0.1, 0.1, 0.8, 0.8))
    odd[0, 0], odd[1, 1], odd[2, 2], odd[3, 0], odd[4, 2] = np.nan, np.inf, np.nan, 4000.0, 50.0
    found = sound(FoundPeople(np.stack([odd, stick((0, 0, 1, 1))]), np.array([np.nan, 7.0], np.float32)))
    assert np.isfinite(found.points).all()
    assert found.points[0, :4, 2].tolist() == [0, 0, 0, 0]
    assert found.points[0, 4, 2] == 1
    assert found.scores.tolist() == [0, 1]
    np.testing.assert_array_equal(found.points[1], stick((0, 0, 1, 1)))


def test_nobody_is_sound():
    assert len(sound(FoundPeople(np.zeros((0, 17, 3), np.float32), np.zeros(0, np.float32)))) == 0
