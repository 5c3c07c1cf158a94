"""The head on synthetic frames: what is learned, what stands out, and what must not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from models.heads.attributes.head import AttributesHead
from models.heads.attributes.terms import BOX_TERMS, CHANGE_TERMS, LIGHT, OBJECT_TERMS, WINDOW_TERMS
from models.inputs import Keypoints
from models.observation import UNTRACKED, Changes, Motion, Objects, Observation
from models.scoring.calibration import Calibration
from support.poses import stick

HEIGHT, WIDTH, INTERVAL = 120, 180, 0.1


def observation(walkers, pts: float = 0.0, *, detected: bool = True, **motion) -> Observation:
    """Walkers are (x, foot, height, velocity x, velocity y): fractions, and picture heights a second."""
    flow = np.zeros((HEIGHT, WIDTH, 2), np.float32)
    foreground = np.zeros((HEIGHT, WIDTH), np.uint8)
    image = np.full((HEIGHT, WIDTH, 3), 100, np.uint8)
    boxes = []
    for x, foot, height, across, down in walkers:
        width = height * 0.4 * HEIGHT / WIDTH
        box = (x - width / 2, foot - height, width, height)
        rows = slice(max(0, round(box[1] * HEIGHT)), round(foot * HEIGHT))
        columns = slice(max(0, round(box[0] * WIDTH)), round((x + width / 2) * WIDTH))
        flow[rows, columns] = np.array([across, down]) * HEIGHT * INTERVAL
        foreground[rows, columns] = 1
        image[rows, columns] = 30
        boxes.append(box)
    count = len(boxes) if detected else 0
    objects = Objects(
        np.array(boxes[:count], np.float32).reshape(-1, 4),
        np.full(count, 0.9, np.float32),
        np.zeros(count, np.int32),
        np.full(count, UNTRACKED, np.int64),
        ("person",),
    )
    return Observation(pts, image, Motion(flow, foreground, INTERVAL, **motion), objects)


def walker(generator, *, faster: float = 1.0, larger: float = 1.0, x=None, foot=None):
    """Someone who walks left or right; near ones are larger and faster."""
    foot = generator.uniform(0.45, 0.95) if foot is None else foot
    x = generator.uniform(0.1, 0.6) if x is None else x
    speed = 0.3 * foot * generator.normal(1, 0.1) * faster
    return x, foot, 0.35 * foot * generator.normal(1, 0.05) * larger, speed * generator.choice([-1, 1]), 0.0


def normal_frames(count: int, seed: int = 0, *, detected: bool = True):
    generator = np.random.default_rng(seed)
    return [
        observation([walker(generator) for _ in range(generator.integers(0, 4))], index * 0.1, detected=detected)
        for index in range(count)
    ]


def enrol(frames, parameters=None):
    head = AttributesHead(parameters or {})
    fitted = head.fit(head.features(frames), [0] * len(frames))
    return head, fitted


def judge(head, fitted, frame):
    return head.score(head.features([frame])[0], fitted.arrays)


@pytest.fixture(scope="module")
def enrolled():
    return enrol(normal_frames(400))


def surprise(fitted, scores) -> float:
    return Calibration.fit(fitted.raw, fitted.recordings).surprise(scores.frame)


@pytest.mark.parametrize("density", ["kmeans", "gmm", "knn"])
def test_fast_large_and_wrong_ones_stand_out_and_normal_ones_do_not(density):
    head, fitted = enrol(normal_frames(400), {"density": density})
    generator = np.random.default_rng(7)
    fast = observation([walker(generator), walker(generator, faster=3)])
    large = observation([walker(generator), walker(generator, larger=2, x=0.3, foot=0.8)])
    assert surprise(fitted, judge(head, fitted, fast)) > 2
    assert surprise(fitted, judge(head, fitted, large)) > 2
    calm = [surprise(fitted, judge(head, fitted, frame)) for frame in normal_frames(100, seed=8)]
    assert np.mean(np.array(calm) > 2) <= 0.05


def test_the_term_says_why_and_the_object_says_who(enrolled):
    head, fitted = enrolled
    generator = np.random.default_rng(3)
    scores = judge(head, fitted, observation([walker(generator), walker(generator, faster=3)]))
    assert scores.objects.argmax() == 1
    assert max(OBJECT_TERMS, key=lambda term: scores.terms[term][1]) == "speed"
    scores = judge(head, fitted, observation([walker(generator, larger=2.2, x=0.3, foot=0.8), walker(generator)]))
    assert scores.objects.argmax() == 0
    assert max(OBJECT_TERMS, key=lambda term: scores.terms[term][0]) == "size"


def test_up_the_picture_is_an_unusual_direction(enrolled):
    head, fitted = enrolled
    x, foot, height, across, _ = walker(np.random.default_rng(3), x=0.3, foot=0.8)
    along = judge(head, fitted, observation([(x, foot, height, across, 0.0)]))
    up = judge(head, fitted, observation([(x, foot, height, 0.0, -abs(across))]))
    assert up.terms["direction"][0] > along.terms["direction"][0] + 0.3
    assert up.frame > along.frame


def test_what_no_detector_sees_stands_out_as_a_region():
    head, fitted = enrol(normal_frames(400, detected=False))
    runner = walker(np.random.default_rng(3), faster=4, x=0.3, foot=0.8)
    scores = judge(head, fitted, observation([runner], detected=False))
    assert surprise(fitted, scores) > 2
    assert len(scores.regions) == 1
    x, y, width, height = scores.regions[0]
    assert x < 0.3 < x + width
    assert y < 0.7 < y + height
    assert scores.region_scores[0] > 1
    assert set(scores.region_terms) == {*WINDOW_TERMS, *CHANGE_TERMS, LIGHT}
    assert scores.terms.keys() | scores.region_terms.keys() == head.terms.keys()
    assert scores.region_terms["motion speed"][0] > 1


def test_light_that_changed_is_as_unusual_as_it_is_rare():
    """One frame in a hundred, as it often was; and rarer than one in four hundred, where it never was."""
    frames = normal_frames(400)
    often = [replace(frame, since_light_s=5.0) if index % 100 == 7 else frame for index, frame in enumerate(frames)]
    last = replace(frames[-1], since_light_s=0.5)
    found = []
    for seen in (frames, often):
        head, fitted = enrol(seen)
        changed = judge(head, fitted, last)
        (at,) = np.flatnonzero(changed.region_terms[LIGHT])
        assert changed.regions[at].tolist() == [0, 0, 1, 1]
        assert changed.frame > judge(head, fitted, replace(last, since_light_s=60.0)).frame
        found.append(changed.region_terms[LIGHT][at])
    assert found == pytest.approx([2.6, 1.9], abs=0.05)


def test_an_unseen_corner_is_not_unusual_for_being_unseen(enrolled):
    """Nobody walked right of 0.7 in enrolment. Someone who does, as others do elsewhere, is no alarm."""
    head, fitted = enrolled
    generator = np.random.default_rng(5)
    inside = [judge(head, fitted, observation([walker(generator, x=0.3)])).frame for _ in range(60)]
    corner = [judge(head, fitted, observation([walker(generator, x=0.9)])).frame for _ in range(60)]
    assert np.median(corner) < np.quantile(inside, 0.9)


def test_an_empty_frame_is_calm(enrolled):
    head, fitted = enrolled
    scores = judge(head, fitted, observation([]))
    assert surprise(fitted, scores) < 1
    assert scores.objects.shape == (0,)
    assert scores.regions.shape == (0, 4)
    assert scores.informative


@pytest.mark.parametrize("blind", ["no motion", "disturbed"])
def test_a_frame_that_says_nothing_is_neutral_and_says_so(enrolled, blind):
    head, fitted = enrolled
    wild = observation([walker(np.random.default_rng(0), faster=9)], disturbed=blind == "disturbed")
    scores = judge(head, fitted, replace(wild, motion=None) if blind == "no motion" else wild)
    assert not scores.informative
    assert scores.frame == pytest.approx(np.nanmedian(fitted.raw))
    assert not scores.objects.any()
    assert len(scores.regions) == 0


def test_an_odd_event_in_enrolment_is_not_learned():
    generator = np.random.default_rng(2)
    frames = normal_frames(500)
    frames[200:210] = [observation([walker(generator, faster=4, x=0.3, foot=0.8)], 20 + i * 0.1) for i in range(10)]
    head, fitted = enrol(frames)
    left_out = np.flatnonzero(np.isnan(fitted.raw))
    assert set(range(200, 210)) <= set(left_out.tolist())
    assert len(left_out) <= 20
    assert head.summary(fitted.arrays)["odd_frames_left_out"] == len(left_out)
    again = judge(head, fitted, observation([walker(generator, faster=4, x=0.3, foot=0.8)]))
    assert surprise(fitted, again) > 2


def test_held_out_scores_are_no_lower_than_those_of_new_frames(enrolled):
    """Calibrated on frames it had learned from, everything new would look unusual."""
    head, fitted = enrolled
    new = [judge(head, fitted, frame).frame for frame in normal_frames(200, seed=11)]
    assert np.quantile(fitted.raw, 0.9) > 0.8 * np.quantile(new, 0.9)


def test_features_are_small_and_scores_finite(enrolled):
    head, fitted = enrolled
    crowd = observation([walker(np.random.default_rng(index), x=0.1 + 0.02 * index) for index in range(40)])
    features = head.features([crowd])[0]
    assert sum(np.asarray(values).nbytes for values in features.values()) < 16_000
    scores = head.score(features, fitted.arrays)
    assert np.isfinite(scores.frame)
    assert np.isfinite(scores.objects).all()


def test_an_object_where_none_was_ever_seen_is_scored_by_its_motion():
    head, fitted = enrol(normal_frames(300, detected=False))
    scores = judge(head, fitted, observation([walker(np.random.default_rng(1), faster=4)]))
    assert scores.objects.shape == (1,)
    assert surprise(fitted, scores) > 2


def test_nothing_ever_moved_in_enrolment():
    """An empty yard at night: whatever moves is scored, and nothing fails."""
    head, fitted = enrol([observation([], index * 0.1) for index in range(100)])
    scores = judge(head, fitted, observation([walker(np.random.default_rng(1))]))
    assert np.isfinite(scores.frame)
    assert surprise(fitted, scores) > 2
    assert surprise(fitted, judge(head, fitted, observation([]))) < 1


def test_a_profile_survives_storage(enrolled, tmp_path):
    head, fitted = enrolled
    np.savez(tmp_path / "profile.npz", **fitted.arrays)
    with np.load(tmp_path / "profile.npz", allow_pickle=False) as file:
        stored = {name: file[name] for name in file.files}
    head.check(stored)
    frame = observation([walker(np.random.default_rng(9), faster=2)])
    assert head.score(head.features([frame])[0], stored).frame == judge(head, fitted, frame).frame


def test_too_little_footage_is_refused():
    with pytest.raises(ValueError, match="at least 20 normal frames with motion, got 19"):
        enrol(normal_frames(19))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"densities": "knn"}, "got \\['densities'\\]"),
        ({"density": "svm"}, "kmeans, gmm, knn, got 'svm'"),
        ({"size_clusters": 0}, "whole number from 1 to 256, got 0"),
        ({"appearance_clusters": 2.5}, "got 2.5"),
        ({"appearance_weight": 2}, "number from 0 to 1, got 2"),
        ({"terms": ["pace"]}, "terms to be some of speed, direction, .*, got \\['pace'\\]"),
        ({"terms": []}, "got \\[\\]"),
    ],
)
def test_wrong_parameters_are_refused(parameters, message):
    with pytest.raises(ValueError, match=message):
        AttributesHead(parameters)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scales": None}, "expected the arrays scales, found none"),
        ({"scales": np.zeros((3, 2))}, r"expected scales to be numbers of shape \(15, 2\), got float64 \[3, 2\]"),
        ({"speed": np.zeros(50)}, r"expected speed to be numbers of shape \(51\)"),
        ({"width": None}, "expected the arrays width, found none"),
        ({"neutral": np.array([np.nan])}, "expected neutral to be finite"),
        ({"neutral": np.array(["low"])}, r"expected neutral to be numbers of shape \(1\), got <U3 \[1\]"),
    ],
)
def test_a_profile_that_does_not_fit_is_refused(enrolled, change, message):
    head, fitted = enrolled
    head.check(fitted.arrays)
    with pytest.raises(ValueError, match=message):
        head.check({name: values for name, values in {**fitted.arrays, **change}.items() if values is not None})


def test_a_picture_of_mere_motion_counts_its_boxes_for_less(enrolled):
    head, fitted = enrolled
    frame = observation([walker(np.random.default_rng(3), faster=3, larger=2.2, x=0.3, foot=0.8)])
    motion, known = (judge(head, fitted, each).terms for each in (replace(frame, recognised=False), frame))
    for term in BOX_TERMS:
        assert motion[term] == pytest.approx(known[term] / 2)


def posed(frame: Observation, *, lie: bool = False) -> Observation:
    """With the skeletons of standing people, or of people who lie, in the boxes of its objects."""
    skeletons = np.stack([stick(box) for box in frame.objects.boxes]) if len(frame.objects) else np.zeros((0, 17, 3))
    if lie:
        middle = skeletons[..., :2].mean(axis=1, keepdims=True)
        skeletons[..., :2] = middle + (skeletons[..., :2] - middle)[..., ::-1] * (HEIGHT / WIDTH, WIDTH / HEIGHT)
    return replace(frame, inputs={Keypoints(): skeletons.astype(np.float32)})


@pytest.fixture(scope="module")
def enrolled_bodies():
    return enrol([posed(frame) for frame in normal_frames(300)])


def test_who_lies_where_all_stood_stands_out_by_the_posture_and_the_alert_can_say_so(enrolled_bodies):
    head, fitted = enrolled_bodies
    frame = observation([walker(np.random.default_rng(3), x=0.3, foot=0.8)])
    standing, lying = judge(head, fitted, posed(frame)), judge(head, fitted, posed(frame, lie=True))
    assert standing.terms["pose"][0] < 2
    assert lying.terms["pose"][0] > 4
    assert lying.frame > standing.frame
    assert head.terms["pose"].say(float(lying.measures["pose"][0])).startswith("lying down")


def test_without_an_estimator_postures_say_nothing(enrolled, enrolled_bodies):
    frame = observation([walker(np.random.default_rng(3), x=0.3, foot=0.8)])
    for head, fitted in (enrolled, enrolled_bodies):
        assert judge(head, fitted, frame).terms["pose"].tolist() == [0]
        assert np.isnan(judge(head, fitted, frame).measures["pose"]).all()


def test_what_was_left_behind_is_a_region_that_says_how_long_ago(enrolled):
    head, fitted = enrolled
    box = np.array([[0.5, 0.5, 0.1, 0.1]], np.float32)
    left = Changes(box, np.array([120.0], np.float32), np.array([False]))
    scores = judge(head, fitted, replace(observation([]), changes=left))
    assert scores.regions.tolist() == box.tolist()
    assert scores.region_terms["left behind"][0] > 3
    assert np.isnan(scores.region_measures["gone"][0])
    assert head.terms["left behind"].say(float(scores.region_measures["left behind"][0])) == "left here 2 minutes ago"
    assert scores.frame > judge(head, fitted, observation([])).frame


def test_who_stays_longer_than_anybody_did_stands_out_but_not_longer_than_could_be_seen():
    frames = [replace(each, still_s=np.full(len(each.objects), 1, np.float32)) for each in normal_frames(300)]
    frames[50] = replace(frames[50], still_s=np.full(len(frames[50].objects), 90, np.float32))
    assert len(frames[50].objects)
    head, fitted = enrol(frames)
    frame = observation([walker(np.random.default_rng(3), x=0.3, foot=0.8)])
    stays = [
        judge(head, fitted, replace(frame, still_s=np.array([s], np.float32))).terms["stillness"][0]
        for s in (1, 90, 9000)
    ]
    assert stays[0] == 0
    assert stays[1] > 1
    assert stays[2] == stays[1]
