"""Equations 8 and 9 of the svad paper against plain arithmetic."""

from __future__ import annotations

import math

import numpy as np

from models.scoring.responses import nearest_centres, responses


def unit(seed: int, *shape: int) -> np.ndarray:
    drawn = np.random.default_rng(seed).standard_normal(shape).astype(np.float32)
    return drawn / np.linalg.norm(drawn, axis=-1, keepdims=True)


def test_equation_8() -> None:
    video, texts = unit(0, 3, 8), unit(1, 5, 8)
    similar = [[float(np.dot(clip, text)) for text in texts] for clip in video]
    expected = [[value / math.hypot(*row) for value in row] for row in similar]
    np.testing.assert_allclose(responses(video, texts), expected, rtol=1e-5)


def test_equation_9() -> None:
    found, centres = unit(2, 6, 5), unit(3, 4, 5)
    distances = [[1 - float(np.dot(row, centre)) for centre in centres] for row in found]
    nearest, least = nearest_centres(found, centres)
    assert nearest.tolist() == [row.index(min(row)) for row in distances]
    np.testing.assert_allclose(least, [min(row) for row in distances], rtol=1e-5)


def test_nothing_in_view() -> None:
    nearest, least = nearest_centres(responses(np.zeros((0, 8), np.float32), unit(1, 5, 8)), unit(3, 4, 5))
    assert (nearest.shape, least.shape) == ((0,), (0,))


def test_a_clip_that_answers_to_nothing_is_finite() -> None:
    assert np.isfinite(responses(np.zeros((1, 8), np.float32), unit(1, 5, 8))).all()
