from __future__ import annotations

import numpy as np
import pytest

from models.observation import UNTRACKED, Objects
from models.posture import FALLING, LIKELY, LYING, POSTURES, SITTING, STANDING, SURE, UNLIKELY
from service.pipeline.postures import LASTS_S, TrackPostures
from support.skeletons import ASPECT, box_of, skeleton

STANDS = skeleton()
SITS = skeleton(thighs=90)
LIES = skeleton(torso=90, thighs=-90, shins=-90, hips=(0.5, 0.7))
NOBODY = np.full((17, 3), np.nan, np.float32)


def objects(*boxes, track=1, name="person") -> Objects:
    count = len(boxes)
    return Objects(
        np.array(boxes, np.float32).reshape(-1, 4),
        np.ones(count, np.float32),
        np.zeros(count, np.int32),
        np.full(count, track, np.int64),
        (name,),
    )


def follow(postures: TrackPostures, frames, fps: float = 10.0, start: float = 0.0, **known):
    """Postures of one track in these frames, each a skeleton with its box."""
    rows = []
    for index, (drawn, box) in enumerate(frames):
        rows.append(postures.update(objects(box), drawn[None], start + index / fps, ASPECT, **known)[0])
    return np.stack(rows)


def seen(*drawn):
    return [(each, box_of(each)) for each in drawn]


def test_a_posture_is_a_mean_over_a_moment() -> None:
    said = follow(TrackPostures(), seen(*[STANDS] * 5, SITS, *[STANDS] * 5))
    assert (said[:, STANDING] >= LIKELY).all()
    changed = follow(TrackPostures(), seen(*[STANDS] * 5, *[SITS] * 10))
    assert changed[5, STANDING] >= LIKELY
    assert changed[-1, SITTING] >= SURE
    assert changed[-1, STANDING] <= UNLIKELY


@pytest.mark.parametrize("fps", [5.0, 10.0, 25.0])
def test_it_takes_the_same_time_at_any_rate(fps) -> None:
    count = round(fps)
    said = follow(TrackPostures(), seen(*[STANDS] * count, *[SITS] * count), fps)
    turned = int((said[:, SITTING] >= LIKELY).argmax())
    assert 0.15 <= (turned - count + 1) / fps <= 0.45


@pytest.mark.parametrize("fps", [5.0, 10.0, 25.0])
def test_who_stood_and_lies_a_moment_later_falls_and_then_lies(fps) -> None:
    count = round(fps)
    said = follow(TrackPostures(), seen(*[STANDS] * count, *[LIES] * (3 * count)), fps)
    fell = np.flatnonzero(said[:, FALLING] >= LIKELY)
    assert fell.min() == count
    assert 0.5 <= len(fell) / fps <= 1.3
    assert said[-1, LYING] >= SURE
    assert np.isnan(said[-1, FALLING])


def test_who_lies_down_slowly_does_not_fall() -> None:
    sinking = [
        skeleton(torso=angle, thighs=-angle, shins=-angle, hips=(0.5, 0.55 + angle / 600)) for angle in range(0, 91, 3)
    ]
    said = follow(TrackPostures(), seen(*[STANDS] * 5, *sinking, *[LIES] * 10))
    assert not (said[:, FALLING] >= LIKELY).any()
    assert said[-1, LYING] >= SURE


def test_what_is_no_longer_seen_holds_for_a_moment_and_for_as_long_as_nothing_moves() -> None:
    box = box_of(SITS)
    still = follow(TrackPostures(), [*seen(*[SITS] * 5), *[(NOBODY, box)] * 30])
    assert still[-1, SITTING] >= SURE
    moved = [(NOBODY, (box[0] + 0.02 * step, *box[1:])) for step in range(1, 20)]
    gone = follow(TrackPostures(), [*seen(*[SITS] * 5), *moved])
    assert gone[round(LASTS_S * 10) + 3, SITTING] >= SURE
    assert gone[-1, SITTING] == 0.5


def test_without_a_skeleton_the_box_is_asked_and_never_sure() -> None:
    tall, flat = (0.4, 0.4, 0.07, 0.3), (0.3, 0.62, 0.3, 0.1)
    postures = TrackPostures()
    said = np.stack(
        [postures.update(objects(flat if index >= 5 else tall), None, index / 10, ASPECT)[0] for index in range(20)]
    )
    assert said[4, LYING] <= UNLIKELY
    assert LIKELY <= said[7, FALLING] < SURE
    assert LIKELY <= said[-1, LYING] < SURE
    assert np.isnan(said[:, STANDING]).all()


