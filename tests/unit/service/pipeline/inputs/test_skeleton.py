from __future__ import annotations

import numpy as np
import pytest

from service.pipeline.inputs.skeleton import Skeleton
from support.poses import stick

BOX = np.array([0.4, 0.2, 0.1, 0.4], np.float32)


def test_it_moves_with_the_box_between_looks() -> None:
    skeleton = Skeleton(stick(BOX), BOX, 0.0)
    moved = BOX + np.array([0.1, 0.05, 0, 0], np.float32)
    np.testing.assert_allclose(skeleton.at(moved), stick(moved), atol=1e-6)


def test_a_walk_is_followed_without_lag() -> None:
    skeleton = Skeleton(stick(BOX), BOX, 0.0)
    for index in range(1, 5):
        box = BOX + np.array([0.1 * index, 0, 0, 0], np.float32)
        skeleton.see(stick(box), box, 0.2 * index)
        np.testing.assert_allclose(skeleton.at(box)[:, :2], stick(box)[:, :2], atol=1e-6)


def test_trembling_joints_are_smoothed_and_a_lasting_change_is_not() -> None:
    noise = np.random.default_rng(0).normal(0, 0.01, (60, 17, 2))
    skeleton, seen = Skeleton(stick(BOX), BOX, 0.0), []
    for index, shifts in enumerate(noise, 1):
        points = stick(BOX)
        points[:, :2] += shifts
        skeleton.see(points, BOX, 0.1 * index)
        seen.append(skeleton.at(BOX)[:, :2] - stick(BOX)[:, :2])
    assert np.std(seen) < 0.75 * np.std(noise)
    raised = stick(BOX)
    raised[9, :2] += (0.0, -0.2)
    for index in range(1, 4):
        skeleton.see(raised, BOX, 6.0 + 0.1 * index)
    assert skeleton.at(BOX)[9, 1] == pytest.approx(raised[9, 1], abs=0.02)


def test_a_joint_that_is_seen_badly_moves_little() -> None:
    skeleton, doubtful = Skeleton(stick(BOX), BOX, 0.0), stick(BOX, confidence=0.01)
    doubtful[:, 0] += 0.3
    skeleton.see(doubtful, BOX, 0.1)
    assert skeleton.at(BOX)[0, 0] - stick(BOX)[0, 0] < 0.02


def test_a_joint_that_is_not_seen_any_more_is_not_made_up() -> None:
    skeleton, hidden = Skeleton(stick(BOX), BOX, 0.0), stick(BOX)
    hidden[15:, 2] = 0.0
    for index in range(1, 4):
        skeleton.see(hidden, BOX, 0.2 * index)
    confidences = skeleton.at(BOX)[:, 2]
    assert (confidences[15:] < 0.01).all()
    assert (confidences[:15] > 0.8).all()


def test_who_is_not_found_any_more_is_not_known() -> None:
    skeleton = Skeleton(stick(BOX), BOX, 0.0)
    skeleton.see(None, BOX, 0.1)
    assert skeleton.known
    skeleton.see(None, BOX, 0.5)
    assert not skeleton.known
    assert np.isfinite(skeleton.at(BOX)).all()


def test_a_joint_never_seen_stays_where_it_was_said_to_be_with_no_confidence() -> None:
    nothing = stick(BOX, confidence=0.0)
    skeleton = Skeleton(nothing, BOX, 0.0)
    skeleton.see(nothing, BOX, 0.1)
    assert np.isfinite(skeleton.at(BOX)).all()
    assert not skeleton.known
