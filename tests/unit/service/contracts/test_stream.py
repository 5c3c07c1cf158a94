from __future__ import annotations

import math

import pytest
from pydantic import ValidationError

from service.contracts.stream import KEPT, StreamSpec, Zone

SQUARE = [(0.1, 0.1), (0.9, 0.1), (0.9, 0.9), (0.1, 0.9)]
STAR = [(0.5 + 0.4 * math.cos(turn * 0.8 * math.pi), 0.5 + 0.4 * math.sin(turn * 0.8 * math.pi)) for turn in range(5)]


@pytest.mark.parametrize(
    "polygon",
    [
        SQUARE,
        SQUARE[::-1],
        [(0, 0), (1, 0), (0, 1)],
        [(0, 0), (1, 0), (1, 1), (0.5, 0.2), (0, 1)],  # a notch
        [(0, 0), (0.5, 0), (1, 0), (1, 1), (0, 1)],  # a corner on a straight side
        [(0, 0), (1, 0), (1, 1), (0, 1), (0, 0.4), (0.5, 0.4), (0.5, 0.6), (0.2, 0.6), (0.2, 0.4), (0, 0.4)],  # a ring
    ],
)
def test_an_outline_that_only_touches_itself_is_good(polygon: list[tuple[float, float]]) -> None:
    assert len(Zone(name="Door", polygon=polygon).polygon) == len(polygon)


@pytest.mark.parametrize(
    ("polygon", "sides"),
    [
        ([SQUARE[0], SQUARE[2], SQUARE[1], SQUARE[3]], "1 to 2 crosses the one from corner 3 to 4"),
        ([(0, 0), (1, 0), (0, 1), (0.9, 1)], "2 to 3 crosses the one from corner 4 to 1"),
        (STAR, "1 to 2 crosses the one from corner 3 to 4"),
        ([*SQUARE, (0.5, 0.05)], "1 to 2 crosses the one from corner 4 to 5"),
    ],
)
def test_an_outline_that_crosses_itself_is_refused(polygon: list[tuple[float, float]], sides: str) -> None:
    with pytest.raises(ValidationError, match=f"crosses itself: its side from corner {sides}. Move a corner"):
        Zone(name="Door", polygon=polygon)


def test_one_that_was_stored_before_is_kept_and_other_settings_can_change() -> None:
    stored = {"name": "Gate", "url": "file:a.mp4", "zones": [{"name": "Door", "polygon": STAR}]}
    with pytest.raises(ValidationError):
        StreamSpec.model_validate(stored)
    kept = StreamSpec.model_validate(stored, context=KEPT)
    assert kept.zones[0].polygon == STAR
    assert StreamSpec.model_validate({**dict(kept), "fps": 5}).zones == kept.zones
