"""Boxes held against one another and against the border: by hand, and by counting the cells of a grid."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.arrays import Float32
from models.boxes import EDGE, areas, common_areas, cut_off, iou, iou_table, share_of_smaller, share_within

BOX = (0.0, 0.0, 1.0, 1.0)
HALF_BESIDE = (0.5, 0.0, 1.0, 1.0)
INSIDE = (0.25, 0.25, 0.5, 0.5)
FAR = (5.0, 5.0, 1.0, 1.0)
NOTHING = (0.0, 0.0, 0.0, 0.0)
OTHERS = np.array([BOX, HALF_BESIDE, INSIDE, FAR, NOTHING], np.float32)
GRID = 12

whole_boxes = st.tuples(*[st.integers(0, GRID // 2)] * 2, *[st.integers(1, GRID // 2)] * 2)


def one(box: tuple[float, float, float, float]) -> Float32:
    return np.array(box, np.float32)


def cells(box: tuple[int, int, int, int]) -> np.ndarray:
    x, y, width, height = box
    mask = np.zeros((GRID, GRID), bool)
    mask[y : y + height, x : x + width] = True
    return mask


def test_by_hand():
    np.testing.assert_allclose(areas(OTHERS), [1, 1, 0.25, 1, 0])
    np.testing.assert_allclose(common_areas(OTHERS, one(BOX)), [1, 0.5, 0.25, 0, 0])
    np.testing.assert_allclose(iou(OTHERS, one(BOX)), [1, 1 / 3, 0.25, 0, 0])
    np.testing.assert_allclose(share_of_smaller(OTHERS, one(BOX)), [1, 0.5, 1, 0, 0])
    np.testing.assert_allclose(share_within(OTHERS, one(BOX)), [1, 0.5, 1, 0, 0])
    np.testing.assert_allclose(share_within(one(BOX), OTHERS), [1, 0.5, 0.25, 0, 0])


@given(whole_boxes, whole_boxes)
def test_as_cells_of_a_grid_are_counted(first, second):
    mine, theirs = cells(first), cells(second)
    both, either = np.count_nonzero(mine & theirs), np.count_nonzero(mine | theirs)
    smaller = min(mine.sum(), theirs.sum())
    a, b = one(first), one(second)
    assert float(common_areas(a, b)) == both
    assert float(iou(a, b)) == pytest.approx(both / either, rel=1e-6)
    assert float(share_of_smaller(a, b)) == pytest.approx(both / smaller, rel=1e-6)
    assert float(share_within(a, b)) == pytest.approx(both / mine.sum(), rel=1e-6)


def test_pairs_tables_and_single_boxes_are_alike():
    boxes = OTHERS[:3]
    table = iou(boxes[:, None], OTHERS[None])
    assert table.shape == (3, 5)
    for row, box in enumerate(boxes):
        np.testing.assert_array_equal(table[row], iou(OTHERS, box))
        np.testing.assert_array_equal(table[row], [iou(box, other) for other in OTHERS])
    np.testing.assert_allclose(iou_table(boxes, OTHERS), table, rtol=1e-6)


def test_counts_in_the_width_of_what_is_given():
    assert iou(OTHERS, one(BOX)).dtype == share_within(OTHERS, one(BOX)).dtype == np.float32
    assert iou_table(OTHERS, OTHERS).dtype == np.float64


def test_without_boxes_there_is_nothing():
    none = np.zeros((0, 4), np.float32)
    assert iou(none, one(BOX)).shape == (0,)
    assert iou_table(none, OTHERS).shape == (0, 5)


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ((0.2, 0.2, 0.3, 0.3), False),
        ((EDGE, EDGE, 0.9, 0.9), False),
        ((0.0, 0.2, 0.3, 0.3), True),
        ((0.2, 0.005, 0.3, 0.3), True),
        ((0.7, 0.2, 0.3, 0.3), True),
        ((0.2, 0.6, 0.3, 0.395), True),
    ],
)
def test_the_border_cuts_off(box, expected):
    assert cut_off(box) is expected
    assert cut_off(np.array([box, (0.4, 0.4, 0.1, 0.1)])).tolist() == [expected, False]
