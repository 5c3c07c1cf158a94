"""Who made a frame's score, as tables: smoothing, rules, regions, heat."""

from __future__ import annotations

import math

import numpy as np
import pytest

from models.scoring.smoothing import SMOOTHING_S
from service.pipeline.culprit import MAX_SUSPECTS, NOBODY, Blame, Culprits, holding, hottest, maker_of

NAN = math.nan
LEFT, RIGHT, FAR = (0.1, 0.2, 0.1, 0.4), (0.6, 0.2, 0.1, 0.4), (0.85, 0.8, 0.1, 0.1)

MAKERS = [
    # accused by the head that made it, over all heads, with rules, of the frame; who made it
    ("the most unusual", [1.0, 3.0], [1.0, 3.0], [1.0, 3.0], 4.0, 1),
    ("by the head that the score is of, not by another", [1.0, 0.2], [1.0, 3.0], [1.0, 3.0], 4.0, 0),
    ("what is left after relief", [1.0, 3.0], [1.0, 3.0], [1.0, 0.5], 2.0, 0),
    ("relief that leaves it the most unusual", [1.0, 4.0], [1.0, 4.0], [1.0, 2.0], 3.0, 1),
    ("who was lifted to where the frame is", [1.0, 3.0], [1.0, 3.0], [6.0, 3.0], 6.0, 0),
    ("not who was lifted below that", [1.0, 3.0], [1.0, 3.0], [3.5, 3.0], 5.0, 1),
    ("a lift where no head says anything", [NAN, NAN], [NAN, NAN], [NAN, 6.0], 6.0, 1),
    ("the picture as a whole, whatever objects are by other heads", [NAN, NAN], [1.0, 3.0], [1.0, 3.0], 5.0, None),
    ("a lift above the picture as a whole", [NAN, NAN], [1.0, 3.0], [1.0, 6.0], 6.0, 1),
    ("nobody, where all are as usual", [0.0, 0.0], [0.0, 0.0], [0.0, 0.0], 0.3, None),
    ("nobody, in an empty picture", [], [], [], 2.0, None),
    ("nobody, where nothing is said", [NAN, NAN], [1.0, 1.0], [1.0, 1.0], NAN, None),
]


@pytest.mark.parametrize(("accused", "unguided", "guided", "frame", "row"), [row[1:] for row in MAKERS])
def test_who_made_a_frame(
    accused: list[float], unguided: list[float], guided: list[float], frame: float, row: int | None
) -> None:
    assert maker_of(np.array(accused), np.array(unguided), np.array(guided), frame) == row


class Film:
    """Ten frames a second."""

    def __init__(self) -> None:
        self.culprits = Culprits()
        self.pts = 0.0

    def show(
        self,
        maker: int | None,
        surprise: float,
        *things: tuple[tuple[float, float, float, float], int],
        after: float = 0.1,
    ) -> Blame:
        """A frame with things (box, track)."""
        self.pts += after
        boxes = np.array([box for box, _ in things], np.float32).reshape(-1, 4)
        return self.culprits.update(
            boxes, np.array([track for _, track in things], np.int64), maker, surprise, self.pts
        )


WALKER, CYCLIST = (LEFT, 1), (RIGHT, 2)


def test_the_one_that_carried_the_smoothed_score() -> None:
    """A cyclist passes; for half a second after it the smoothed score is still its own, not the walker's."""
    film = Film()
    for _ in range(10):
        assert film.show(0, 0.5, WALKER, CYCLIST).culprit == 0
    for _ in range(4):
        blame = film.show(1, 6.0, WALKER, CYCLIST)
        assert blame.culprit == 1
    lasted = 0
    while film.show(0, 0.5, WALKER, CYCLIST).culprit == 1:
        lasted += 1
    assert 3 <= lasted <= 3 * SMOOTHING_S * 10


def test_it_is_blamed_under_its_track_wherever_its_row_is() -> None:
    film = Film()
    film.show(1, 6.0, WALKER, CYCLIST)
    moved = film.show(None, 0.0, ((0.3, 0.2, 0.1, 0.4), 2), WALKER)
    assert moved.culprit == 0


