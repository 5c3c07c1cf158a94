"""What is kept of a clip: finite scores whatever the pipeline said, no more boxes than are needed, and a file of it."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from models.observation import Objects
from models.scoring.calibration import Calibration
from service.frames import Frame, PreparedFrame
from service.ingest.damage import Damage
from service.pipeline.scored import ScoredFrame, ScoredObjects
from service.profiles.profile import Profile
from training.datasets import LabelledClip, Truth
from training.datasets.base import Regions
from training.evaluation.paths import result_path
from training.evaluation.scored_clip import ScoredClip, SeenFrames, spread, truth_at

FPS = 5.0
IMAGE = np.zeros((2, 2, 3), np.uint8)
BOXES = np.array([[0.1, 0.1, 0.2, 0.2], [0.5, 0.5, 0.1, 0.1]], np.float32)
OBJECTS = Objects(BOXES, np.ones(2, np.float32), np.zeros(2, np.int32), np.array([1, 2]), ("object",))
CLIP = LabelledClip("gate/1", Path("gate/1.mp4"), FPS)


@pytest.fixture(scope="module")
def profile() -> Profile:
    random = np.random.default_rng(0)
    fused = Calibration.fit(random.exponential(0.4, 2000), np.zeros(2000, int))
    return Profile({}, fused, "none", datetime.now(UTC), "test", 2000, 400.0, None)


def frame(index: int, surprise: float | None, unsmoothed: float | None, calm: float = 0.3) -> ScoredFrame:
    seconds = index / FPS
    source = PreparedFrame("gate", 0, Frame(index, seconds, seconds, seconds, IMAGE), None)
    objects = replace(ScoredObjects.unscored(OBJECTS, None), surprise=np.array([1.0 + index, np.nan]))
    heads = {} if surprise is None else {"attributes": calm}
    return ScoredFrame(source, objects, surprise=surprise, unsmoothed=unsmoothed, threshold=4.0, heads=heads)


def scored(frames: list[ScoredFrame], profile: Profile, *, boxes: bool = False) -> ScoredClip:
    seen = SeenFrames(boxes=boxes)
    for each in frames:
        seen.add(each)
    regions = tuple(Regions.none() for _ in frames) if boxes else None
    truth = Truth.of(np.arange(len(frames)) % 7 == 3, regions)
    return seen.finish(CLIP, truth, seen.index, profile, 4.0)


def test_lights_off_for_longer_than_the_gaussian_reaches(profile):
    """Disturbed frames say nothing: live the score stays, and over the whole clip they are as calm as live."""
    said = [frame(index, 2.0, 1.5) for index in range(20)]
    dark = [frame(index, 2.0, None) for index in range(20, 80)]
    clip = scored([*said, *dark, *(frame(index, 2.0, 1.5) for index in range(80, 100))], profile)
    assert np.isfinite(clip.offline).all()
    assert clip.unscored == 0
    lit, middle = clip.offline[5], clip.offline[40:60]
    np.testing.assert_allclose(middle, profile.fused.surprise(0.3))
    assert (middle < lit).all()


@pytest.mark.parametrize("nothing", [None, np.nan, np.inf])
def test_a_score_that_is_no_number_counts_as_none(profile, nothing):
    clip = scored(
        [frame(index, 2.0, 1.5) if index < 20 else frame(index, nothing, nothing, calm=np.nan) for index in range(80)],
        profile,
    )
    assert clip.unscored == 60
    assert np.isfinite(clip.surprise).all()
    assert np.isfinite(clip.offline).all()
    np.testing.assert_array_equal(clip.surprise[20:], 0.0)
    # beyond the Gaussian of half a second, at 5 frames a second ten frames: as calm as what was never scored
    np.testing.assert_allclose(clip.offline[31:], profile.fused.surprise(0.0))


def test_an_alert_is_not_opened_by_what_is_no_number(profile):
    clip = scored([frame(index, np.inf if index > 10 else 1.0, 1.0) for index in range(60)], profile)
    assert clip.alerts == ()
    loud = scored([frame(index, 5.0 if index > 10 else 1.0, 1.0) for index in range(60)], profile)
    assert [opened for opened, _ in loud.alerts] == [13]


def test_boxes_are_kept_where_there_is_a_truth_for_them(profile):
    frames = [frame(index, 2.0, 1.5) for index in range(30)]
    assert scored(frames, profile).detections is None
    found = scored(frames, profile, boxes=True).detections
    boxes, scores = found.of(7)
    np.testing.assert_array_equal(boxes, BOXES[:1])  # nothing is said of the second object
    assert scores.tolist() == [8.0]
    assert len(found.boxes) == 30


def test_ten_hours_take_megabytes(profile):
    """180,000 frames at 5 a second. The frames themselves are one, as a pipeline's are gone when the next one comes."""
    seen = SeenFrames(boxes=False)
    tracemalloc.start()
    one = frame(0, 1.0, 1.0)
    for _ in range(20_000):
        seen.add(one)
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert taken * 9 < 20e6


