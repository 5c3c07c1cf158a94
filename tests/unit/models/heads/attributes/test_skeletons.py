"""Shapes of skeletons: whatever the place and the size, and without the joints that nobody saw."""

from __future__ import annotations

import numpy as np
import pytest

from models.heads.attributes.skeletons import MIN_SEEN, Shapes, tilts
from support.poses import stick

BOX = (0.4, 0.2, 0.1, 0.5)
SQUARE = np.ones(1)


def shape(points) -> Shapes:
    return Shapes.of(np.asarray(points, np.float64)[None], SQUARE)


def lying(points):
    turned = points.copy()
    turned[:, 0], turned[:, 1] = 0.5 + (points[:, 1] - 0.45), 0.5 + (points[:, 0] - 0.45)
    return turned


def test_a_shape_is_the_same_wherever_and_however_large_somebody_is():
    here, there = shape(stick(BOX)), shape(stick((0.1, 0.5, 0.02, 0.1)))
    np.testing.assert_allclose(here.joints, there.joints, atol=1e-5)
    assert here.sizes[0] == pytest.approx(5 * there.sizes[0], rel=1e-4)


def test_the_proportions_of_the_picture_do_not_count():
    wide = stick(BOX).astype(np.float64)
    wide[:, 0] /= 2
    np.testing.assert_allclose(Shapes.of(wide[None], np.array([2.0])).joints, shape(stick(BOX)).joints, atol=1e-5)


def test_missing_joints_are_zero_and_move_nothing_else():
    points = stick(BOX)
    points[9] = 0.9, 0.9, 0.05
    points[10, :2] = np.nan
    points[10, 2] = np.nan
    seen = shape(points)
    assert seen.seen[0, [9, 10]].tolist() == [0, 0]
    assert (seen.joints[0, [9, 10]] == 0).all()
    assert np.isfinite(seen.joints).all()


def test_without_shoulders_and_hips_the_middle_of_what_was_seen_has_to_do():
    points = stick(BOX)
    points[[5, 6, 11, 12], 2] = 0
    assert np.isfinite(shape(points).centres).all()
    assert np.isnan(tilts(shape(points))).all()


@pytest.mark.parametrize(("seen", "known"), [(MIN_SEEN, True), (MIN_SEEN - 1, False), (0, False)])
def test_a_head_with_shoulders_is_no_posture(seen, known):
    points = stick(BOX)
    points[seen:, 2] = 0
    assert shape(points).known.tolist() == [known]


def test_a_torso_is_tilted_by_its_angle():
    assert tilts(shape(stick(BOX)))[0] == pytest.approx(0, abs=1)
    assert tilts(shape(lying(stick(BOX))))[0] == pytest.approx(90, abs=1)
    upside_down = stick(BOX)
    upside_down[:, 1] = 0.9 - upside_down[:, 1]
    assert tilts(shape(upside_down))[0] == pytest.approx(180, abs=1)


def test_shapes_can_be_chosen():
    both = Shapes.of(np.stack([stick(BOX), lying(stick(BOX))]).astype(np.float64), np.ones(2))
    assert len(both) == 2
    assert len(both[np.array([True, False])]) == 1
    assert tilts(both[1:])[0] == pytest.approx(90, abs=1)
