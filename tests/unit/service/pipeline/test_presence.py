"""Drawn people who stop, lie and get up before a detector that misses them: who is still there, and for how long."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from models.observation import UNTRACKED, Motion, Objects
from service.contracts.stream import Detection, Zone
from service.frames import CLEAR, KEEP_LAG, KEPT_S, Frame, KeptPlaces, PreparedFrame
from service.pipeline.presence import MAX_HELD, STOPPED_S, TOLD_STILL_S, Presence, Present
from service.pipeline.track import LOST_S, ObjectFilter

HEIGHT, WIDTH = 120, 160
NAMES = ("person", "chair")
PERSON, CHAIR = 0, 1
STANDING = (40, 14)
LYING = (14, 40)
FPS = 10.0


def texture(seed: int, mean: float, size: tuple[int, int]) -> np.ndarray:
    rough = np.random.default_rng(seed).normal(size=size).astype(np.float32)
    return (mean + 12 * cv2.GaussianBlur(rough, (0, 0), 2) / 0.14).clip(0, 255).astype(np.uint8)


GROUND = texture(1, 140, (HEIGHT, WIDTH))
CLOTHES = texture(2, 60, (64, 64))


def put(picture: np.ndarray, x: int, y: int, size: tuple[int, int] = STANDING) -> np.ndarray:
    seen = picture.copy()
    seen[y : y + size[0], x : x + size[1]] = CLOTHES[: size[0], : size[1]]
    return seen


def box_of(x: float, y: float, size: tuple[int, int] = STANDING) -> tuple[float, ...]:
    return x / WIDTH, y / HEIGHT, size[1] / WIDTH, size[0] / HEIGHT


class Watch:
    """A stream's presence, frame by frame at ``FPS``."""

    def __init__(self, *, recognised: bool = True, zones: tuple[Zone, ...] = (), ground: np.ndarray = GROUND) -> None:
        self.presence = Presence()
        self.places = KeptPlaces()
        self.filter = ObjectFilter(Detection(), zones)
        self.recognised = recognised
        self.ground = ground
        self.pts = 100.0
        self.rng = np.random.default_rng(0)

    def see(self, picture: np.ndarray, *found: tuple[tuple[float, ...], int, int], disturbed: bool = False) -> Present:
        """One frame, with what the detector and the tracker say: boxes, track ids and classes."""
        self.pts += 1 / FPS
        grey = np.clip(picture + self.rng.normal(0, 2, picture.shape), 0, 255).astype(np.uint8)
        differs = (np.abs(grey.astype(np.int16) - self.ground) > 15).astype(np.uint8)
        foreground = np.zeros_like(grey) if disturbed else np.asarray(cv2.medianBlur(differs, 3), np.uint8)
        motion = Motion(np.zeros((HEIGHT, WIDTH, 2), np.float32), foreground, 0.1, disturbed)
        image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
        frame = PreparedFrame(
            "yard", 0, Frame(0, self.pts, 0.0, 0.0, image), motion, sight=CLEAR, grey=grey, places=self.places
        )
        objects = Objects(
            np.array([box for box, _, _ in found], np.float32).reshape(-1, 4),
            np.full(len(found), 0.8, np.float32),
            np.array([class_id for _, _, class_id in found], np.int32),
            np.array([number for _, number, _ in found], np.int64),
            NAMES,
        )
        return self.presence.update(objects, frame, self.filter, recognised=self.recognised)

    def stand(self, seconds: float, number: int = 7, x: int = 60, y: int = 50) -> Present:
        """Somebody is found to stand there."""
        for _ in range(round(seconds * FPS)):
            present = self.see(put(self.ground, x, y), (box_of(x, y), number, PERSON))
        return present


def test_who_stands_counts_seconds_and_who_walks_does_not() -> None:
    watch = Watch()
    assert watch.stand(5).still_s.tolist() == pytest.approx([4.9])
    for step in range(20):
        x = 60 + 2 * step  # half of a height a second
        present = watch.see(put(GROUND, x, 50), (box_of(x, 50), 7, PERSON))
    assert present.still_s.tolist() == pytest.approx([0], abs=0.3)
    assert not present.held.any()


def test_trembling_boxes_and_short_misses_are_no_movement() -> None:
    watch, rng = Watch(), np.random.default_rng(1)
    for frame in range(60):
        x, y = 60 + rng.normal(0, 0.5), 50 + rng.normal(0, 1.5)
        found = [] if frame % 7 == 6 else [(box_of(x, y), 7, PERSON)]
        present = watch.see(put(GROUND, 60, 50), *found)
    assert present.still_s.max() > 5


