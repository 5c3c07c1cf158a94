"""Postures of drawn skeletons: every one by the angles of its limbs."""

from __future__ import annotations

import math

import numpy as np
import pytest

from models.posture import (
    ARMS_RAISED,
    FALL_S,
    LIKELY,
    LYING,
    POSTURES,
    SURE,
    UNLIKELY,
    Stance,
    box_postures,
    falling,
    laid,
    level,
    skeleton_postures,
    tilted,
)
from models.posture import (
    BOX as BOX_AT_MOST,
)
from support.skeletons import ASPECT, BOX, skeleton

LEGS = (13, 14, 15, 16)
ANKLES = (15, 16)
HELD = {
    "standing": skeleton(),
    "standing, leaning a little": skeleton(torso=15),
    "walking, a long step": skeleton(torso=5, thighs=20, shins=-15),
    "sitting, from the side": skeleton(thighs=90),
    "sitting, leaning back": skeleton(torso=25, thighs=80),
    "sitting, facing a camera at eye level": skeleton(foreshortened=0.4),
    "sitting, legs stretched out a little": skeleton(thighs=80, shins=30),
    "crouching": skeleton(torso=10, thighs=110, shins=-40),
    "kneeling upright": skeleton(thighs=0, shins=-90),
    "sitting on the ground, knees drawn up": skeleton(torso=10, thighs=140, shins=40),
    "lying, from the side": skeleton(torso=90, thighs=-90, shins=-90),
    "lying, knees drawn up": skeleton(torso=90, thighs=-140, shins=-30),
    "lying on a slope": skeleton(torso=75, thighs=-80, shins=-80),
    "lying, the head towards the camera": skeleton(torso=175, thighs=180, shins=180),
    "bending over": skeleton(torso=90),
    "bending down to the floor": skeleton(torso=100, thighs=10, shins=-10),
}


def likely(said) -> set[str]:
    return {name for name, value in zip(POSTURES, said.tolist(), strict=True) if value >= LIKELY}


@pytest.mark.parametrize(
    ("held", "expected"),
    [
        ("standing", {"standing"}),
        ("standing, leaning a little", {"standing"}),
        ("walking, a long step", {"standing"}),
        ("sitting, from the side", {"sitting"}),
        ("sitting, leaning back", {"sitting"}),
        ("sitting, facing a camera at eye level", {"sitting"}),
        ("sitting, legs stretched out a little", {"sitting"}),
        ("crouching", {"crouching"}),
        ("sitting on the ground, knees drawn up", {"crouching"}),
        ("lying, from the side", {"lying"}),
        ("lying, knees drawn up", {"lying"}),
        ("lying on a slope", {"lying"}),
        ("lying, the head towards the camera", {"lying"}),
        ("bending over", set()),
        ("bending down to the floor", set()),
    ],
)
@pytest.mark.parametrize("size", [0.1, 1.0, 2.0])
def test_postures_are_told_by_the_body_itself_at_any_size(held, expected, size) -> None:
    drawn = HELD[held].copy()
    drawn[:, :2] = 0.5 + (drawn[:, :2] - drawn[:, :2].mean(axis=0)) * size
    assert likely(skeleton_postures(drawn, BOX, ASPECT)) == expected


def test_the_aspect_of_the_picture_counts() -> None:
    wide, square = skeleton(torso=75, thighs=-90, shins=-90, aspect=2.0), skeleton(torso=75, thighs=-90, shins=-90)
    np.testing.assert_allclose(
        skeleton_postures(wide, BOX, 2.0), skeleton_postures(square, BOX, ASPECT), atol=1e-3, equal_nan=True
    )


@pytest.mark.parametrize(
    ("arms", "expected"),
    [
        ((0.0, 0.0), False),
        ((180.0, 180.0), True),
        ((150.0, 210.0), True),
        ((135.0, 135.0), True),
        ((90.0, 90.0), False),
        ((180.0, 0.0), False),
        ((60.0, -60.0), False),
    ],
    ids=["hanging", "straight up", "like a V", "stretched out and up", "level", "one", "spread low"],
)
def test_arms_are_raised_if_both_are(arms, expected) -> None:
    said = skeleton_postures(skeleton(arms=arms), BOX, ASPECT)
    assert (said[ARMS_RAISED] >= LIKELY) == expected
    assert (said[ARMS_RAISED] <= UNLIKELY) == (not expected)


def test_one_who_sits_raises_arms_and_one_who_lies_does_not() -> None:
    assert likely(skeleton_postures(skeleton(thighs=90, arms=(170, 190)), BOX, ASPECT)) == {"sitting", "arms raised"}
    lying = skeleton_postures(skeleton(torso=90, thighs=-90, shins=-90, arms=(180, 180)), BOX, ASPECT)
    assert lying[ARMS_RAISED] <= UNLIKELY


@pytest.mark.parametrize(
    ("unseen", "judged"),
    [
        ((), {"standing", "sitting", "crouching", "lying", "arms raised"}),
        ((0, 1, 2, 3, 4), {"standing", "sitting", "crouching", "lying", "arms raised"}),
        ((9,), {"standing", "sitting", "crouching", "lying"}),
        ((5,), {"standing", "sitting", "crouching", "lying"}),
        (ANKLES[:1], {"standing", "sitting", "crouching", "lying", "arms raised"}),
        (LEGS, {"lying", "arms raised"}),
        ((11, 12), set()),
        ((5, 6), set()),
        (tuple(range(17)), set()),
    ],
    ids=["none", "the head", "a wrist", "a shoulder", "an ankle", "legs", "hips", "shoulders", "all"],
)
def test_nothing_is_said_of_joints_that_were_not_seen(unseen, judged) -> None:
    said = skeleton_postures(skeleton(unseen=unseen), BOX, ASPECT)
    assert {name for name, value in zip(POSTURES, said.tolist(), strict=True) if not math.isnan(value)} == judged


