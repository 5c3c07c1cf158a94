"""What a joint encoder is shown of an object."""

import numpy as np
import pytest

from models.crops import crop, geometry


def picture(height=120, width=200):
    """Blue grows to the right, green downwards."""
    image = np.zeros((height, width, 3), np.uint8)
    image[..., 0] = np.arange(width)[None, :]
    image[..., 1] = np.arange(height)[:, None]
    return image


def test_a_square_around_the_box_by_its_longer_side():
    # 20 wide, 40 high, centre (100, 60), context 1.5: the 60 pixels from (70, 30) on
    cut = crop(picture(), np.array([0.45, 1 / 3, 0.1, 1 / 3]), 60, 1.5)
    assert cut.dtype == np.uint8
    np.testing.assert_array_equal(cut, picture()[30:90, 70:130])


def test_outside_the_picture_its_nearest_pixels_are_repeated():
    cut = crop(picture(), np.array([-0.1, 0.5, 0.2, 0.0]), 40, 1.0)
    assert (cut[:, :20, 0] == 0).all()
    np.testing.assert_array_equal(cut[0, 20:, 0], np.arange(20))


@pytest.mark.parametrize(
    ("box", "blue", "green"),
    [
        ([-9.0, 0.4, 0.1, 0.2], 0, None),
        ([9.0, 0.4, 0.1, 0.2], 199, None),
        ([0.4, -9.0, 0.1, 0.2], None, 0),
        ([0.4, 1e30, 0.1, 0.2], None, 119),
    ],
)
def test_a_box_beyond_the_picture_shows_its_edge(box, blue, green):
    cut = crop(picture(), np.array(box), 16, 1.0)
    assert cut.shape == (16, 16, 3)
    if blue is not None:
        assert (cut[..., 0] == blue).all()
    if green is not None:
        assert (cut[..., 1] == green).all()


def test_a_box_of_no_size_and_one_larger_than_the_picture():
    assert crop(picture(), np.array([0.5, 0.5, 0.0, 0.0]), 8, 1.0).shape == (8, 8, 3)
    assert crop(picture(), np.array([-50.0, -50.0, 100.0, 100.0]), 8, 1.25).shape == (8, 8, 3)


def test_shrinking_averages():
    image = np.zeros((64, 64, 3), np.uint8)
    image[::2] = 200
    cut = crop(image, np.array([0.0, 0.0, 1.0, 1.0]), 32, 1.0)
    assert np.ptp(cut) == 0
    assert cut[0, 0, 0] == 100


@pytest.mark.parametrize("box", [[np.nan, 0, 1, 1], [0, 0, np.inf, 1], [0, 0, -0.1, 1]])
def test_no_box(box):
    with pytest.raises(ValueError, match="expected a finite box"):
        crop(picture(), np.array(box), 8, 1.0)


def test_no_picture():
    with pytest.raises(ValueError, match="expected a picture"):
        crop(np.zeros((0, 5, 3), np.uint8), np.array([0, 0, 1, 1]), 8, 1.0)


def test_geometry_is_in_heights_of_the_newest_box_and_in_pixels():
    # a picture twice as wide as high; a box 0.1 x 0.4 of it moves 0.2 to the right and grows by a half
    boxes = np.array([[0.1, 0.3, 0.1, 0.4], [0.3, 0.2, 0.15, 0.6]])
    found = geometry(boxes, np.array([7.0, 7.5]), 2.0)
    assert found.dtype == np.float32
    centre = (0.15 - 0.375) * 2 / 0.6
    np.testing.assert_allclose(found[0], [centre, 0.0, np.log(0.4 / 0.6), np.log(0.2 / 0.4), 0.5], atol=1e-6)
    np.testing.assert_allclose(found[1], [0, 0, 0, np.log(0.3 / 0.6), 0], atol=1e-6)


def test_geometry_of_a_box_of_no_size_is_finite():
    assert np.isfinite(geometry(np.zeros((3, 4)), np.arange(3.0), 1.5)).all()
