"""Spherical k-means: centres of directions, by cosine (Dhillon and Modha, Concept decompositions, 2001)."""

from __future__ import annotations

import numpy as np

from models.arrays import Float32

ITERATIONS = 50
"""At most; a thousand clips settle within twenty."""


def spherical_kmeans(rows: Float32, count: int, seed: int = 0) -> Float32:
    """Group unit vectors by direction. Deterministic under a seed.

    Args:
        rows: ``(N, D)`` of unit length, N at least 1.
        count: Centres wished, at least 1; there are fewer where fewer rows differ.
        seed: Of the choice of where to start (k-means++ by cosine distance).

    Returns:
        ``(M, D)`` float32 of unit length, M at most ``count``.

    Raises:
        ValueError: No rows, or no centres wished.
    """
    if not len(rows) or count < 1:
        msg = f"expected rows and at least one centre, got {len(rows)} rows and {count} centres"
        raise ValueError(msg)
    centres = _spread_out(rows, count, np.random.default_rng(seed))
    nearest = np.full(len(rows), -1, np.intp)
    for _ in range(ITERATIONS):
        before, nearest = nearest, (rows @ centres.T).argmax(axis=1)
        if np.array_equal(before, nearest):
            break
        sums = (nearest == np.arange(len(centres))[:, None]).astype(np.float32) @ rows
        norms = np.linalg.norm(sums, axis=1, keepdims=True)
        centres = np.where(norms > 0, sums / np.maximum(norms, 1e-12), centres).astype(np.float32)
    return centres


def _spread_out(rows: Float32, count: int, generator: np.random.Generator) -> Float32:
    """Rows to start from, each chosen the likelier the farther it is from those before."""
    chosen = [rows[generator.integers(len(rows))]]
    distances = np.maximum(1.0 - rows @ chosen[0], 0.0)
    while len(chosen) < min(count, len(rows)) and distances.max() > 1e-6:
        chosen.append(rows[generator.choice(len(rows), p=distances / distances.sum())])
        distances = np.minimum(distances, np.maximum(1.0 - rows @ chosen[-1], 0.0))
    return np.array(chosen, np.float32)
