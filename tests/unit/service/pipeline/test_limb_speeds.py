"""Speeds of limbs: of the joints against the trunk, not of the body."""

from __future__ import annotations

import numpy as np
import pytest

from models.arrays import Float32
from models.observation import Objects
from service.pipeline.limb_speeds import LimbSpeeds
from support.poses import stick

BOX = (0.4, 0.2, 0.1, 0.5)


def one(track: int = 1) -> Objects:
    boxes = np.array([BOX], np.float32)
    return Objects(boxes, np.ones(1, np.float32), np.zeros(1, np.int32), np.array([track], np.int64), ("person",))


def speeds(skeletons: list[Float32], step: float = 0.1, track: int = 1) -> list[float]:
    limbs = LimbSpeeds()
    return [
        float(limbs.update(one(track), points[None], index * step, 1.0)[0]) for index, points in enumerate(skeletons)
    ]


def waving(angle: float) -> Float32:
    points = stick(BOX)
    points[9:11, 1] += 0.1 * np.sin(angle)
    return points


def raising(by: float) -> Float32:
    points = stick(BOX)
    points[9:11, 1] -= by
    return points


def test_nothing_is_known_of_the_first_moment_or_of_who_has_no_track() -> None:
    assert np.isnan(speeds([stick(BOX)])[0])
    assert np.isnan(speeds([stick(BOX)] * 5, track=-1)).all()


def test_who_stands_or_is_carried_along_moves_no_limb_and_who_waves_does() -> None:
    assert speeds([stick(BOX)] * 6)[-1] == pytest.approx(0.0, abs=1e-4)
    carried = [stick((0.4 + 0.05 * index, *BOX[1:])) for index in range(6)]
    assert speeds(carried)[-1] == pytest.approx(0.0, abs=1e-4)
    assert speeds([waving(index) for index in range(6)])[-1] > 0.1


def test_twice_as_fast_is_twice_the_speed_whatever_the_frame_rate() -> None:
    slow = speeds([raising(0.004 * index) for index in range(9)])[-1]
    assert speeds([raising(0.008 * index) for index in range(9)])[-1] == pytest.approx(2 * slow, rel=0.1)
    assert speeds([raising(0.002 * index) for index in range(17)], step=0.05)[-1] == pytest.approx(slow, rel=0.1)


def test_joints_that_are_missing_are_left_out() -> None:
    hidden = [waving(index) for index in range(6)]
    for points in hidden:
        points[9:11, 2] = 0.0
        points[9:11, :2] = np.random.default_rng(0).random((2, 2))
    assert speeds(hidden)[-1] == pytest.approx(0.0, abs=1e-4)
    nearly_nobody = [points.copy() for points in hidden]
    for points in nearly_nobody:
        points[:13, 2] = 0.0
    assert np.isnan(speeds(nearly_nobody)).all()


def test_without_an_estimator_and_after_a_gap_nothing_is_known() -> None:
    limbs = LimbSpeeds()
    assert np.isnan(limbs.update(one(), None, 0.0, 1.0)).all()
    limbs.update(one(), stick(BOX)[None], 0.1, 1.0)
    limbs.reset()
    assert np.isnan(limbs.update(one(), stick(BOX)[None], 0.4, 1.0)).all()