def test_who_drifts_away_slowly_has_moved() -> None:
    watch = Watch()
    for frame in range(100):
        x = 40 + frame * 0.6  # 0.15 of a height a second
        present = watch.see(put(GROUND, round(x), 50), (box_of(x, 50), 7, PERSON))
    assert present.still_s[0] < 5


def test_an_object_without_a_track_stands_for_no_time() -> None:
    watch = Watch()
    for _ in range(20):
        present = watch.see(put(GROUND, 60, 50), (box_of(60, 50), UNTRACKED, PERSON))
    assert present.still_s.tolist() == [0]


def test_who_is_missed_is_held_with_id_box_and_class() -> None:
    watch = Watch()
    watch.stand(2)
    for _ in range(50):
        present = watch.see(put(GROUND, 60, 50))
        assert present.held.tolist() == [True]
    assert present.objects.track_ids.tolist() == [7]
    assert present.objects.label(0) == "person"
    assert present.objects.boxes[0] == pytest.approx(box_of(60, 50))
    assert present.objects.confidences.tolist() == pytest.approx([0.8])
    assert present.still_s.tolist() == pytest.approx([6.9], abs=0.11)


def test_it_ends_when_the_picture_shows_the_ground() -> None:
    watch = Watch()
    watch.stand(2)
    assert len(watch.see(put(GROUND, 60, 50)).objects) == 1
    assert len(watch.see(GROUND).objects) == 0
    for _ in range(round(LOST_S * FPS) + 1):
        watch.see(GROUND)
    assert len(watch.see(put(GROUND, 60, 50)).objects) == 0  # and it is forgotten


def test_it_ends_when_what_it_was_has_become_the_ground() -> None:
    watch = Watch()
    watch.stand(2)
    assert watch.see(put(GROUND, 60, 50)).held.any()
    watch.ground = put(GROUND, 60, 50)
    assert not watch.see(put(GROUND, 60, 50)).held.any()


def test_it_ends_when_something_else_stands_there() -> None:
    watch = Watch()
    watch.stand(2)
    other = GROUND.copy()
    other[40:100, 40:100] = texture(8, 240, (60, 60))
    assert not watch.see(other).held.any()


def test_it_is_there_again_once_who_passed_before_it_is_gone() -> None:
    watch = Watch()
    watch.stand(2)
    hidden = put(GROUND, 60, 50)
    hidden[30:110, 50:90] = 230
    for _ in range(10):
        assert not watch.see(hidden).held.any()
    present = watch.see(put(GROUND, 60, 50))
    assert present.objects.track_ids.tolist() == [7]
    assert present.held.all()


def test_light_that_changes_and_a_disturbed_picture_do_not_end_it() -> None:
    watch = Watch()
    watch.stand(2)
    darker = put(GROUND, 60, 50) * 0.8
    watch.ground = GROUND * 0.8
    assert watch.see(darker).held.any()
    for _ in range(5):
        assert watch.see(darker, disturbed=True).held.any()
    assert watch.see(darker).held.any()
    for _ in range(round(LOST_S * FPS) + 1):
        present = watch.see(darker, disturbed=True)
    assert not present.held.any()


def test_who_falls_unseen_is_held_once_they_lie_still() -> None:
    watch = Watch()
    watch.stand(2)
    for x, y, size in [(58, 56, (34, 20)), (52, 64, (26, 28)), (48, 72, (20, 36))]:
        watch.see(put(GROUND, x, y, size))
    held = [watch.see(put(GROUND, 46, 76, LYING)).held.any() for _ in range(20)]
    assert not any(held[3 : round(STOPPED_S * FPS)])
    assert all(held[-8:])
    present = watch.see(put(GROUND, 46, 76, LYING))
    assert present.objects.track_ids.tolist() == [7]
    assert present.objects.boxes[0] == pytest.approx(box_of(46, 76, LYING), abs=0.03)


def test_a_walker_who_is_missed_is_not_held() -> None:
    watch = Watch()
    for step in range(40):
        x = 20 + 2 * step
        found = [] if step % 3 == 2 else [(box_of(x, 50), 7, PERSON)]
        assert not watch.see(put(GROUND, x, 50), *found).held.any()


