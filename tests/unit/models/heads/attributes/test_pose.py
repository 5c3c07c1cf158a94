"""Distance of postures: small for what was seen there and by that light, and blind to joints that are missing."""

from __future__ import annotations

import numpy as np
import pytest

from models.heads.attributes.pose import MAX_KEPT, MIN_NEIGHBOURS, OTHER_LIGHT, fit_pose, pose_distance
from models.heads.attributes.skeletons import Shapes
from support.poses import stick


def people(count, seed=0, lie=False, x=None):
    """Standing people (or lying ones), at random places, their joints trembling by a hundredth."""
    generator = np.random.default_rng(seed)
    skeletons = []
    for _ in range(count):
        left = generator.uniform(0.1, 0.3) if x is None else x
        points = stick((left, 0.3, 0.1, 0.4)).astype(np.float64)
        if lie:
            points[:, :2] = points[:, [1, 0]] + (left - 0.4, 0.5)
        points[:, :2] += generator.normal(0, 0.004, (17, 2))
        skeletons.append(points)
    return Shapes.of(np.stack(skeletons), np.ones(count))


DAY = np.zeros(400)


@pytest.fixture(scope="module")
def standing():
    return fit_pose(people(400), DAY)


def test_who_lies_is_far_where_all_stand_and_near_where_some_lay(standing):
    usual = pose_distance(standing, people(50, seed=1), DAY[:50])
    lying = pose_distance(standing, people(50, seed=2, lie=True), DAY[:50])
    assert lying.min() > 3 * usual.max()
    both = people(400), people(400, seed=3, lie=True)
    mixed = Shapes(*(np.concatenate([getattr(each, name) for each in both]) for name in Shapes.__slots__))
    assert pose_distance(fit_pose(mixed, np.zeros(800)), people(50, seed=2, lie=True), DAY[:50]).max() < lying.min() / 2


def test_elsewhere_is_farther_but_across_the_picture_no_farther_than_that(standing):
    here, beside, across = (
        float(np.median(pose_distance(standing, people(20, seed=4, x=x), DAY[:20]))) for x in (0.2, 0.6, 0.9)
    )
    assert here < beside
    assert across == pytest.approx(beside, rel=0.5)


def test_by_another_light_even_the_usual_is_far(standing):
    night = pose_distance(standing, people(20, seed=5), np.ones(20))
    assert night.min() > np.sqrt(OTHER_LIGHT) * 0.99


def test_missing_joints_are_left_out_and_too_few_say_nothing(standing):
    half = people(20, seed=6)
    half.joints[:, 13:], half.seen[:, 13:] = 0, 0
    whole = pose_distance(standing, people(20, seed=6), DAY[:20])
    np.testing.assert_allclose(pose_distance(standing, half, DAY[:20]), whole, atol=0.1)
    half.seen[:, 3:], half.joints[:, 3:] = 0, 0
    assert np.isneginf(pose_distance(standing, half, DAY[:20])).all()


def test_with_hardly_anybody_to_compare_with_nothing_is_said():
    few = fit_pose(people(MIN_NEIGHBOURS - 1), DAY[: MIN_NEIGHBOURS - 1])
    assert few == {}
    assert np.isneginf(pose_distance(few, people(3), DAY[:3])).all()
    assert len(pose_distance(few, people(1)[:0], DAY[:0])) == 0


def test_what_is_kept_is_bounded_and_the_same_for_a_seed():
    many = people(MAX_KEPT + 50)
    light = np.zeros(len(many))
    kept = fit_pose(many, light)["kept"]
    assert len(kept) == MAX_KEPT
    np.testing.assert_array_equal(kept, fit_pose(many, light)["kept"])


def test_a_moment_of_something_else_is_no_habit():
    odd = people(400)
    for name in Shapes.__slots__:
        getattr(odd, name)[:1] = getattr(people(1, lie=True), name)
    assert pose_distance(fit_pose(odd, DAY), people(1, seed=7, lie=True), DAY[:1])[0] > 0.5
