from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.engine.detectors.tiles import MIN_OVERLAP, Grid, choose, cut, join, seen_better, split

SQUARE = (416, 416)


@pytest.mark.parametrize(
    ("picture", "size", "grid"),
    [
        ((360, 240), SQUARE, Grid(2, 1)),
        ((1280, 720), SQUARE, Grid(2, 1)),
        ((640, 480), SQUARE, Grid(1, 1)),
        ((416, 416), SQUARE, Grid(1, 1)),
        ((720, 1280), SQUARE, Grid(1, 2)),
        ((3840, 1080), SQUARE, Grid(4, 1)),
        ((8000, 500), SQUARE, Grid(4, 1)),
        ((1280, 720), (640, 384), Grid(1, 1)),
        ((1280, 720), (384, 640), Grid(3, 1)),
    ],
)
def test_auto_takes_as_many_tiles_as_fill_the_input(picture, size, grid):
    assert choose("auto", picture, size) == grid
    assert choose(Grid(3, 2), picture, size) == Grid(3, 2)


@given(
    picture=st.tuples(st.integers(64, 4000), st.integers(64, 4000)),
    grid=st.builds(Grid, st.integers(1, 4), st.integers(1, 4)),
    size=st.sampled_from([SQUARE, (640, 384)]),
)
def test_tiles_are_of_one_size_cover_the_picture_and_overlap(picture, grid, size):
    parts = split(grid, picture, size)
    assert len(parts) == grid.columns * grid.rows
    assert len({part[2:] for part in parts}) == 1
    for axis, count in ((0, grid.columns), (1, grid.rows)):
        starts, side = sorted({part[axis] for part in parts}), parts[0][2 + axis]
        assert starts[0] == 0
        assert starts[-1] + side == picture[axis]
        for before, after in itertools.pairwise(starts):
            assert before + side - after >= MIN_OVERLAP * side - count


def test_a_tile_grows_as_far_as_it_costs_no_scale():
    assert split(Grid(2, 1), (360, 240), SQUARE) == [(0, 0, 240, 240), (120, 0, 240, 240)]


@pytest.mark.parametrize("grid", [(0, 1), (1, 5), (-1, 1)])
def test_refuses_a_grid_of_no_or_too_many_tiles(grid):
    with pytest.raises(ValueError, match="1 to 4"):
        Grid(*grid)


PICTURE = (360, 240)
PARTS = split(Grid(2, 1), PICTURE, SQUARE)


def boxes(*rows):
    return np.array(rows, np.float32).reshape(-1, 4)


@pytest.mark.parametrize(
    ("box", "left", "right"),
    [
        pytest.param((50, 100, 70, 140), False, None, id="in the left tile alone"),
        pytest.param((0, 0, 20, 40), False, None, id="at the picture's edge is not cut"),
        pytest.param((220, 100, 240, 140), True, False, id="at the left tile's inner edge"),
        pytest.param((120, 100, 130, 140), False, True, id="at the right tile's inner edge"),
        pytest.param((160, 100, 190, 140), False, False, id="in the overlap"),
        pytest.param((120, 100, 240, 140), True, True, id="as wide as the overlap"),
    ],
)
def test_cut(box, left, right):
    assert cut(boxes(box), PARTS[0], PICTURE)[0] == left
    if right is not None:
        assert cut(boxes(box), PARTS[1], PICTURE)[0] == right


def test_a_half_is_left_to_the_tile_that_sees_it_whole():
    found = boxes((220, 100, 240, 140), (100, 100, 240, 140), (50, 100, 70, 140))
    assert seen_better(found, 0, PARTS, PICTURE).tolist() == [True, False, False]


@pytest.mark.parametrize(
    ("halves", "class_ids", "joined"),
    [
        pytest.param([(20, 50, 240, 150), (120, 52, 330, 148)], [2, 2], [(20, 50, 330, 150)], id="a lorry"),
        pytest.param([(20, 50, 240, 150), (120, 52, 330, 148)], [2, 7], None, id="of two classes"),
        pytest.param([(20, 50, 240, 110), (120, 100, 330, 200)], [2, 2], None, id="one behind the other"),
    ],
)
def test_what_is_cut_in_both_tiles_is_joined(halves, class_ids, joined):
    found = boxes(*halves)
    keep = join(found, np.array(class_ids, np.int32), np.array([0, 1]), np.array([True, True]))
    np.testing.assert_array_equal(found[keep], boxes(*(joined or halves)))


def test_boxes_that_are_not_cut_or_of_one_tile_are_not_joined():
    found = boxes((20, 50, 240, 150), (120, 52, 330, 148))
    same = np.zeros(2, np.int32)
    assert join(found.copy(), same, np.array([0, 1]), np.array([True, False])).all()
    assert join(found.copy(), same, np.array([0, 0]), np.array([True, True])).all()
