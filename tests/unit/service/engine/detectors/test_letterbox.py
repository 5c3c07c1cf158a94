from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.engine.detectors.letterbox import GREY, Letterbox

sides = st.integers(16, 2000)
inputs = st.sampled_from([(416, 416), (640, 384), (320, 640)])


@given(width=sides, height=sides, size=inputs, centred=st.booleans(), x=st.integers(0, 300), y=st.integers(0, 300))
def test_what_is_drawn_and_restored_comes_back_where_it_was(width, height, size, centred, x, y):
    letterbox = Letterbox.fit((x, y, width, height), size, centred=centred)
    inside = np.array(
        [[letterbox.left, letterbox.top, letterbox.left + letterbox.width, letterbox.top + letterbox.height]],
        np.float32,
    )
    assert (inside >= 0).all()
    assert inside[0, 2] <= size[0]
    assert inside[0, 3] <= size[1]
    assert letterbox.width == size[0] or letterbox.height == size[1]
    np.testing.assert_allclose(letterbox.restore(inside), [[x, y, x + width, y + height]], atol=0.01)


@pytest.mark.parametrize(
    ("shape", "size", "centred", "inside"),
    [
        ((240, 360), (416, 416), False, (0, 0, 416, 277)),
        ((240, 360), (416, 416), True, (0, 69, 416, 277)),
        ((360, 240), (416, 416), True, (69, 0, 277, 416)),
        ((1080, 1920), (640, 640), True, (0, 140, 640, 360)),
        ((416, 416), (416, 416), True, (0, 0, 416, 416)),
        ((720, 1280), (640, 384), True, (0, 12, 640, 360)),
    ],
)
def test_fits_without_changing_proportions(shape, size, centred, inside):
    picture = np.full((*shape, 3), 200, np.uint8)
    canvas = np.zeros((size[1], size[0], 3), np.uint8)
    letterbox = Letterbox.fit((0, 0, shape[1], shape[0]), size, centred=centred)
    letterbox.draw(picture, canvas)
    left, top, width, height = inside
    assert (letterbox.left, letterbox.top, letterbox.width, letterbox.height) == inside
    assert (canvas[top : top + height, left : left + width] == 200).all()
    canvas[top : top + height, left : left + width] = GREY
    assert (canvas == GREY).all()


def test_draws_only_its_part_of_the_picture_and_leaves_nothing_of_the_one_before():
    picture = np.zeros((100, 200, 3), np.uint8)
    picture[20:60, 50:150] = 255
    canvas = np.full((64, 64, 3), 7, np.uint8)
    Letterbox.fit((50, 20, 100, 40), (64, 64), centred=False).draw(picture, canvas)
    assert (canvas[:26] == 255).all()
    assert (canvas[26:] == GREY).all()
