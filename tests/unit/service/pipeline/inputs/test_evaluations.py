from __future__ import annotations

import numpy as np
import pytest

from models.inputs import FrameWindow, Window
from models.observation import Objects
from service.frames import Frame, PreparedFrame
from service.pipeline.inputs.evaluations import WindowProvider
from service.pipeline.inputs.provider import Look

WANTED = FrameWindow((16, 16), 8, 0.1, stride=4)


def window(index: int) -> Window:
    return Window(np.zeros((8, 16, 16, 3), np.uint8), None, np.arange(8) / 10 + index, index)


def look(windows: dict[FrameWindow, Window | None]) -> Look:
    frame = Frame(0, 0.0, 0.0, 0.0, np.zeros((16, 16, 3), np.uint8))
    return Look.at(PreparedFrame("yard", 0, frame, None, windows), Objects.empty(("person",)))


def evaluated(provider: WindowProvider, indices: list[int | None]) -> list[int]:
    """Of frames with windows of these indices, those that are handed on."""
    buffer = provider.buffer()
    found = []
    for index in indices:
        (got,) = provider.gather([(buffer, look({WANTED: None if index is None else window(index)}))])
        found += [] if got is None else [got.index]
    return found


def test_each_window_is_evaluated_once() -> None:
    assert evaluated(WindowProvider(WANTED), [None, None, 7, 7, 7, 7, 11, 11, 15]) == [7, 11, 15]


def test_windows_that_the_worker_has_not_seen_are_passed_over() -> None:
    assert evaluated(WindowProvider(WANTED), [7, 15, 15, None, 31]) == [7, 15, 31]


def test_each_stream_has_its_own_evaluations_and_begins_anew_after_a_gap() -> None:
    provider = WindowProvider(WANTED)
    yard, gate = provider.buffer(), provider.buffer()
    first = provider.gather([(yard, look({WANTED: window(7)})), (gate, look({WANTED: None}))])
    second = provider.gather([(yard, look({WANTED: window(7)})), (gate, look({WANTED: window(7)}))])
    assert [each is not None for each in (*first, *second)] == [True, False, False, True]
    yard.reset()
    (again,) = provider.gather([(yard, look({WANTED: window(7)}))])
    assert again is not None


def test_frames_from_where_no_windows_are_gathered_are_refused() -> None:
    provider = WindowProvider(WANTED)
    with pytest.raises(ValueError, match=r"expected frames with FrameWindow\(.*, got no windows"):
        provider.gather([(provider.buffer(), look({}))])
    with pytest.raises(ValueError, match=r"got FrameWindow\(size=\(32, 32\)"):
        provider.gather([(provider.buffer(), look({FrameWindow((32, 32), 8, 0.1): None}))])