def test_a_file_gives_the_clip_again(profile, tmp_path):
    frames = [frame(index, 5.0 if index > 40 else 1.0, 1.0) for index in range(80)]
    for boxes in (False, True):
        damage = Damage(kept=79, lost=1, stretches=[(1.0, 2.0)])
        before = replace(scored(frames, profile, boxes=boxes), wall_s=2.5, damage=damage)
        path = before.save(tmp_path)
        assert path == result_path(tmp_path, "gate/1", ".npz")
        regions = tuple(Regions.none() for _ in frames) if boxes else None
        truth = Truth.of(np.arange(len(frames)) % 7 == 3, regions)
        after = ScoredClip.load(tmp_path, CLIP, truth)
        assert (after.threshold, after.alerts, after.unscored, after.wall_s) == (4.0, before.alerts, 0, 2.5)
        assert after.alerts
        assert after.damage == damage
        assert after.truth.events == before.truth.events
        for name in ("index", "pts", "surprise", "offline"):
            np.testing.assert_array_equal(getattr(after, name), getattr(before, name))
        assert (after.detections is None) == (not boxes)
        if boxes:
            np.testing.assert_array_equal(after.detections.of(3)[0], before.detections.of(3)[0])


def test_what_cannot_be_read_is_not_there(profile, tmp_path):
    truth = Truth.of(np.arange(40) % 7 == 3)
    assert ScoredClip.load(tmp_path, CLIP, truth) is None
    path = scored([frame(index, 1.0, 1.0) for index in range(40)], profile).save(tmp_path)
    assert ScoredClip.load(tmp_path, CLIP, truth) is not None
    # labels that were corrected since, or fewer frames, or regions that came to be known
    assert ScoredClip.load(tmp_path, CLIP, Truth.of(np.arange(40) % 5 == 3)) is None
    assert ScoredClip.load(tmp_path, CLIP, Truth.of(np.arange(30) % 7 == 3)) is None
    assert ScoredClip.load(tmp_path, CLIP, replace(truth, regions=tuple(Regions.none() for _ in range(40)))) is None
    for damaged in (path.read_bytes()[:-200], b"", b"PK nothing"):
        path.write_bytes(damaged)
        assert ScoredClip.load(tmp_path, CLIP, truth) is None


def test_a_score_is_laid_over_the_frames_that_it_speaks_of():
    nothing, pts = np.nan, np.arange(6) / 10
    raw = [nothing, nothing, 3.0, nothing, 1.0, 5.0]
    covers = [None, None, (0.0, 0.2), None, (0.2, 0.4), None]
    np.testing.assert_allclose(spread(raw, pts, covers), [3.0, 3.0, 2.0, 1.0, 1.0, 5.0])
    np.testing.assert_array_equal(spread(raw, pts, [None] * 6), raw)


def test_the_truth_of_some_frames_has_its_events_among_them():
    truth = Truth(np.array([0, 0, 1, 1, 1, 0, 0, 0], np.uint8), ((2, 5),))
    part = truth_at(truth, np.array([0, 2, 4, 6]))
    assert (part.labels.tolist(), part.events) == ([0, 1, 1, 0], ((1, 3),))
