"""What the stages tell the background: of which frame, and for how long it holds."""

from __future__ import annotations

import numpy as np
import pytest

from service.frames import KEEP_LAG, Kept, KeptPlaces


def kept(index: int) -> Kept:
    return Kept(np.full((1, 4), index / 1000, np.float32), np.ones(1, np.bool_))


def heard(places: KeptPlaces, pts: float) -> float | None:
    boxes = places.read(pts).boxes
    return round(float(boxes[0, 0]) * 1000) if len(boxes) else None


@pytest.mark.parametrize("ahead", [0, 1, KEEP_LAG - 1])
def test_what_is_read_does_not_depend_on_how_far_reading_is_ahead(ahead: int) -> None:
    places, read = KeptPlaces(), []
    for index in range(30):
        read.append(heard(places, index * 0.1))
        if index >= ahead:
            places.tell(kept(index - ahead), (index - ahead) * 0.1)
    assert read == [None] * KEEP_LAG + list(range(30 - KEEP_LAG))


def test_frames_that_never_reached_the_stages_leave_what_was_told_before() -> None:
    places, read = KeptPlaces(), []
    for index in range(30):
        read.append(heard(places, index * 0.1))
        if index % 4 == 0:
            places.tell(kept(index), index * 0.1)
    assert read[-4:] == [20, 20, 20, 20]


def test_stages_that_have_stopped_are_not_believed_for_long() -> None:
    places = KeptPlaces()
    for index in range(10):
        places.read(index * 0.1)
        places.tell(kept(index), index * 0.1)
    read = [heard(places, index * 0.1) for index in range(10, 40)]
    assert read[0] is not None
    assert read[-1] is None


def test_time_that_goes_back_begins_anew() -> None:
    places = KeptPlaces()
    for index in range(20):
        places.read(index * 0.1)
        places.tell(kept(index), index * 0.1)
    assert heard(places, 0.5) is None
