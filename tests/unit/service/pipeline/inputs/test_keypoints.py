from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from models.observation import UNTRACKED, Objects
from service.engine.pose import FoundPeople
from service.frames import Frame, PreparedFrame
from service.pipeline.inputs.keypoints import MAX_LOOKS, KeypointsProvider, assigned, possible_people
from service.pipeline.inputs.provider import Look
from support.poses import StickPose, stick, stick_people

PICTURE = np.zeros((60, 80, 3), np.uint8)
LEFT, RIGHT = (0.1, 0.2, 0.1, 0.4), (0.6, 0.2, 0.1, 0.4)


def look(pts: float, *objects: tuple[int, str, Any], names: tuple[str, ...] = ("person", "car")) -> Look:
    """At objects of a track, a name and a box each."""
    found = Objects(
        np.array([box for _, _, box in objects], np.float32).reshape(-1, 4),
        np.ones(len(objects), np.float32),
        np.array([names.index(name) for _, name, _ in objects], np.int32),
        np.array([track for track, _, _ in objects], np.int64),
        names,
    )
    return Look.at(PreparedFrame("camera", 0, Frame(0, pts, 0.0, 0.0, PICTURE), None), found)


def test_each_tracked_person_of_every_stream_is_looked_at_in_one_batch() -> None:
    pose = StickPose()
    provider = KeypointsProvider(pose, recognises=True)
    here, there = provider.buffer(), provider.buffer()
    one = look(0.0, (4, "person", LEFT), (UNTRACKED, "person", RIGHT), (5, "car", RIGHT))
    two = look(0.0, (4, "person", RIGHT))
    first, second = provider.gather([(here, one), (there, two)])
    assert pose.asked == [[1, 1]]
    np.testing.assert_allclose(first[0], stick(LEFT), atol=1e-6)
    assert np.isnan(first[1:]).all()
    np.testing.assert_allclose(second, [stick(RIGHT)], atol=1e-6)
    assert first.shape == (3, 17, 3)
    assert first.dtype == np.float32


def test_nobody_is_looked_at_where_nobody_is_due() -> None:
    pose = StickPose()
    provider = KeypointsProvider(pose, recognises=True)
    buffer = provider.buffer()
    for index in range(4):
        (points,) = provider.gather([(buffer, look(index / 10, (1, "person", LEFT)))])
        np.testing.assert_allclose(points, [stick(LEFT)], atol=1e-6)
    provider.gather([(buffer, look(0.4))])
    assert pose.asked == [[1]]


def test_a_crowd_is_looked_at_bit_by_bit() -> None:
    pose = StickPose()
    provider = KeypointsProvider(pose, recognises=True)
    buffer = provider.buffer()
    crowd = [(track, "person", (0.05 + 0.1 * track, 0.2, 0.08, 0.4)) for track in range(MAX_LOOKS + 2)]
    (points,) = provider.gather([(buffer, look(0.0, *crowd))])
    assert np.isfinite(points[:, 0, 0]).sum() == MAX_LOOKS
    (points,) = provider.gather([(buffer, look(0.1, *crowd))])
    assert np.isfinite(points).all()
    assert pose.asked == [[MAX_LOOKS], [2]]


def test_people_of_a_whole_picture_go_to_the_boxes_that_they_are_in() -> None:
    provider = KeypointsProvider(StickPose(whole=True), recognises=True)
    seen = replace(
        look(0.0, (1, "person", LEFT), (2, "person", RIGHT)), people=stick_people(RIGHT, LEFT, (0.3, 0.5, 0.05, 0.2))
    )
    (points,) = provider.gather([(provider.buffer(), seen)])
    np.testing.assert_allclose(points, [stick(LEFT), stick(RIGHT)], atol=1e-6)


def test_between_two_looks_at_the_whole_picture_keypoints_stay_with_the_track() -> None:
    pose = StickPose(whole=True)
    provider = KeypointsProvider(pose, recognises=True)
    buffer = provider.buffer()
    provider.gather([(buffer, replace(look(0.0, (1, "person", LEFT)), people=stick_people(LEFT)))])
    moved = (LEFT[0] + 0.02, *LEFT[1:])
    (points,) = provider.gather([(buffer, look(0.1, (1, "person", moved)))])
    np.testing.assert_allclose(points, [stick(moved)], atol=1e-6)
    assert pose.asked == []  # the stages have looked


def test_who_is_not_found_any_more_has_no_keypoints() -> None:
    provider = KeypointsProvider(StickPose(whole=True), recognises=True)
    buffer = provider.buffer()
    provider.gather([(buffer, replace(look(0.0, (1, "person", LEFT)), people=stick_people(LEFT)))])
    (points,) = provider.gather([(buffer, replace(look(0.5, (1, "person", LEFT)), people=stick_people()))])
    assert np.isnan(points).all()
    assert len(buffer) == 0


def test_a_gap_forgets_everybody() -> None:
    provider = KeypointsProvider(StickPose(), recognises=True)
    buffer = provider.buffer()
    provider.gather([(buffer, look(0.0, (1, "person", LEFT)))])
    buffer.reset()
    assert len(buffer) == 0


def test_lost_tracks_are_forgotten() -> None:
    provider = KeypointsProvider(StickPose(), recognises=True)
    buffer = provider.buffer()
    provider.gather([(buffer, look(0.0, (1, "person", LEFT)))])
    provider.gather([(buffer, look(9.0, (2, "person", LEFT)))])
    assert len(buffer) == 1


def test_moving_regions_that_are_tall_enough_may_be_people() -> None:
    regions = look(0.0, (1, "motion", LEFT), (2, "motion", (0.6, 0.2, 0.1, 0.03)), names=("motion",)).objects
    assert possible_people(regions, recognises=False).tolist() == [True, False]
    assert possible_people(regions, recognises=True).tolist() == [False, False]


@pytest.mark.parametrize(
    ("points", "score"),
    [
        (stick((0.7, 0.7, 0.1, 0.2)), 0.9),  # elsewhere
        (stick(LEFT), 0.1),  # not sure
        (stick(LEFT, confidence=0.05), 0.9),  # no joint is
    ],
)
def test_a_person_who_is_in_no_box_is_nobody_s(points, score) -> None:
    people = FoundPeople(points[None], np.array([score], np.float32))
    assert assigned(people, np.array([LEFT], np.float32)) == [None]


def test_of_two_boxes_around_somebody_the_one_goes_first_that_they_fill() -> None:
    large = (0.0, 0.0, 0.9, 0.9)
    people = FoundPeople(stick(LEFT)[None], np.array([0.9], np.float32))
    found = assigned(people, np.array([large, LEFT], np.float32))
    assert found[0] is None
    assert found[1] is not None


def test_who_was_found_in_a_moving_region_is_looked_at_also_where_it_is_low() -> None:
    pose = StickPose()
    provider = KeypointsProvider(pose, recognises=False)
    buffer, low = provider.buffer(), (0.1, 0.58, 0.3, 0.04)
    provider.gather([(buffer, look(0.0, (1, "person", LEFT), (2, "person", low)))])
    assert pose.asked == [[1]]  # too low for anybody
    provider.gather([(buffer, look(1.0, (1, "person", low)))])
    assert pose.asked == [[1], [1]]