def test_who_was_looked_at_and_not_made_out_may_do_anything() -> None:
    said = follow(TrackPostures(), [(NOBODY, TALL)] * 3)
    assert said[-1, :LYING].tolist() == [0.5, 0.5, 0.5]
    assert said[-1, LYING] <= UNLIKELY


def test_things_have_no_posture_and_motion_only_with_a_skeleton() -> None:
    box = box_of(STANDS)
    assert np.isnan(TrackPostures().update(objects(box, name="car"), STANDS[None], 0.0, ASPECT)).all()
    moving = TrackPostures().update(objects(box, name="motion"), STANDS[None], 0.0, ASPECT, recognised=False)
    assert moving[0, STANDING] >= SURE
    flat = objects((0.3, 0.6, 0.3, 0.1), name="motion")
    assert np.isnan(TrackPostures().update(flat, NOBODY[None], 0.0, ASPECT, recognised=False)).all()


def test_what_no_track_holds_is_judged_by_this_frame_alone() -> None:
    postures = TrackPostures()
    for index in range(5):
        postures.update(objects(box_of(SITS), track=UNTRACKED), SITS[None], index / 10, ASPECT)
    said = postures.update(objects(box_of(STANDS), track=UNTRACKED), STANDS[None], 0.5, ASPECT)[0]
    assert (said[STANDING], said[SITTING]) == (1.0, 0.0)
    assert np.isnan(said[FALLING])


TALL, FLAT = (0.45, 0.40, 0.12, 0.55), (0.35, 0.87, 0.30, 0.13)
"""Somebody who stands, and the same who lies at the lower border, which cuts them off."""


def boxes_only(postures: TrackPostures, steps, start: float = 0.0, **known):
    """Postures without skeletons; each step is a box, the class that a detector gives it, and its track."""
    rows = [
        postures.update(objects(box, name=name, track=track), None, start + index / 10, ASPECT, **known)[0]
        for index, (box, name, track) in enumerate(steps)
    ]
    return np.stack(rows)


def test_who_was_a_person_lies_whatever_the_detector_calls_them_then() -> None:
    said = boxes_only(TrackPostures(), [(TALL, "person", 1)] * 5 + [(FLAT, "chair", 2)] * 20)
    assert LIKELY <= said[-1, LYING] < SURE
    assert np.isnan(boxes_only(TrackPostures(), [(TALL, "chair", 1)] * 5 + [(FLAT, "chair", 2)] * 20)).all()


def test_who_fell_may_be_followed_as_something_new() -> None:
    postures = TrackPostures()
    boxes_only(postures, [(TALL, "person", 1)] * 5)
    assert boxes_only(postures, [(FLAT, "suitcase", 2)] * 3, start=1.0)[-1, LYING] >= LIKELY
    late = TrackPostures()
    boxes_only(late, [(TALL, "person", 1)] * 5)
    assert np.isnan(boxes_only(late, [(FLAT, "suitcase", 2)] * 3, start=1.9)).all()
    elsewhere = TrackPostures()
    boxes_only(elsewhere, [(TALL, "person", 1)] * 5)
    assert np.isnan(boxes_only(elsewhere, [((0.0, 0.87, 0.3, 0.13), "suitcase", 2)] * 3, start=1.0)).all()


def test_a_thing_that_a_person_left_behind_is_no_person() -> None:
    postures = TrackPostures()
    boxes_only(postures, [(TALL, "person", 1)] * 5)
    bench = (0.2, 0.7, 0.6, 0.25)
    assert np.isnan(boxes_only(postures, [(bench, "bench", 2)] * 5, start=0.6)).all()


def test_a_moving_region_lies_only_if_it_was_a_person() -> None:
    region = boxes_only(TrackPostures(), [(TALL, "motion", 1)] * 5 + [(FLAT, "motion", 1)] * 5, recognised=False)
    assert np.isnan(region).all()
    person = TrackPostures()
    follow(person, [(STANDS, TALL)] * 5, recognised=False)
    fell = boxes_only(person, [(FLAT, "motion", 1)] * 5, start=0.6, recognised=False)
    assert fell[-1, LYING] >= LIKELY


def test_a_gap_and_a_lost_track_forget() -> None:
    postures = TrackPostures()
    follow(postures, seen(*[SITS] * 5))
    postures.reset()
    assert postures.update(objects(box_of(STANDS)), STANDS[None], 0.5, ASPECT)[0, SITTING] == 0.0
    follow(postures, seen(*[SITS] * 5), start=1.0)
    assert postures.update(objects(box_of(STANDS)), STANDS[None], 9.0, ASPECT)[0, SITTING] == 0.0


def test_no_objects() -> None:
    assert TrackPostures().update(objects(), None, 0.0, ASPECT).shape == (0, len(POSTURES))
