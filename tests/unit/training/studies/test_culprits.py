"""What the truth says of a marked box, as tables."""

from __future__ import annotations

import numpy as np
import pytest

from service.contracts.alert import Alert, AlertObject
from support.alerts import make_alert
from training.datasets import Regions, Truth
from training.studies.culprits import judge, points_at

RIDER = (0.5, 0.4, 0.1, 0.3)

BOXES = [
    ("the same", RIDER, True),
    ("the rider without the bicycle", (0.52, 0.4, 0.06, 0.2), True),
    ("a moving region around it", (0.45, 0.35, 0.2, 0.45), True),
    ("half of it", (0.55, 0.4, 0.1, 0.3), True),
    ("a third of it, and somebody else", (0.567, 0.4, 0.1, 0.3), False),
    ("half the street", (0.2, 0.2, 0.6, 0.7), False),
    ("elsewhere", (0.1, 0.1, 0.1, 0.3), False),
    ("nothing", (0.55, 0.5, 0.0, 0.0), False),
]


@pytest.mark.parametrize(("box", "hit"), [case[1:] for case in BOXES])
def test_a_box_points_at_a_region(box: tuple[float, ...], hit: bool) -> None:
    regions = np.array([RIDER, (0.0, 0.8, 0.05, 0.05)], np.float32)
    assert points_at(np.array(box, np.float32), regions).tolist() == [hit, False]
    assert points_at(np.array(box, np.float32), regions[:0]).tolist() == []


def truth(boxes: bool = True) -> Truth:
    """Of twenty frames: in ten a rider comes nearer, and is twice as large at the end."""
    labels = np.array([0] * 10 + [1] * 10, np.uint8)
    regions = tuple(
        Regions(np.array([(0.5, 0.4, 0.1, 0.03 * max(1, index - 9))], np.float32), np.array([4]))
        if index >= 10
        else Regions.none()
        for index in range(20)
    )
    return Truth.of(labels, regions if boxes else None)


def alert(*boxes: tuple[float, float, float, float], culprit: int | None = 0) -> Alert:
    objects = [
        AlertObject(track_id=row, box=box, label="person", score=0.1, culprit=row == culprit)
        for row, box in enumerate(boxes)
    ]
    return make_alert("a", objects=objects)


THERE, BESIDE = (0.5, 0.4, 0.1, 0.15), (0.1, 0.1, 0.1, 0.3)
VERDICTS = [
    ((THERE, BESIDE), 0, 14, (12, 19), True, "right"),
    ((THERE, BESIDE), 1, 14, (12, 19), True, "wrong"),
    ((THERE, BESIDE), None, 14, (12, 19), True, "nothing marked"),
    ((THERE,), 0, 5, (12, 19), True, "wrong"),
    ((THERE,), 0, 2, (0, 4), True, "false alarm"),
    ((BESIDE,), 0, 14, (12, 19), False, "in an event"),
    ((BESIDE,), 0, 5, (4, 19), False, "wrong"),
]


@pytest.mark.parametrize(("boxes", "culprit", "index", "span", "known", "verdict"), VERDICTS)
def test_what_the_truth_says(
    boxes: tuple[tuple[float, float, float, float], ...],
    culprit: int | None,
    index: int,
    span: tuple[int, int],
    known: bool,
    verdict: str,
) -> None:
    assert judge(alert(*boxes, culprit=culprit), truth(known), index, span)[0] == verdict


def test_how_much_of_it_is_seen() -> None:
    assert judge(alert(THERE), truth(), 14, (12, 19))[1] == pytest.approx(0.5)
    assert judge(alert((0.5, 0.4, 0.1, 0.3)), truth(), 19, (12, 19))[1] == pytest.approx(1.0)