def test_who_is_found_again_has_the_same_id_for_good() -> None:
    watch = Watch()
    watch.stand(2)
    for _ in range(40):
        watch.see(put(GROUND, 60, 50))
    again = watch.see(put(GROUND, 60, 50), (box_of(61, 49), UNTRACKED, PERSON))
    assert (again.objects.track_ids.tolist(), again.held.tolist()) == ([7], [False])
    for x in range(60, 80, 2):
        present = watch.see(put(GROUND, x, 50), (box_of(x, 50), 31, PERSON))
        assert present.objects.track_ids.tolist() == [7]


def test_two_objects_never_have_one_id() -> None:
    watch = Watch()
    watch.stand(2)
    watch.see(put(GROUND, 60, 50))
    assert watch.see(put(GROUND, 60, 50), (box_of(61, 49), 31, PERSON)).objects.track_ids.tolist() == [7]
    both = watch.see(put(put(GROUND, 60, 50), 90, 50), (box_of(60, 50), 31, PERSON), (box_of(90, 50), 7, PERSON))
    assert both.objects.track_ids.tolist() == [31, 7]


def test_a_chair_that_is_seen_where_somebody_lies_is_not_who_lies() -> None:
    watch = Watch()
    watch.stand(2)
    present = watch.see(put(GROUND, 60, 50), (box_of(60, 50), 9, CHAIR))
    assert present.objects.track_ids.tolist() == [9, 7]
    assert present.held.tolist() == [False, True]


def test_who_is_found_under_another_id_is_not_held_beside() -> None:
    watch = Watch()
    watch.stand(2)
    for number in (7, 8):  # both are known, then only one is found
        watch.see(put(GROUND, 60, 50), (box_of(60, 50), 7, PERSON), (box_of(61, 50), 8, PERSON))
        present = watch.see(put(GROUND, 60, 50), (box_of(60, 50), number, PERSON))
        assert present.objects.track_ids.tolist() == [number]


def test_what_is_never_more_than_ground_is_not_held() -> None:
    watch = Watch()
    for _ in range(20):
        watch.see(GROUND, (box_of(60, 50), 7, PERSON))
    assert not watch.see(GROUND).held.any()


def test_held_objects_count_where_others_do() -> None:
    zone = Zone(name="left", polygon=[(0, 0), (0.6, 0), (0.6, 1), (0, 1)], mode="ignore")
    watch = Watch()
    watch.stand(2)
    watch.filter = ObjectFilter(Detection(), (zone,))
    assert not watch.see(put(GROUND, 60, 50)).held.any()


def test_it_is_bounded_in_time() -> None:
    watch = Watch()
    watch.stand(2)
    began = watch.pts
    while watch.see(put(GROUND, 60, 50)).held.any():
        assert watch.pts < began + KEPT_S + 1
    assert watch.pts == pytest.approx(began + KEPT_S, abs=0.5)


def test_it_is_bounded_in_number() -> None:
    watch = Watch()
    places = [(4 + 12 * column, 4 + 28 * row) for row in range(4) for column in range(5)]
    picture = GROUND
    for x, y in places:
        picture = put(picture, x, y, (20, 8))
    for _ in range(20):
        watch.see(picture, *((box_of(x, y, (20, 8)), n, PERSON) for n, (x, y) in enumerate(places)))
    assert np.count_nonzero(watch.see(picture).held) == MAX_HELD


def test_nothing_is_left_after_a_gap() -> None:
    watch = Watch()
    watch.stand(2)
    watch.presence.reset()
    assert len(watch.see(put(GROUND, 60, 50)).objects) == 0


def told(watch: Watch) -> np.ndarray:
    """What the background would be told now."""
    kept = watch.places.read(watch.pts)
    for ahead in range(1, KEEP_LAG + 1):
        kept = watch.places.read(watch.pts + ahead / FPS)
    return kept.boxes


def test_the_background_is_told_of_what_a_detector_knows_and_of_who_is_held() -> None:
    watch = Watch()
    watch.stand(0.2)
    assert told(watch).tolist() == pytest.approx(np.array([box_of(60, 50)]))
    watch.stand(2)
    watch.see(put(GROUND, 60, 50))
    assert told(watch).tolist() == pytest.approx(np.array([box_of(60, 50)]))
    watch.see(GROUND)
    assert len(told(watch)) == 0


def test_of_mere_motion_it_is_told_of_what_came_and_stopped() -> None:
    came, lit = Watch(recognised=False), Watch(recognised=False)
    for step in range(30):
        came.see(put(GROUND, 2 * step, 50), (box_of(2 * step, 50), 7, PERSON))
    for watch in (came, lit):
        watch.stand(1)
        assert len(told(watch)) == 0
        watch.stand(TOLD_STILL_S + 1)
    assert len(told(came)) == 1
    assert len(told(lit)) == 0
