from __future__ import annotations

import numpy as np
import pytest

from models.heads.attributes.descriptor import LENGTH, describe

WHOLE = np.array([[0.0, 0.0, 1.0, 1.0]], np.float32)


def stripes(across: bool, size=(128, 64)) -> np.ndarray:
    line = (np.arange(size[0] if across else size[1]) // 8 % 2 * 255).astype(np.uint8)
    grey = np.tile(line[:, None], (1, size[1])) if across else np.tile(line, (size[0], 1))
    return np.repeat(grey[..., None], 3, axis=2)


def test_tells_orientations_apart():
    across, along = describe(stripes(True), WHOLE)[0].astype(int), describe(stripes(False), WHOLE)[0].astype(int)
    assert np.abs(across - along).max() > 60


@pytest.mark.parametrize("scale", [1, 3])
def test_does_not_depend_on_brightness_contrast_or_size(scale):
    picture = stripes(True)
    larger = np.kron(picture, np.ones((scale, scale, 1), np.uint8))
    other = (larger // 2 + 40).astype(np.uint8)
    difference = describe(picture, WHOLE)[0].astype(int) - describe(other, WHOLE)[0].astype(int)
    assert np.abs(difference).max() <= 12


def test_a_crop_is_described_and_not_the_rest():
    picture = np.concatenate([stripes(True), stripes(False)], axis=1)
    left, right = describe(picture, np.array([[0, 0, 0.5, 1], [0.5, 0, 0.5, 1]], np.float32)).astype(int)
    assert np.abs(left - describe(stripes(True), WHOLE)[0]).max() <= 12
    assert np.abs(right - describe(stripes(False), WHOLE)[0]).max() <= 12


@pytest.mark.parametrize("box", [(0, 0, 0, 0), (1, 1, 0, 0), (0.999, 0.999, 0.5, 0.5), (0, 0, 0.001, 1)], ids=str)
def test_boxes_at_the_border_or_without_extent_are_described(box):
    found = describe(stripes(True), np.array([box], np.float32))
    assert found.shape == (1, LENGTH)


def test_no_boxes():
    assert describe(stripes(True), np.zeros((0, 4), np.float32)).shape == (0, LENGTH)


def test_a_plain_crop_has_no_orientation():
    assert not describe(np.full((64, 32, 3), 90, np.uint8), WHOLE).any()
