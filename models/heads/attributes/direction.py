"""Which directions are usual at a place: counts in eight sectors over a coarse grid, shrunk to the whole picture's."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.arrays import Float64, Index
from models.heads.attributes.place import GRID, SHRINKAGE, cell_of, frames_seen

SECTORS = 8

MIN_SHARE = 0.01
"""No direction counts as rarer than this in the whole picture: a few minutes have not seen all there is."""


def fit_direction(x: Float64, y: Float64, velocities: Float64, frames: Index) -> Float64:
    """Learn which directions are usual.

    A cell with little activity has the directions of the whole picture, and no activity at all leaves all equal.

    Args:
        x: ``(n,)`` where, as a fraction of the picture's width.
        y: ``(n,)`` where, as a fraction of its height.
        velocities: ``(n, 2)`` of what moves; lengths do not count.
        frames: ``(n,)`` the frame of each.

    Returns:
        ``(48, 8)`` for ``rarity``: by cell, the share of each sector.
    """
    cells, sector = cell_of(x, y, GRID), _sector(velocities)
    count = GRID[0] * GRID[1]
    seen = frames_seen(frames, cells * SECTORS + sector, count * SECTORS).reshape(count, SECTORS)
    # Half a sector either way: who walks along a border between two sectors is in both.
    seen = 0.5 * seen + 0.25 * (np.roll(seen, 1, axis=1) + np.roll(seen, -1, axis=1))
    overall = seen.sum(axis=0)
    overall = overall / overall.sum() if overall.sum() > 0 else np.full(SECTORS, 1 / SECTORS)
    overall = np.maximum(overall, MIN_SHARE)
    overall /= overall.sum()
    shares: Float64 = (seen + SHRINKAGE * overall) / (seen.sum(axis=1, keepdims=True) + SHRINKAGE)
    return shares


def rarity(direction: NDArray[np.generic], x: Float64, y: Float64, velocities: Float64) -> Float64:
    """How rare the directions are at their places: ``(n,)``, 0 for the place's usual one, else -log of the ratio."""
    shares = np.asarray(direction, np.float64)[cell_of(x, y, GRID)]
    own = shares[np.arange(len(shares)), _sector(velocities)]
    rare: Float64 = np.log(shares.max(axis=1) / own)
    return rare


def _sector(velocities: Float64) -> Index:
    angle = np.arctan2(velocities[:, 1], velocities[:, 0]) / (2 * np.pi)
    sector: Index = np.round(angle * SECTORS).astype(np.intp) % SECTORS
    return sector
