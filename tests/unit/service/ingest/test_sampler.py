from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import pytest

from models.inputs import FrameWindow
from models.observation import SceneChange
from service.frames import PreparedFrame
from service.ingest.sampler import Sampler
from service.ingest.timeline import Timeline
from service.metrics import Metrics
from service.settings import Settings

WINDOW = FrameWindow((16, 16), 4, 0.04)


@dataclass(frozen=True)
class Still:
    """A decoded frame of one brightness."""

    shade: int
    pts: float | None
    captured_at: float = 1.7e9
    arrived: float = 0.0
    dated: bool = False
    era: int = 0
    corrupt: bool = False
    key: bool = True
    size: tuple[int, int] = (64, 48)
    layout: tuple[int, int] = (64, 48)

    def luma(self) -> np.ndarray:
        return np.full((48, 64), self.shade, np.uint8)

    def to_bgr(self, max_side: int) -> np.ndarray:
        return np.full((48, 64, 3), self.shade, np.uint8)


@pytest.fixture
def sampler() -> Sampler:
    return Sampler("yard", 5.0, Settings(), Timeline(live=False), windows=[WINDOW])


def run(sampler: Sampler, times: list[float], first: int = 0, late: bool = False) -> list[PreparedFrame]:
    prepared = []
    for number, pts in enumerate(times, first):
        moment = sampler.stamp(pts, pts)
        assert moment is not None
        frame = sampler.prepare(Still(number, pts), moment, 1.7e9, late=late)
        prepared += [] if frame is None else [frame]
    return prepared


def seen(frame: PreparedFrame) -> list[int] | None:
    window = frame.windows[WINDOW]
    return None if window is None else window.frames[:, 0, 0, 0].tolist()


def test_what_was_let_go_undecoded_is_counted_apart_from_what_is_stale() -> None:
    metrics = Metrics()
    sampler = Sampler("yard", 5.0, Settings(), Timeline(live=True), metrics)
    run(sampler, [0.0, 0.2], late=True)
    sampler.drop_late(70)
    counted = {outcome: metrics.frames.labels("yard", outcome)._value.get() for outcome in ("stale", "skipped")}
    assert counted == {"stale": 2, "skipped": 70}


def test_windows_hold_frames_that_are_not_looked_at(sampler: Sampler) -> None:
    frames = run(sampler, [number / 25 for number in range(16)])
    assert [frame.frame.index for frame in frames] == [0, 5, 10, 15]
    assert [seen(frame) for frame in frames] == [None, [2, 3, 4, 5], [7, 8, 9, 10], [12, 13, 14, 15]]


def test_windows_hold_frames_that_come_too_late_to_be_looked_at(sampler: Sampler) -> None:
    run(sampler, [0.0])
    assert run(sampler, [number / 25 for number in range(1, 10)], first=1, late=True) == []
    (frame,) = run(sampler, [10 / 25], first=10)
    assert seen(frame) == [7, 8, 9, 10]


def test_no_window_reaches_over_a_gap(sampler: Sampler) -> None:
    before = run(sampler, [number / 25 for number in range(11)])
    after = run(sampler, [60 + number / 25 for number in range(6)], first=100)
    assert [frame.epoch for frame in (before[-1], *after)] == [0, 1, 1]
    assert [seen(frame) for frame in after] == [None, [102, 103, 104, 105]]
    window = after[-1].windows[WINDOW]
    assert window is not None
    assert window.index == 5


YARD, HALL = (
    cv2.GaussianBlur(np.random.default_rng(seed).integers(0, 255, (48, 64), np.uint8), (5, 5), 0) for seed in (1, 2)
)


@dataclass(frozen=True)
class Scene(Still):
    """A decoded frame of a place."""

    place: int = 0
    shift: int = 0

    def luma(self) -> np.ndarray:
        noise = np.random.default_rng(self.shade).integers(0, 3, (48, 64), np.uint8)
        return np.roll((YARD, HALL)[self.place], self.shift, 1) // 2 + 60 + noise

    def to_bgr(self, max_side: int) -> np.ndarray:
        return np.stack([self.luma() // 2, self.luma(), self.luma()], axis=2)


def frames_of(sampler: Sampler, scenes: list[Scene]) -> list[PreparedFrame]:
    prepared = []
    for scene in scenes:
        moment = sampler.stamp(scene.pts, scene.pts or 0.0)
        assert moment is not None
        frame = sampler.prepare(scene, moment, 1.7e9)
        prepared += [] if frame is None else [frame]
    return prepared


def test_another_picture_begins_an_epoch_with_the_frame_that_says_so() -> None:
    sampler = Sampler("yard", 10.0, Settings(), Timeline(live=False), windows=[FrameWindow((16, 16), 2, 0.1)])
    frames = frames_of(sampler, [Scene(index, index / 10, place=index // 50) for index in range(100)])
    (said,) = [frame for frame in frames if frame.scene_change is not None]
    assert said.scene_change is SceneChange.CUT
    assert 5.0 < said.frame.pts < 6.0
    assert [frame.epoch for frame in frames] == [int(frame.frame.pts >= said.frame.pts) for frame in frames]
    assert all(window is None for window in said.windows.values())
    for frame in frames:
        assert frame.motion is None or not frame.motion.flow.any()  # nothing moved, and no flow crosses the cut


def test_another_light_begins_none() -> None:
    @dataclass(frozen=True)
    class Lit(Scene):
        def luma(self) -> np.ndarray:
            lamp = np.linspace(0.9, 0.3, 64) if (self.pts or 0) >= 5 else 1.0
            return (super().luma() * lamp).astype(np.uint8)

    sampler = Sampler("yard", 10.0, Settings(), Timeline(live=False))
    frames = frames_of(sampler, [Lit(index, index / 10) for index in range(100)])
    assert [frame.scene_change for frame in frames if frame.scene_change is not None] == [SceneChange.LIGHT]
    assert {frame.epoch for frame in frames} == {0}


def test_frames_carry_their_picture_and_hear_of_what_stands() -> None:
    sampler = Sampler("yard", 10.0, Settings(), Timeline(live=False))
    frames = frames_of(sampler, [Scene(index, index / 10) for index in range(4)])
    assert all(frame.grey is not None and frame.grey.shape == (48, 64) for frame in frames)
    assert frames[0].places is not None
    assert frames[0].places is frames[-1].places
