from __future__ import annotations

import numpy as np
import pytest

from models.guidance.polygon import contains, foot_points

NOTCHED = ((0.0, 0.0), (0.5, 0.3), (1.0, 0.0), (1.0, 0.8), (0.0, 0.8))


@pytest.mark.parametrize("corners", [NOTCHED, NOTCHED[::-1]])
@pytest.mark.parametrize(
    ("point", "inside"),
    [
        ((0.5, 0.4), True),
        ((0.5, 0.9), False),
        ((0.1, 0.1), True),
        ((0.9, 0.1), True),
        ((0.5, 0.05), False),
        ((0.5, 0.8), True),  # on the lower edge
        ((0.0, 0.3), True),  # on the left edge, as high as the notch is deep
        ((1.0, 0.8), True),  # a corner
        ((0.5, 0.0), False),  # between the upper corners
        ((1.1, 0.8), False),  # on the line of the lower edge, beyond it
    ],
)
def test_inside_a_polygon_with_a_notch(
    corners: tuple[tuple[float, float], ...], point: tuple[float, float], inside: bool
) -> None:
    assert contains(corners, np.array([point], np.float32)).tolist() == [inside]


def test_no_points_are_nowhere() -> None:
    assert contains(NOTCHED, np.zeros((0, 2), np.float32)).tolist() == []


def test_who_is_cut_off_by_the_lower_edge_stands_in_a_zone_that_reaches_it() -> None:
    feet = foot_points(np.array([[0.4, 0.8, 0.2, 0.2]], np.float32))
    assert contains(((0.0, 0.5), (1.0, 0.5), (1.0, 1.0), (0.0, 1.0)), feet).tolist() == [True]
