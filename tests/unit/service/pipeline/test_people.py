"""People of a whole picture: when it is looked at, and whom of them the detector has not found."""

from __future__ import annotations

import numpy as np
import pytest

from models.observation import UNTRACKED, Motion, Objects
from service.engine.pose import FoundPeople
from service.frames import Frame, PreparedFrame
from service.pipeline.people import DUE_S, SOONEST_S, PeopleLooks, boxes_of, with_people
from support.poses import stick, stick_people

PICTURE = np.zeros((60, 80, 3), np.uint8)
LEFT, RIGHT = (0.1, 0.2, 0.1, 0.4), (0.6, 0.2, 0.1, 0.4)
NAMES = ("person", "bed", "cat")


def frame(pts: float, *, moves: bool = True) -> PreparedFrame:
    foreground = np.full((12, 16), int(moves), np.uint8)
    motion = Motion(np.zeros((12, 16, 2), np.float32), foreground, 0.1)
    return PreparedFrame("camera", 0, Frame(0, pts, 0.0, 0.0, PICTURE), motion)


def objects(*given: tuple[str, tuple[float, ...]], names: tuple[str, ...] = NAMES) -> Objects:
    return Objects(
        np.array([box for _, box in given], np.float32).reshape(-1, 4),
        np.full(len(given), 0.9, np.float32),
        np.array([names.index(name) for name, _ in given], np.int32),
        np.full(len(given), UNTRACKED, np.int64),
        names,
    )


def labels(found: Objects) -> list[str]:
    return [found.label(index) for index in range(len(found))]


@pytest.mark.parametrize(("moves", "every"), [(True, SOONEST_S), (False, DUE_S)])
def test_a_picture_is_looked_at_more_often_while_something_moves(moves: bool, every: float) -> None:
    looks, asked = PeopleLooks(), []
    for index in range(40):
        pts = index / 20
        if looks.due(frame(pts, moves=moves)):
            looks.look(stick_people(LEFT), pts)
            asked.append(pts)
    assert asked[0] == 0.0
    assert np.diff(asked) == pytest.approx(every, abs=0.03)


def test_after_a_gap_it_is_looked_at_again_and_nobody_is_remembered() -> None:
    looks = PeopleLooks()
    looks.look(stick_people(LEFT), 5.0)
    assert len(looks.people) == 1
    assert not looks.due(frame(5.05))
    looks.reset()
    assert len(looks.people) == 0
    assert looks.due(frame(5.1))


def test_whom_nobody_is_sure_of_is_not_remembered() -> None:
    looks = PeopleLooks()
    looks.look(FoundPeople(np.stack([stick(LEFT), stick(RIGHT)]), np.array([0.1, 0.4], np.float32)), 0.0)
    assert looks.people.scores.tolist() == pytest.approx([0.4])


def test_somebody_whom_the_detector_missed_is_an_object_and_whom_it_found_is_none_twice() -> None:
    found = with_people(objects(("person", LEFT)), stick_people(LEFT, RIGHT), recognises=True)
    assert labels(found) == ["person", "person"]
    x, y, width, height = found.boxes[1]
    assert x <= 0.63
    assert x + width >= 0.67
    assert y <= 0.25
    assert y + height >= 0.55
    assert found.confidences.tolist() == pytest.approx([0.9, 1.0])


def test_somebody_on_a_bed_is_not_the_bed_and_a_cat_of_the_same_box_is_somebody() -> None:
    (box,) = boxes_of(stick_people(RIGHT).points)
    bed = (0.5, 0.1, 0.4, 0.8)
    found = with_people(objects(("bed", bed), ("cat", tuple(box.tolist()))), stick_people(RIGHT), recognises=True)
    assert labels(found) == ["bed", "person"]


def test_a_region_of_motion_that_somebody_fills_is_that_person() -> None:
    moving = objects(("motion", LEFT), ("motion", (0.4, 0.8, 0.1, 0.1)), names=("motion",))
    found = with_people(moving, stick_people(LEFT), recognises=False)
    assert labels(found) == ["motion", "person"]
    assert found.boxes[0] == pytest.approx([0.4, 0.8, 0.1, 0.1])


@pytest.mark.parametrize("recognises", [True, False])
def test_nobody_changes_nothing_but_names_are_those_of_every_frame(recognises: bool) -> None:
    found = with_people(objects(("motion", LEFT), names=("motion",)), stick_people(), recognises)
    assert labels(found) == ["motion"]
    assert found.names == ("motion", "person")
    assert len(with_people(objects(), stick_people(), recognises)) == 0


def test_a_box_holds_the_joints_that_were_seen_and_stays_within_the_picture() -> None:
    points = stick((0.8, 0.6, 0.3, 0.5))
    points[0] = 0.0, 0.0, 0.05  # not seen
    (box,) = boxes_of(points[None])
    assert box[0] > 0.7
    assert box[0] + box[2] <= 1.0
    assert box[1] + box[3] <= 1.0
    (nothing,) = boxes_of(np.zeros((1, 17, 3), np.float32))
    assert nothing.tolist() == [0, 0, 0, 0]
