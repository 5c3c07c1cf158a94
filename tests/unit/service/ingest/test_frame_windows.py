from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from models.arrays import Image
from models.inputs import FrameWindow, Window
from service.ingest.frame_windows import MAX_STEP_S, WindowBuffer, WindowBuffers

SIZE = (32, 48)


def wanted(length: int = 4, interval: float = 0.1, flow: bool = False, stride: int = 1) -> FrameWindow:
    return FrameWindow(SIZE, length, interval, flow, stride)


def shade(value: int) -> Callable[[], Image]:
    """A picture of one brightness, larger than the window."""
    return lambda: np.full((60, 80, 3), value, np.uint8)


def moved(shift: int) -> Callable[[], Image]:
    """A pattern of the window's own size, moved to the right by so many pixels."""
    noise = np.random.default_rng(5).integers(0, 255, (SIZE[0], SIZE[1] + 64), dtype=np.uint8)
    pattern = cv2.GaussianBlur(noise, (0, 0), 2)[:, 32 - shift : 32 - shift + SIZE[1]]
    return lambda: np.repeat(pattern[..., None], 3, axis=2)


def feed(buffer: WindowBuffer, times: list[float]) -> Window | None:
    """Frames whose brightness is their number."""
    for number, pts in enumerate(times):
        buffer.see(shade(number), pts)
    return buffer.window()


def test_a_window_is_there_once_it_is_complete_and_then_moves_on() -> None:
    buffer = WindowBuffer(wanted(length=3))
    indices = []
    for number in range(5):
        buffer.see(shade(number), number / 10)
        window = buffer.window()
        indices.append(None if window is None else window.index)
    assert indices == [None, None, 2, 3, 4]
    assert window is not None
    assert window.frames.shape == (3, *SIZE, 3)
    assert window.frames[:, 0, 0, 0].tolist() == [2, 3, 4]
    assert window.times.tolist() == [0.2, 0.3, 0.4]
    assert window.span == (0.2, 0.4)
    assert window.flow is None


def test_a_window_that_was_handed_out_does_not_change() -> None:
    buffer = WindowBuffer(wanted(length=2))
    first = feed(buffer, [0.0, 0.1])
    assert first is buffer.window()  # nothing came: it is not made again
    buffer.see(shade(9), 0.2)
    assert first is not None
    assert first.frames[:, 0, 0, 0].tolist() == [0, 1]


def test_a_window_is_made_once_a_stride_and_stays_between() -> None:
    buffer = WindowBuffer(wanted(length=4, stride=3))
    windows = []
    for number in range(11):
        buffer.see(shade(number), number / 10)
        windows.append(buffer.window())
    assert [None if window is None else window.index for window in windows] == [None] * 3 + [3] * 3 + [6] * 3 + [9] * 2
    assert len({id(window) for window in windows if window is not None}) == 3


def test_a_window_that_nobody_asked_for_in_time_is_of_the_newest_frames() -> None:
    buffer = WindowBuffer(wanted(length=4, stride=2))
    assert feed(buffer, [number / 10 for number in range(4)]) is not None
    for number in range(4, 9):
        buffer.see(shade(number), number / 10)
    window = buffer.window()
    assert window is not None
    assert window.frames[:, 0, 0, 0].tolist() == [5, 6, 7, 8]


@pytest.mark.parametrize(("fps", "every"), [(10, 1), (25, 3), (30, 3), (50, 5), (5, 1)])
def test_frames_are_as_far_apart_as_is_wanted_or_as_the_source_gives(fps: float, every: int) -> None:
    window = feed(WindowBuffer(wanted(length=8)), [number / fps for number in range(60)])
    assert window is not None
    steps = np.diff(window.times)
    assert steps.mean() == pytest.approx(max(0.1, 1 / fps), rel=0.06)
    assert np.abs(steps * fps - every).max() <= 1 + 1e-9


def test_pictures_that_are_not_due_are_not_even_made() -> None:
    made: list[int] = []

    def picture(number: int) -> Image:
        made.append(number)
        return shade(number)()

    buffer = WindowBuffer(wanted())
    for number in range(20):
        buffer.see(lambda number=number: picture(number), number / 50)  # type: ignore[misc]
    assert made == [0, 5, 10, 15]


def test_flow_is_from_each_frame_to_the_next() -> None:
    buffer = WindowBuffer(wanted(length=3, flow=True))
    shifts = [0, 0, 2, -1]  # so that of the last three the first step is 2 to the right, the second 3 to the left
    for number, shift in enumerate(shifts):
        buffer.see(moved(shift), number / 10)
    window = buffer.window()
    assert window is not None
    assert window.flow is not None
    assert window.flow.shape == (2, *SIZE, 2)
    assert window.flow.dtype == np.float32
    right = np.median(window.flow[..., 0], axis=(1, 2))
    assert right.tolist() == pytest.approx([2.0, -3.0], abs=0.5)
    assert np.median(window.flow[..., 1]) == pytest.approx(0.0, abs=0.3)


@pytest.mark.parametrize(("interval", "gap"), [(0.1, MAX_STEP_S + 0.05), (2.0, 4.1)])
def test_a_window_has_no_gap_among_its_frames(interval: float, gap: float) -> None:
    buffer = WindowBuffer(wanted(length=3, interval=interval, flow=True))
    before = [number * interval for number in range(3)]
    assert feed(buffer, before) is not None
    after = [before[-1] + gap + number * interval for number in range(3)]
    windows = []
    for number, pts in enumerate(after):
        buffer.see(shade(100 + number), pts)
        windows.append(buffer.window())
    assert windows[:2] == [None, None]
    last = windows[2]
    assert last is not None
    assert last.times.tolist() == after
    assert last.flow is not None
    assert np.abs(last.flow).max() < 0.5  # none of it from before the gap
    assert last.index == 5  # the count goes on


def test_a_slow_source_is_no_gap() -> None:
    window = feed(WindowBuffer(wanted(length=3)), [0.0, 0.9, 1.8])
    assert window is not None


def test_equal_declarations_share_a_buffer_and_each_other_one_has_its_own() -> None:
    pair, four = wanted(length=2), wanted(length=4)
    buffers = WindowBuffers([pair, four, wanted(length=2)])
    for number in range(3):
        buffers.see(shade(number), number / 10)
    windows = buffers.windows()
    assert list(windows) == [pair, four]
    assert windows[pair] is not None
    assert windows[four] is None
    buffers.reset()
    assert buffers.windows() == {pair: None, four: None}
    buffers.see(shade(0), 5.0)
    buffers.see(shade(1), 5.1)
    again = buffers.windows()[pair]
    assert again is not None
    assert again.index == 1  # a new epoch counts from 0
