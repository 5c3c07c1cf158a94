"""Tracks over synthetic walkers, and the filter's zones, classes and sizes."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import packages_distributions

import numpy as np
import pytest

from models.observation import UNTRACKED, Objects
from service.contracts.stream import Detection, Zone
from service.errors import InvalidInput
from service.pipeline.track import CONFIRMED_AFTER, LOST_S, ObjectFilter, Tracker, check_classes

NAMES = ("person", "bicycle", "car")
HEIGHT, WIDTH = 0.12, 0.04


def objects(*rows, names=NAMES):
    """Rows of x, y, w, h, confidence, class."""
    table = np.array(rows, np.float32).reshape(-1, 6)
    return Objects(
        table[:, :4],
        table[:, 4],
        table[:, 5].astype(np.int32),
        np.full(len(table), UNTRACKED, np.int64),
        names,
    )


def walkers(lanes: int, speed: float, fps: float, seconds: float, seed: int = 0):
    """Frames of walkers, each in a lane of their own, to the right and to the left, seen with jitter and misses."""
    rng = np.random.default_rng(seed)
    rows = np.linspace(0.05, 0.8, lanes)
    pts = 3.0
    while pts < 3.0 + seconds:
        frame, who = [], []
        for lane, y in enumerate(rows):
            moved = speed * HEIGHT * 0.5625 * (pts - 3.0)
            x = moved if lane % 2 else 0.95 - moved
            if 0 <= x <= 0.95 and rng.random() > 0.05:
                noise = rng.normal(0, 0.02, 4) * (WIDTH, HEIGHT, WIDTH, HEIGHT)
                frame.append((*(np.array([x, y, WIDTH, HEIGHT]) + noise), rng.uniform(0.36, 0.9), 0))
                who.append(lane)
        order = rng.permutation(len(frame))
        yield pts, objects(*[frame[index] for index in order]), [who[index] for index in order]
        pts += rng.uniform(0.8, 1.2) / fps


@pytest.mark.parametrize(
    ("fps", "speed"),
    [(2, 0.8), (2, 1.5), (5, 0.8), (5, 2.5), (10, 0.8), (10, 3.5), (25, 0.8), (25, 5.0), (60, 3.5)],
)
def test_follows_a_walker_and_a_cyclist_at_any_rate(fps, speed):
    tracker, seen = Tracker(fps), 0
    ids: dict[int, list[int]] = {}
    for pts, found, who in walkers(6, speed, fps, seconds=6):
        tracked = tracker.update(found, pts)
        for lane, track_id in zip(who, tracked.track_ids.tolist(), strict=True):
            seen += 1
            if track_id != UNTRACKED:
                ids.setdefault(lane, []).append(track_id)
    assert len(ids) == 6
    assert all(len(set(track)) == 1 for track in ids.values())
    assert len({track[0] for track in ids.values()}) == 6
    assert sum(len(track) for track in ids.values()) >= seen - 6 * 2 * CONFIRMED_AFTER


def test_gives_back_the_same_objects_in_the_same_order():
    tracker = Tracker(10)
    for pts, found, _ in walkers(5, 1.0, 10, seconds=2):
        tracked = tracker.update(found, pts)
        assert tracked.boxes is found.boxes
        assert tracked.confidences is found.confidences
        assert tracked.class_ids is found.class_ids
        assert tracked.names is found.names
        assert tracked.track_ids.dtype == np.int64


def still(tracker, start, frames, fps=10.0, confidence=0.8):
    """Track ids of one object that stands still."""
    seen = [
        tracker.update(objects((0.5, 0.5, WIDTH, HEIGHT, confidence, 0)), start + index / fps)
        for index in range(frames)
    ]
    return [int(tracked.track_ids[0]) for tracked in seen]


def test_an_object_is_untracked_until_it_was_seen_in_two_frames():
    assert still(Tracker(10), 0.0, 4) == [UNTRACKED, 0, 0, 0]


@pytest.mark.parametrize(("gap", "same"), [(LOST_S - 0.3, True), (LOST_S + 0.3, False)])
@pytest.mark.parametrize("fps", [2, 10, 30])
def test_a_lost_track_is_kept_for_its_time(gap, same, fps):
    tracker = Tracker(fps)
    before = still(tracker, 0.0, 10, fps)[-1]
    left = 9 / fps
    pts = left
    while (pts := pts + 1 / fps) < left + gap:
        tracker.update(objects(), pts)
    after = still(tracker, left + gap, 3, fps)[-1]
    assert (after == before) is same


def test_an_unsure_detection_continues_a_track_and_begins_none():
    tracker = Tracker(10)
    assert still(tracker, 0.0, 3)[-1] == 0
    assert still(tracker, 0.3, 3, confidence=0.2)[-1] == 0
    assert still(Tracker(10), 0.0, 5, confidence=0.2) == [UNTRACKED] * 5


def test_a_time_that_does_not_grow_matches_nothing():
    tracker = Tracker(10)
    still(tracker, 1.0, 3)
    assert still(tracker, 0.5, 3) == [UNTRACKED] * 3
    assert still(tracker, 1.3, 1) == [0]


def test_times_before_zero_are_times():
    assert still(Tracker(10), -5.0, 3)[-1] == 0


def test_reset_forgets_tracks_but_gives_no_id_twice():
    tracker = Tracker(10)
    assert still(tracker, 50.0, 3)[-1] == 0
    tracker.reset()
    assert still(tracker, 0.0, 3) == [UNTRACKED, 1, 1]


def test_holds_only_the_tracks_that_may_still_be_matched():
    tracker, rng = Tracker(10), np.random.default_rng(0)
    for index in range(600):
        x, y = rng.uniform(0, 0.9, 2)
        tracker.update(objects((x, y, WIDTH, HEIGHT, 0.9, 0)), index / 10)
    assert len(tracker._bytetrack.tracks) <= LOST_S * 10 + 2


BOX = (0.4, 0.4, 0.2, 0.2)  # its foot point is (0.5, 0.6)
FOOT = [(0.45, 0.55), (0.55, 0.55), (0.55, 0.65), (0.45, 0.65)]
HEAD = [(0.45, 0.35), (0.55, 0.35), (0.55, 0.45), (0.45, 0.45)]


def zone(polygon, mode, name="zone"):
    return Zone(name=name, polygon=polygon, mode=mode)


@pytest.mark.parametrize(
    ("zones", "kept"),
    [
        pytest.param([], True, id="no zones"),
        pytest.param([zone(FOOT, "ignore")], False, id="foot in an ignored zone"),
        pytest.param([zone(HEAD, "ignore")], True, id="only the head in an ignored zone"),
        pytest.param([zone(FOOT, "watch")], True, id="foot in a watched zone"),
        pytest.param([zone(HEAD, "watch")], False, id="only the head in a watched zone"),
        pytest.param([zone(HEAD, "watch"), zone(FOOT, "watch", "b")], True, id="in one of two watched zones"),
        pytest.param([zone(FOOT, "watch"), zone(FOOT, "ignore", "b")], False, id="ignore beats watch"),
        pytest.param([zone([(0, 0.6), (1, 0.6), (1, 1), (0, 1)], "watch")], True, id="foot on the border"),
    ],
)
def test_zones(zones, kept):
    assert len(ObjectFilter(Detection(), zones)(objects((*BOX, 0.9, 0)))) == kept


def test_an_object_cut_by_the_lower_edge_is_in_a_zone_that_reaches_it():
    ground = zone([(0, 0.5), (1, 0.5), (1, 1), (0, 1)], "watch")
    assert len(ObjectFilter(Detection(), [ground])(objects((0.4, 0.8, 0.2, 0.2, 0.9, 0)))) == 1


@pytest.mark.parametrize(
    ("detection", "kept"),
    [
        (Detection(), [0, 1, 2, 3]),
        (Detection(classes=["person"]), [0, 1]),
        (Detection(classes=["car", "bicycle"]), [2, 3]),
        (Detection(classes=[]), []),
        (Detection(confidence=0.5), [0, 2]),
        (Detection(min_height=0.15), [0, 3]),
        (Detection(min_height=0.2, classes=["person"]), [0]),
    ],
)
def test_classes_confidence_and_size(detection, kept):
    rows = [
        (0.1, 0.1, 0.1, 0.2, 0.9, 0),
        (0.3, 0.1, 0.1, 0.1, 0.4, 0),
        (0.5, 0.1, 0.1, 0.1, 0.6, 1),
        (0.7, 0.1, 0.1, 0.19, 0.3, 2),
    ]
    found = objects(*rows)
    np.testing.assert_array_equal(ObjectFilter(detection, [])(found).boxes, found.boxes[kept])


def test_filters_an_empty_frame():
    everything = ObjectFilter(Detection(classes=["person"], confidence=0.5), [zone(FOOT, "watch")])
    assert len(everything(objects())) == 0


def test_the_mask_is_what_does_not_count():
    assert ObjectFilter(Detection(), []).ignored_mask(10, 10) is None
    left, top = [(0, 0), (0.5, 0), (0.5, 1), (0, 1)], [(0, 0), (1, 0), (1, 0.5), (0, 0.5)]
    mask = ObjectFilter(Detection(), [zone(left, "watch"), zone(top, "ignore", "b")]).ignored_mask(101, 201)
    assert mask is not None
    assert mask.shape == (101, 201)
    assert not mask[80, 40]  # watched
    assert mask[20, 40]  # watched, but ignored
    assert mask[80, 160]  # not watched
    only_ignored = ObjectFilter(Detection(), [zone(top, "ignore")])
    mask = only_ignored.ignored_mask(101, 201)
    assert mask is not None
    assert mask[20, 160]
    assert not mask[80, 160]
    assert only_ignored.ignored_mask(101, 201) is mask
    assert only_ignored.ignored_mask(51, 101).shape == (51, 101)


@pytest.mark.parametrize(
    ("classes", "names", "said"),
    [
        (["persn"], NAMES, "person"),
        (["person", "dog"], ("motion",), "motion"),
    ],
)
def test_an_unknown_class_is_refused_with_the_names_there_are(classes, names, said):
    with pytest.raises(InvalidInput, match=said) as caught:
        check_classes(Detection(classes=classes), names)
    assert caught.value.code == "unknown_class"
    assert caught.value.context["classes"] == sorted(names)


def test_known_classes_pass():
    check_classes(Detection(classes=["car", "person"]), NAMES)
    check_classes(Detection(), ())


def test_exactly_one_package_provides_cv2_and_it_is_the_headless_one():
    assert packages_distributions()["cv2"] == ["opencv-python-headless"]


def test_tracking_loads_no_screen_library_no_torch_and_no_plotting():
    script = (
        "import sys, service.pipeline.track\n"
        "maps = open('/proc/self/maps').read()\n"
        "print([name for name in ('libGL.', 'libX11', 'libQt') if name in maps])\n"
        "print([name for name in ('torch', 'matplotlib', 'pandas', 'sklearn') if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env={})
    assert done.stdout.split("\n")[:2] == ["[]", "[]"]


def test_a_person_and_a_thing_are_never_one_track() -> None:
    tracker = Tracker(10)
    person, chair = NAMES.index("person"), NAMES.index("car")
    box = (0.5, 0.5, WIDTH, HEIGHT, 0.8)
    for pts in (0.0, 0.1, 0.2):
        seen = tracker.update(objects((*box, person)), pts)
    assert seen.track_ids.tolist() == [0]
    assert tracker.update(objects((*box, chair)), 0.3).track_ids.tolist() == [UNTRACKED]
    assert tracker.update(objects((*box, person)), 0.4).track_ids.tolist() == [0]


def test_a_thing_may_change_its_class() -> None:
    tracker = Tracker(10)
    for pts, name in enumerate(("bicycle", "car", "bicycle")):
        seen = tracker.update(objects((0.5, 0.5, WIDTH, HEIGHT, 0.8, NAMES.index(name))), pts / 10)
    assert seen.track_ids.tolist() == [0]
