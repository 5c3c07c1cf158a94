"""The head on made-up embeddings: what is learned, what stands out, and what says nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest

from models.heads.svad.head import SvadHead
from models.inputs import ObjectEmbedding
from models.observation import UNTRACKED, Motion, Objects, Observation
from models.scoring.calibration import Calibration

ACTIONS = ("walking", "cycling", "fighting", "sitting")
DIM = 16
PROMPTS = np.eye(len(ACTIONS), DIM, dtype=np.float32)

CLIPS = ObjectEmbedding("words")


def head(**parameters: object) -> SvadHead:
    return SvadHead({"clusters": 3, **parameters}, "words", PROMPTS, ACTIONS)


def clip(action: str, generator: np.random.Generator, noise: float = 0.1) -> np.ndarray:
    feature = 0.2 + PROMPTS[ACTIONS.index(action)] + generator.normal(0, noise, DIM)
    return (feature / np.linalg.norm(feature)).astype(np.float32)


def frame(*clips: np.ndarray | None, disturbed: bool = False) -> Observation:
    count = len(clips)
    objects = Objects(
        np.tile(np.array([0.1, 0.1, 0.1, 0.2], np.float32), (count, 1)),
        np.ones(count, np.float32),
        np.zeros(count, np.int32),
        np.full(count, UNTRACKED, np.int64),
        ("person",),
    )
    embeddings = np.full((count, DIM), np.nan, np.float32)
    for row, feature in zip(embeddings, clips, strict=True):
        if feature is not None:
            row[:] = feature
    motion = Motion(np.zeros((4, 4, 2), np.float32), np.zeros((4, 4), np.uint8), 0.1, disturbed)
    return Observation(0.0, np.zeros((8, 8, 3), np.uint8), motion, objects, inputs={CLIPS: embeddings})


def normal_frames(count: int, seed: int = 0) -> list[Observation]:
    """Walkers and people who sit; every fifth frame is empty."""
    generator = np.random.default_rng(seed)
    names = generator.choice(["walking", "walking", "sitting"], (count, 2))
    return [
        frame(*(clip(name, generator) for name in pair)) if index % 5 else frame() for index, pair in enumerate(names)
    ]


def enrol(frames: list[Observation], **parameters: object):
    svad = head(**parameters)
    return svad, svad.fit(svad.features(frames), [0] * len(frames))


def judge(svad: SvadHead, fitted, observation: Observation):
    return svad.score(svad.features([observation])[0], fitted.arrays)


@pytest.fixture(scope="module")
def enrolled():
    return enrol(normal_frames(300))


def test_what_is_not_done_there_stands_out_and_what_is_does_not(enrolled) -> None:
    svad, fitted = enrolled
    generator = np.random.default_rng(5)
    calibration = Calibration.fit(fitted.raw, fitted.recordings)
    for action in ("cycling", "fighting"):
        scores = judge(svad, fitted, frame(clip("walking", generator), clip(action, generator)))
        assert scores.objects.argmax() == 1
        assert scores.frame == pytest.approx(scores.objects[1])
        assert calibration.surprise(scores.frame) > 4
        assert scores.terms["action"][1] > 2
    assert scores.terms.keys() == svad.terms.keys()
    calm = [calibration.surprise(judge(svad, fitted, each).frame) for each in normal_frames(100, seed=9)]
    assert np.mean(np.array(calm) > 2) <= 0.05


def test_without_a_concentration_scores_are_cosine_distances_to_the_nearest_centre() -> None:
    svad, fitted = enrol(normal_frames(300), concentration=None)
    feature = clip("cycling", np.random.default_rng(1))
    scores = judge(svad, fitted, frame(feature))
    response = PROMPTS @ feature.astype(np.float16).astype(np.float32)
    centres = fitted.arrays["centres"]
    expected = 1 - (centres @ response).max() / np.linalg.norm(response)
    assert scores.objects[0] == pytest.approx(expected, abs=1e-5)


def test_it_says_what_an_object_resembles(enrolled) -> None:
    svad, fitted = enrolled
    likeness = judge(svad, fitted, frame(clip("cycling", np.random.default_rng(1)), None)).likeness
    assert likeness is not None
    assert likeness.phrases[likeness.actions[0, 0]] == "cycling"
    assert (np.diff(likeness.similarities[0]) <= 0).all()
    assert likeness.phrases[likeness.modes[0]] in ("walking", "sitting")
    assert (likeness.actions[1] == -1).all()
    assert likeness.modes[1] == -1
    assert np.isnan(likeness.distances[1])


def test_the_modes_have_names_and_shares(enrolled) -> None:
    svad, fitted = enrolled
    summary = svad.summary(fitted.arrays)
    names = [str(value) for name, value in summary.items() if name.startswith("mode_")]
    assert names[0].startswith("walking, ")
    assert any(name.startswith("sitting, ") for name in names)
    assert fitted.arrays["shares"].sum() == pytest.approx(1)
    assert summary["frames"] == 300


def test_objects_without_a_clip_say_nothing_and_empty_frames_are_calm(enrolled) -> None:
    svad, fitted = enrolled
    unseen = judge(svad, fitted, frame(None, None))
    empty = judge(svad, fitted, frame())
    assert np.isnan(unseen.objects).all()
    assert unseen.frame == empty.frame == pytest.approx(np.nanmedian(fitted.raw), abs=1e-6)
    assert empty.informative
    assert not judge(svad, fitted, frame(disturbed=True)).informative
    assert np.isfinite(fitted.raw).all()


def test_an_odd_episode_in_enrolment_is_not_learned() -> None:
    generator = np.random.default_rng(2)
    frames = normal_frames(400)
    frames[200:208] = [frame(clip("fighting", generator)) for _ in range(8)]
    svad, fitted = enrol(frames)
    assert np.flatnonzero(np.isnan(fitted.raw)).tolist() == list(range(200, 208))
    assert svad.summary(fitted.arrays)["odd_frames_left_out"] == 8
    calibration = Calibration.fit(fitted.raw, fitted.recordings)
    assert calibration.surprise(judge(svad, fitted, frame(clip("fighting", generator))).frame) > 4


def test_people_in_one_stretch_of_time_alone_are_enough() -> None:
    """Folds are of frames in which somebody was, or none could be held out from the others."""
    generator = np.random.default_rng(2)
    frames = [frame(clip("walking", generator)) for _ in range(30)] + [frame()] * 400
    _, fitted = enrol(frames)
    assert np.isfinite(fitted.raw).all()


def test_learning_is_deterministic() -> None:
    one, two = (enrol(normal_frames(120))[1] for _ in range(2))
    assert all(np.array_equal(one.arrays[name], two.arrays[name]) for name in one.arrays)


def test_too_little_footage_is_refused() -> None:
    frames = [frame()] * 100 + normal_frames(24)
    with pytest.raises(ValueError, match="at least 20 normal frames with a tracked object, got 19"):
        enrol(frames)


def test_a_stream_without_an_encoder_is_refused() -> None:
    observation = frame()
    with pytest.raises(ValueError, match=r"expected ObjectEmbedding\(.*words.*\) among .*, got nothing"):
        head().features([Observation(0.0, observation.image, observation.motion, observation.objects)])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"centres": np.zeros((3, 7), np.float32)},
            r"expected centres to be numbers of shape \(3, 4\), got .* \[3, 7\]",
        ),
        ({"shares": np.zeros(2)}, r"expected centres to be numbers of shape \(2, 4\), got .* \[3, 4\]"),
        ({"neutral": None}, "expected the arrays neutral, found none"),
    ],
)
def test_a_profile_that_does_not_fit_is_refused(enrolled, change, message: str) -> None:
    svad, fitted = enrolled
    svad.check(fitted.arrays)
    with pytest.raises(ValueError, match=message):
        svad.check({name: values for name, values in {**fitted.arrays, **change}.items() if values is not None})


@pytest.mark.parametrize(
    ("parameters", "prompts", "message"),
    [
        ({"modes": 3}, PROMPTS, r"expected parameters of \['clusters', 'concentration'\], got \['modes'\]"),
        ({"concentration": 0}, PROMPTS, "greater than 0, or null, got 0"),
        ({"concentration": True}, PROMPTS, "greater than 0, or null, got True"),
        ({"concentration": math.inf}, PROMPTS, "greater than 0, or null, got inf"),
        ({"clusters": 0}, PROMPTS, "whole number from 1 to 256, got 0"),
        ({"clusters": True}, PROMPTS, "whole number from 1 to 256, got True"),
        ({}, PROMPTS[:3], r"shape \(4, any\), got float32 \[3, 16\]"),
        ({}, 2 * PROMPTS, "expected prompts of unit length"),
    ],
)
def test_what_a_pack_cannot_hold_is_refused(parameters, prompts, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SvadHead(parameters, "words", prompts, ACTIONS)


def test_what_a_person_said_is_normal_is_learned_although_it_is_odd() -> None:
    generator = np.random.default_rng(4)
    frames = normal_frames(300)
    frames[150:154] = [frame(clip("fighting", generator)) for _ in range(4)]
    svad = head()
    features = svad.features(frames)
    fight = np.zeros(300, bool)
    fight[150:154] = True
    alone = svad.fit(features, [0] * 300)
    kept = svad.fit(features, [0] * 300, normal=fight)
    assert np.isnan(alone.raw[fight]).all()
    assert not np.isnan(kept.raw).any()
    again = frame(clip("fighting", np.random.default_rng(5)))
    surprises = [
        Calibration.fit(fitted.raw, fitted.recordings).surprise(judge(svad, fitted, again).frame)
        for fitted in (alone, kept)
    ]
    assert surprises[0] > surprises[1] + 1, surprises
