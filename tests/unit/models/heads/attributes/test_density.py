from __future__ import annotations

import numpy as np
import pytest

from models.heads.attributes.density import distance, fit_density

KINDS = ("kmeans", "gmm", "knn")


def two_clouds(count: int = 1000, seed: int = 0) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return np.concatenate([generator.normal((0, 0), 1, (count // 2, 2)), generator.normal((10, 0), 1, (count // 2, 2))])


@pytest.mark.parametrize("kind", KINDS)
def test_far_is_farther_than_near_and_between_the_clouds_is_far(kind):
    density = fit_density(two_clouds(), kind, 4)
    at_mode, between, outside = distance(density, np.array([[0.0, 0.0], [5.0, 0.0], [5.0, 20.0]]))
    assert 0 <= at_mode < between < outside


@pytest.mark.parametrize("kind", KINDS)
def test_distance_is_level_in_the_unit_of_the_samples(kind):
    stretched = 1000.0
    queries = np.array([[0.0, 0.0], [4.0, 3.0], [30.0, -9.0]])
    plain = distance(fit_density(two_clouds(), kind, 4), queries)
    scaled = distance(fit_density(two_clouds() * stretched, kind, 4), queries * stretched)
    assert scaled == pytest.approx(plain, rel=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_tiny_share_supports_is_not_normal(kind):
    """An odd event of 0.2 % of the samples, far from all else, stays far."""
    samples = two_clouds(2000)
    odd = np.random.default_rng(1).normal((60, 60), 0.1, (4, 2))
    clean = distance(fit_density(samples, kind, 8), odd)
    mixed = distance(fit_density(np.concatenate([samples, odd]), kind, 8), odd)
    assert (mixed > 0.5 * clean).all()


@pytest.mark.parametrize("kind", KINDS)
def test_equal_samples_give_an_equal_density(kind):
    first, second = (fit_density(two_clouds(), kind, 5, seed=3) for _ in range(2))
    assert first.keys() == second.keys()
    assert all(np.array_equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "samples",
    [np.zeros((2, 3)), np.ones((500, 3)), np.eye(3), np.random.default_rng(0).normal(size=(3, 64))],
    ids=["two", "all alike", "three", "more dimensions than samples"],
)
def test_few_or_degenerate_samples_still_give_finite_distances(kind, samples):
    density = fit_density(samples, kind, 16)
    found = distance(density, np.concatenate([samples, samples + 1e3]))
    assert np.isfinite(found).all()
    assert (found >= 0).all()


@pytest.mark.parametrize("kind", KINDS)
def test_size_is_bounded_whatever_the_samples(kind):
    samples = np.random.default_rng(0).normal(size=(50_000, 4))
    density = fit_density(samples, kind, 8)
    assert sum(values.nbytes for values in density.values()) < 100_000


def test_one_gaussian_is_mahalanobis():
    samples = np.random.default_rng(0).normal((3, -2), (2, 5), (8000, 2))
    found = distance(fit_density(samples, "gmm", 1), np.array([[3 + 3 * 2, -2], [3, -2 + 2 * 5]]))
    assert found == pytest.approx([3, 2], rel=0.1)


def test_nothing_to_judge():
    assert distance(fit_density(two_clouds(), "kmeans", 4), np.zeros((0, 2))).shape == (0,)


@pytest.mark.parametrize(
    ("samples", "kind", "message"),
    [(np.zeros((1, 2)), "kmeans", "at least two"), (np.zeros((5, 2)), "svm", "kmeans, gmm, knn, got svm")],
)
def test_fit_refuses(samples, kind, message):
    with pytest.raises(ValueError, match=message):
        fit_density(samples, kind, 2)
