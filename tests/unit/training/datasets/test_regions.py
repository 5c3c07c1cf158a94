import numpy as np
import pytest

from training.datasets.regions import FORGET_AFTER, MIN_PIXELS, link, mask_boxes


def boxes(*rows):
    return np.array(rows, np.float32).reshape(-1, 4)


def tracks(frames):
    return [regions.tracks.tolist() for regions in link(frames)]


def test_each_connected_part_is_a_box_and_crumbs_are_not():
    mask = np.zeros((20, 40), np.uint8)
    mask[2:10, 4:8] = 255
    mask[12:18, 20:30] = 1
    mask[0, 0] = 1
    assert MIN_PIXELS > 1
    np.testing.assert_allclose(mask_boxes(mask), [[0.1, 0.1, 0.1, 0.4], [0.5, 0.6, 0.25, 0.3]])


def test_an_empty_mask_has_no_boxes():
    assert mask_boxes(np.zeros((5, 5), bool)).shape == (0, 4)


@pytest.mark.parametrize(
    ("frames", "expected"),
    [
        pytest.param([boxes([0, 0, 1, 1]), boxes([0.5, 0, 1, 1])], [[0], [0]], id="moving"),
        pytest.param([boxes([0, 0, 1, 1]), boxes([5, 0, 1, 1])], [[0], [1]], id="elsewhere"),
        pytest.param(
            [boxes([0, 0, 1, 1], [3, 0, 1, 1]), boxes([3.1, 0, 1, 1], [0.1, 0, 1, 1])], [[0, 1], [1, 0]], id="order"
        ),
        pytest.param(
            [boxes([0, 0, 2, 1], [1, 0, 2, 1]), boxes([0.4, 0, 2, 1], [1.4, 0, 2, 1])],
            [[0, 1], [0, 1]],
            id="crowded: the assignment is best in all",
        ),
        pytest.param([boxes([0, 0, 1, 1]), boxes(), boxes([0, 0, 1, 1])], [[0], [], [0]], id="hidden"),
        pytest.param(
            [boxes([0, 0, 1, 1]), *[boxes()] * FORGET_AFTER, boxes([0, 0, 1, 1])],
            [[0], *[[]] * FORGET_AFTER, [1]],
            id="hidden too long",
        ),
    ],
)
def test_links(frames, expected):
    assert tracks(frames) == expected
