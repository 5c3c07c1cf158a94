from __future__ import annotations

import numpy as np
import pytest

from models.clustering import spherical_kmeans


def groups(count: int, each: int, dim: int = 16, noise: float = 0.1) -> np.ndarray:
    random = np.random.default_rng(1)
    rows = np.repeat(np.eye(count, dim), each, axis=0) + noise * random.normal(size=(count * each, dim)) / np.sqrt(dim)
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def test_it_finds_the_groups() -> None:
    centres = spherical_kmeans(groups(5, 40), 5)
    cosines = centres[:, :5]
    assert sorted(cosines.argmax(axis=1)) == [0, 1, 2, 3, 4]
    assert (cosines.max(axis=1) > 0.99).all()


def test_centres_are_unit_float32_and_the_same_for_one_seed() -> None:
    rows = groups(4, 30, noise=1.0)
    centres = spherical_kmeans(rows, 6, seed=3)
    assert centres.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(centres, axis=1), 1.0, rtol=1e-5)
    np.testing.assert_array_equal(centres, spherical_kmeans(rows, 6, seed=3))


def test_length_does_not_count_only_direction() -> None:
    centre = spherical_kmeans(np.array([[1, 0], [0, 1]], np.float32), 1)
    np.testing.assert_allclose(centre, [[np.sqrt(0.5), np.sqrt(0.5)]], rtol=1e-5)


@pytest.mark.parametrize(("rows", "count", "centres"), [(1, 5, 1), (3, 2, 2), (3, 10, 3)])
def test_there_are_never_more_centres_than_rows(rows: int, count: int, centres: int) -> None:
    assert len(spherical_kmeans(groups(rows, 1), count)) == centres


def test_equal_rows_make_one_centre() -> None:
    assert len(spherical_kmeans(np.tile(np.eye(1, 8, dtype=np.float32), (20, 1)), 4)) == 1


@pytest.mark.parametrize(("rows", "count"), [(0, 3), (4, 0)])
def test_nothing_to_group(rows: int, count: int) -> None:
    with pytest.raises(ValueError, match="expected rows and at least one centre"):
        spherical_kmeans(np.zeros((rows, 4), np.float32), count)
