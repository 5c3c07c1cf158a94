from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from models.inputs import FrameWindow
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
