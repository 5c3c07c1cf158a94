"""Which picture an alert shows, who is marked in it, and what is said: frame by frame, as tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest

from service.alerts.compose import AlertEvidence
from service.alerts.incident_view import NEAR_S, IncidentView
from service.contracts.score import ScoredObject
from service.pipeline.culprit import NOBODY, Blame
from service.pipeline.scored import ScoredFrame
from service.presentation.message import scored_objects
from support.alerts import scored_frame

ENTERING, WHOLE, NEARER, MERGED, SMALL = (
    (0.0, 0.3, 0.1, 0.4),
    (0.3, 0.3, 0.1, 0.3),
    (0.5, 0.3, 0.12, 0.36),
    (0.4, 0.3, 0.3, 0.4),
    (0.3, 0.3, 0.05, 0.15),
)
BESIDE = (0.85, 0.3, 0.1, 0.3)
HIM, HER = 11, 12


@dataclass(frozen=True)
class Seen:
    """A frame: its second, its score, where he and she are (None for out of sight), and who leads."""

    second: float
    surprise: float
    him: tuple[float, float, float, float] | None = WHOLE
    her: tuple[float, float, float, float] | None = BESIDE
    leader: int = HIM
    peak: bool = False
    label: str = "person"
    unsmoothed: float | None = None
    epoch: int = 0

    def show(self, view: IncidentView) -> None:
        image = np.full((8, 8, 3), round(10 * self.second) % 256, np.uint8)
        frame = scored_frame(self.second, self.surprise, epoch=self.epoch, image=image)
        there = [(HIM, self.him, self.label), (HER, self.her, "dog")]
        rows = [(who, box, label) for who, box, label in there if box is not None]
        count = len(rows)
        surprises = np.full(count, 1.0)
        objects = replace(
            frame.objects,
            boxes=np.array([box for _, box, _ in rows], np.float32).reshape(-1, 4),
            labels=tuple(label for *_, label in rows),
            track_ids=np.array([who for who, *_ in rows], np.int64),
            regions=np.zeros(count, np.bool_),
            surprise=surprises,
            unguided=surprises,
            terms={},
            captions=(None,) * count,
            matches=((),) * count,
            feedback=(None,) * count,
        )
        blame = Blame(np.array([who for who, *_ in rows], np.int64), self.leader)
        unsmoothed = self.surprise if self.unsmoothed is None else self.unsmoothed
        frame = replace(frame, objects=objects, blame=blame, unsmoothed=unsmoothed)
        view.observe(frame, scored_objects(frame), peak=self.peak)


def pictured(evidence: AlertEvidence) -> float:
    """The second that a picture is of."""
    assert evidence.image is not None
    return float(evidence.image[0, 0, 0]) / 10


def marked(objects: Sequence[ScoredObject]) -> list[int | None]:
    return [one.track_id for one in objects if one.culprit]


FIRST = Seen(1.0, 5.0, ENTERING, peak=True)
PICTURES = [
    ("not as he enters, a moment after the peak", [FIRST, Seen(1.5, 4.5), Seen(1.6, 4.4)], 1.5),
    ("when he is nearer", [FIRST, Seen(1.5, 4.5), Seen(1.6, 4.4, NEARER)], 1.6),
    ("but not long after the peak", [FIRST, Seen(1.5, 4.5), Seen(1.1 + NEAR_S, 4.4, NEARER)], 1.5),
    ("nor after a gap", [FIRST, Seen(1.5, 4.5), Seen(1.6, 4.4, NEARER, epoch=1)], 1.5),
    ("not smaller", [FIRST, Seen(1.5, 4.5), Seen(1.6, 4.4, SMALL)], 1.5),
    ("not merged with another", [FIRST, Seen(1.5, 4.5), Seen(1.6, 4.4), Seen(1.7, 4.3, MERGED)], 1.5),
    ("not hidden by another", [replace(FIRST, him=WHOLE), Seen(1.5, 4.5, NEARER, her=NEARER)], 1.0),
    ("not while he is out of sight", [FIRST, Seen(1.5, 4.5, None), Seen(1.6, 4.4)], 1.6),
    ("of a higher peak, as well seen", [FIRST, Seen(1.5, 4.5), Seen(1.6, 5.5, peak=True)], 1.6),
    ("before a higher peak at which he is hidden", [FIRST, Seen(1.5, 4.5), Seen(1.6, 5.5, SMALL, peak=True)], 1.5),
    ("of a later peak alone, if that is far", [FIRST, Seen(9.0, 5.5, SMALL, peak=True)], 9.0),
    ("of who made the higher peak", [FIRST, Seen(1.5, 5.5, leader=HER, peak=True), Seen(1.6, 5.0, NEARER)], 1.5),
    ("as it was when nobody is to blame", [replace(FIRST, leader=NOBODY), Seen(1.5, 4.5, NEARER)], 1.0),
    (
        "where the single frame is highest of those that smoothing holds at one value",
        [FIRST, Seen(4.0, 5.0, unsmoothed=9.0), Seen(8.0, 5.0, unsmoothed=8.0)],
        4.0,
    ),
]


@pytest.mark.parametrize(("frames", "second"), [case[1:] for case in PICTURES])
def test_the_picture_is_that_in_which_most_of_the_culprit_is_seen(frames: list[Seen], second: float) -> None:
    view = IncidentView()
    for frame in frames:
        frame.show(view)
    assert pictured(view.told()) == pytest.approx(second)


def test_who_made_the_peak_is_marked_whoever_made_the_pictures_own_score() -> None:
    view = IncidentView()
    FIRST.show(view)
    Seen(1.5, 4.5, leader=HER).show(view)
    evidence = view.told()
    assert pictured(evidence) == 1.5
    assert marked(evidence.objects) == [HIM]


def test_a_picture_is_given_once_and_then_a_better_one() -> None:
    view = IncidentView()
    FIRST.show(view)
    assert view.told().image is not None
    assert view.told().image is None
    Seen(1.5, 4.5).show(view)
    again = view.told()
    assert pictured(again) == 1.5
    assert again.objects[0].box == pytest.approx(WHOLE)


def test_what_is_said_is_of_the_peak() -> None:
    view = IncidentView()
    FIRST.show(view)
    Seen(1.5, 4.5).show(view)
    evidence = view.told()
    assert evidence.said is not None
    assert evidence.said.box == pytest.approx(ENTERING)
    assert evidence.heads == {"attributes": 5.0}


NAMES = [
    ("what it is called most before it is told", [["bicycle", "person", "person"]], ["person"]),
    ("the first good name stays", [["dog", "dog"], ["bicycle"] * 9], ["dog", "dog"]),
    ("a name that comes later is said then", [["motion"], ["person"], ["bicycle"] * 5], [None, "person", "person"]),
]


@pytest.mark.parametrize(("labels", "told"), [case[1:] for case in NAMES])
def test_an_alert_keeps_its_first_good_name(labels: list[list[str]], told: list[str | None]) -> None:
    view, second = IncidentView(), 1.0
    names: list[str | None] = []
    for part in labels:
        for label in part:
            second += 0.1
            frame = Seen(second, 5.0, label=label, peak=second < 1.15)
            if label == "motion":
                frame = replace(frame, him=None, leader=NOBODY)
            elif names == [None]:
                frame = replace(frame, surprise=6.0, peak=True)
            frame.show(view)
        names.append(view.told().name)
    assert names == told


def test_where_another_thing_takes_over_neither_is_named() -> None:
    view = IncidentView()
    FIRST.show(view)
    assert view.told().name == "person"
    Seen(1.5, 5.5, leader=HER, peak=True).show(view)
    assert view.told().name is None
    Seen(1.6, 6.0, leader=HIM, peak=True).show(view)
    assert view.told().name == "person"


def test_nothing_is_told_of_nothing() -> None:
    with pytest.raises(RuntimeError, match="expected an incident with a peak"):
        IncidentView().told()


def frames_held(view: IncidentView) -> list[ScoredFrame]:
    return [value for value in vars(view).values() if isinstance(value, ScoredFrame)]


def test_it_holds_one_picture_however_long_it_lasts() -> None:
    view = IncidentView()
    for index in range(500):
        Seen(1.0 + index / 10, 5.0 + index / 100, peak=True).show(view)
    assert not frames_held(view)
    assert view._shown is not None
    assert pictured(view.told()) == pytest.approx(509 % 256 / 10)
