"""Equations 8 and 9 of the svad paper against plain arithmetic."""

from __future__ import annotations

import math

import numpy as np
import pytest

from models.heads.svad.responses import mixture_distances, nearest_centres, responses


def unit(seed: int, *shape: int) -> np.ndarray:
    drawn = np.random.default_rng(seed).standard_normal(shape).astype(np.float32)
    return drawn / np.linalg.norm(drawn, axis=-1, keepdims=True)


def test_equation_8() -> None:
    embeddings, texts = unit(0, 3, 8), unit(1, 5, 8)
    similar = [[float(np.dot(clip, text)) for text in texts] for clip in embeddings]
    expected = [[value / math.hypot(*row) for value in row] for row in similar]
    np.testing.assert_allclose(responses(embeddings, texts), expected, rtol=1e-5)


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


def test_one_centre_alone_is_equation_9() -> None:
    found, centre = np.eye(3, dtype=np.float32), np.array([[1.0, 0.0, 0.0]], np.float32)
    distances = mixture_distances(found, centre, np.array([1.0], np.float32), 10.0)
    np.testing.assert_allclose(distances, nearest_centres(found, centre)[1], atol=1e-6)


def test_a_centre_of_few_stands_farther_off() -> None:
    centres, shares = np.eye(2, dtype=np.float32), np.array([0.999, 0.001], np.float32)
    far = mixture_distances(centres, centres, shares, 10.0)
    assert far[0] == pytest.approx(0.0, abs=1e-3)
    # as far as a thousandth is, less what the large centre adds from a right angle away
    assert far[1] == pytest.approx(-np.log(0.001 + 0.999 * np.exp(-10.0)) / 10.0, abs=1e-5)


def test_without_end_the_concentration_gives_equation_9() -> None:
    generator = np.random.default_rng(0)
    found, centres = (generator.normal(0, 1, (count, 5)).astype(np.float32) for count in (20, 4))
    found, centres = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (found, centres))
    distances = mixture_distances(found, centres, np.array([0.4, 0.3, 0.2, 0.1], np.float32), 1e4)
    np.testing.assert_allclose(distances, nearest_centres(found, centres)[1], atol=1e-3)