def test_without_legs_a_level_torso_may_be_bent_over_them_and_a_head_that_hangs_is_not() -> None:
    assert np.isnan(skeleton_postures(skeleton(torso=80, unseen=LEGS), BOX, ASPECT)[LYING])
    assert skeleton_postures(skeleton(torso=0, unseen=LEGS), BOX, ASPECT)[LYING] <= UNLIKELY
    assert skeleton_postures(skeleton(torso=170, unseen=LEGS), BOX, ASPECT)[LYING] >= LIKELY


def test_joints_that_were_hardly_seen_leave_doubt() -> None:
    clear, doubtful, hidden = (
        skeleton_postures(skeleton(confidence=confidence), BOX, ASPECT)[0] for confidence in (0.8, 0.25, 0.1)
    )
    assert clear >= SURE > LIKELY > doubtful > 0.5
    assert np.isnan(hidden)


def test_ankles_that_the_lower_border_may_cut_off_must_be_well_seen() -> None:
    at_the_border = (0.4, 0.68, 0.1, 0.31)
    guessed = skeleton(thighs=90)
    guessed[list(ANKLES), 2] = 0.4
    assert likely(skeleton_postures(guessed, BOX, ASPECT)) == {"sitting"}
    assert likely(skeleton_postures(guessed, at_the_border, ASPECT)) == set()
    assert likely(skeleton_postures(skeleton(thighs=90), at_the_border, ASPECT)) == {"sitting"}


@pytest.mark.parametrize(
    ("box", "aspect", "likely_lying"),
    [
        ((0.4, 0.7, 0.10, 0.10), 1.5, True),
        ((0.4, 0.7, 0.10, 0.10), 1.0, False),
        ((0.4, 0.4, 0.10, 0.30), 1.5, False),
        ((0.4, 0.7, 0.30, 0.10), 1.5, True),
    ],
)
def test_a_box_says_at_most_that_somebody_may_lie(box, aspect, likely_lying) -> None:
    said = box_postures(box, aspect)
    assert (said[LYING] >= LIKELY) == likely_lying
    assert said[LYING] <= BOX_AT_MOST < SURE
    assert np.isnan(np.delete(said, LYING)).all()


@pytest.mark.parametrize(
    "box", [(0.4, 0.9, 0.3, 0.1), (0.0, 0.5, 0.3, 0.1), (0.7, 0.5, 0.3, 0.1), (0.4, 0.0, 0.3, 0.1)]
)
def test_a_box_that_is_cut_off_says_nothing(box) -> None:
    assert np.isnan(box_postures(box, 1.5)).all()


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ((0.3, 0.88, 0.3, 0.12), True),
        ((0.3, 0.60, 0.3, 0.12), True),
        ((0.4, 0.40, 0.13, 0.55), False),
        ((0.4, 0.60, 0.13, 0.40), False),
        ((0.4, 0.80, 0.13, 0.20), False),
        ((0.3, 0.65, 0.25, 0.30), False),
        ((0.1, 0.80, 0.70, 0.20), False),
    ],
    ids=["lies, cut off", "lies", "stands", "sits", "leaves below the picture", "bends over", "is longer than a body"],
)
def test_who_lies_is_as_long_as_they_were_tall(box, expected) -> None:
    assert (laid(box, 0.55, ASPECT) >= LIKELY) == expected
    assert laid(box, 0.55, ASPECT) <= BOX_AT_MOST


@pytest.mark.parametrize(
    ("head", "after_s", "low", "expected"),
    [
        (0.65, 0.5, 1.0, 1.0),
        (0.65, 1.5, 1.0, math.nan),
        (0.49, 0.5, 0.0, 0.0),
        (0.53, 0.5, 1.0, 0.0),
        (0.65, 0.5, 0.0, 0.0),
        (0.65, 0.5, math.nan, 0.5),
        (0.40, 0.5, 1.0, 0.0),
    ],
    ids=["falls", "lies down slowly", "sits down", "picks something up", "is not low", "nobody can tell", "stays"],
)
def test_a_fall_is_a_head_that_comes_down_fast(head, after_s, low, expected) -> None:
    past = [Stance(0.0, 0.4, 0.3, upright=True)]
    now = Stance(after_s, head, 0.1, upright=False)
    assert falling(past, now, low) == pytest.approx(expected, nan_ok=True)


def test_who_never_stood_does_not_fall() -> None:
    assert math.isnan(falling([], Stance(0.0, 0.6, 0.1, upright=False), 1.0))
    assert math.isnan(falling([Stance(0.0, 0.4, 0.3, upright=False)], Stance(FALL_S, 0.7, 0.1, upright=False), 1.0))


@pytest.mark.parametrize(("across", "down", "tilt"), [(0, 1, 0), (1, 1, 45), (-1, 0, 90), (1, -1, 135), (0, -2, 180)])
def test_a_torso_is_tilted_from_the_vertical(across, down, tilt) -> None:
    assert tilted(across, down) == pytest.approx(tilt)


@pytest.mark.parametrize(("tilt", "lies"), [(0, False), (60, False), (63.9, False), (64.1, True), (180, True)])
def test_a_torso_lies_by_its_tilt(tilt, lies) -> None:
    assert (level(tilt) >= LIKELY) == lies