def test_out_of_sight_it_is_nobody_else() -> None:
    film = Film()
    film.show(1, 6.0, WALKER, CYCLIST)
    blame = film.show(0, 0.5, WALKER)
    assert blame.culprit is None
    assert blame.leader != NOBODY
    assert film.show(0, 0.5, WALKER, after=3.0).culprit == 0


def test_a_frame_that_says_nothing_changes_nothing() -> None:
    film = Film()
    film.show(1, 6.0, WALKER, CYCLIST)
    assert film.show(None, NAN, WALKER, CYCLIST).culprit == 1


def test_a_gap_forgets_and_numbers_do_not_come_again() -> None:
    film = Film()
    before = film.show(1, 6.0, WALKER, CYCLIST)
    film.culprits.reset()
    after = film.show(0, 0.5, WALKER, CYCLIST)
    assert after.culprit == 0
    assert not set(before.suspects.tolist()) & set(after.suspects.tolist())


def test_a_region_is_the_object_that_it_becomes_and_was() -> None:
    """It is seen to move before a track holds it, and again where the detector has lost it."""
    film = Film()
    numbers = [
        film.show(0, 5.0, (RIGHT, -1)).leader,
        film.show(0, 5.0, ((0.61, 0.2, 0.1, 0.4), 7), WALKER).leader,
        film.show(1, 5.0, WALKER, ((0.58, 0.15, 0.2, 0.5), -1)).leader,
        film.show(0, 5.0, ((0.62, 0.2, 0.1, 0.4), 7), WALKER).leader,
    ]
    assert len(set(numbers)) == 1


STRANGERS = [
    ("elsewhere", (FAR, -1), 0.1),
    ("in the same place, long after", (RIGHT, -1), 2.0),
    ("under a track of its own, where another track was", (RIGHT, 9), 0.1),
]


@pytest.mark.parametrize(("thing", "after"), [row[1:] for row in STRANGERS])
def test_what_is_another_thing_has_another_number(
    thing: tuple[tuple[float, float, float, float], int], after: float
) -> None:
    film = Film()
    film.show(0, 5.0, CYCLIST)
    known = film.show(0, 5.0, CYCLIST).suspects[0]
    assert film.show(None, 0.0, thing, after=after).suspects[0] != known


def test_the_whole_picture_is_nobodys() -> None:
    film = Film()
    film.show(0, 1.0, WALKER)
    assert film.show(None, 5.0, WALKER).culprit is None


def test_a_crowd_that_never_ends_is_bounded() -> None:
    film = Film()
    for track in range(3 * MAX_SUSPECTS):
        film.show(0, 1.0, (LEFT, track))
    assert len(film.culprits._suspects) <= MAX_SUSPECTS
    assert film.show(0, 5.0, (LEFT, 3 * MAX_SUSPECTS)).culprit == 0


def heat(*places: tuple[slice, slice, float]) -> np.ndarray:
    table = np.zeros((20, 20), np.float32)
    for rows, columns, value in places:
        table[rows, columns] = value
    return table


HOT = (slice(4, 8), slice(10, 14), 1.0)
HEATS = [
    (heat(HOT), (0.5, 0.2, 0.2, 0.2)),
    (heat(HOT, (slice(15, 20), slice(0, 9), 0.4)), (0.5, 0.2, 0.2, 0.2)),  # less than half as hot
    (heat(HOT, (slice(15, 20), slice(0, 5), 0.9)), (0.5, 0.2, 0.2, 0.2)),  # another place
    (heat((slice(0, 20), slice(0, 20), 0.8)), None),
    (heat(), None),
]


@pytest.mark.parametrize(("table", "box"), HEATS)
def test_the_hottest_place(table: np.ndarray, box: tuple[float, ...] | None) -> None:
    found = hottest(table)
    assert (None if found is None else tuple(found.round(6).tolist())) == (box and pytest.approx(box))


def test_the_object_that_is_hot() -> None:
    place = np.array([0.5, 0.2, 0.2, 0.2], np.float32)
    inside, around, beside = (0.55, 0.25, 0.05, 0.1), (0.4, 0.1, 0.4, 0.6), (0.65, 0.35, 0.3, 0.4)
    assert holding(np.array([beside, around, inside], np.float32), place) == 1
    assert holding(np.array([beside, inside], np.float32), place) == 1
    assert holding(np.array([beside], np.float32), place) is None
    assert holding(np.zeros((0, 4), np.float32), place) is None
