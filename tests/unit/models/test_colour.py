"""How colourful drawn pictures are."""

from __future__ import annotations

import numpy as np
import pytest

from models.colour import COLOURED, GREY, colourfulness

LEVELS = np.random.default_rng(0).integers(20, 220, (200, 320, 1), dtype=np.uint8)


def test_a_grey_picture_has_no_colour_and_noise_is_none() -> None:
    grey = np.repeat(LEVELS, 3, axis=2)
    assert colourfulness(grey) == 0
    noisy = np.clip(grey + np.random.default_rng(0).normal(0, 1, grey.shape), 0, 255).astype(np.uint8)
    assert 0 < colourfulness(noisy) < GREY


def test_a_tinted_picture_has() -> None:
    assert colourfulness((LEVELS * np.array([0.8, 1.0, 1.1])).astype(np.uint8)) > COLOURED


@pytest.mark.parametrize("height", [4, 1080])
def test_it_is_of_the_strongest_and_the_weakest_channel(height: int) -> None:
    picture = np.full((height, 2 * height, 3), (30, 200, 90), np.uint8)
    assert colourfulness(picture) == 170
