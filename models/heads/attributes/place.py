"""What is usual at a place in the picture: a line over its rows, corrected where enough was seen.

A fixed camera sees near things large and fast and far things small and slow. Over the rows of the picture that
is close to a straight line (exactly one for a level ground seen by a level camera), which a few seen rows
determine for all of them. A coarse grid then learns where a row is not alike all along: a road beside a path.
Where little was seen the grid says nothing and the line holds: an unseen corner is not unusual for being unseen.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from models.arrays import Float64, Index

BANDS = 24
"""Bands of rows, each one point of the line."""

MIN_SAMPLES = 40
"""A band with fewer has no quantile worth the name."""

FLOOR = 0.25
"""The line never falls below this share of its median over the seen rows: towards the horizon it would go through
zero, and noise would become speed."""

GRID = (6, 8)
"""Rows and columns of the correction."""

MIN_RATIO = 0.1
"""A cell in which nearly everything stands is not one where walking is ten times too fast."""

SHRINKAGE = 200.0
"""Frames of activity in a cell at which its own value counts for half: 20 s at ten frames a second."""

LOCAL_QUANTILE = 0.8
"""Cells are compared with the whole picture at this quantile at most: higher ones of a cell's few values would be an
odd event's, lower ones those of people who stand."""

ROUNDS = 10
"""Of iteratively reweighted least squares."""


def fit_place(x: Float64, y: Float64, values: Float64, frames: Index, quantile: float) -> Float64:
    """Learn a quantile of positive values over the picture.

    Args:
        x: ``(n,)`` where, as a fraction of the picture's width.
        y: ``(n,)`` where, as a fraction of its height.
        values: ``(n,)``, at least 0.
        frames: ``(n,)`` the frame of each value.
        quantile: Which, in (0, 1).

    Returns:
        ``(51,)`` for ``usual``: slope, level and floor of the line, then the logarithms of the grid's corrections.

    Raises:
        ValueError: If there are no values.
    """
    if len(values) == 0:
        msg = "expected values to learn from, got none"
        raise ValueError(msg)
    rows, levels = _bands(y, values, quantile)
    slope, level = _robust_line(rows, levels)
    floor = max(FLOOR * float(np.median(slope * rows + level)), 1e-6)
    line = np.array([slope, level, floor])
    ratios = values / _line(line, y)
    return np.concatenate([line, _correction(x, y, ratios, frames, quantile).ravel()])


def usual(place: NDArray[np.generic], x: Float64, y: Float64, which: Index | None = None) -> Float64:
    """The learned quantile at places.

    Args:
        place: ``(51,)`` what ``fit_place`` returned, or ``(P, 51)`` several of them.
        x: ``(n,)`` where, as a fraction of the picture's width.
        y: ``(n,)`` where, as a fraction of its height.
        which: ``(n,)`` the one of several to ask.

    Returns:
        ``(n,)``, greater than 0.
    """
    numbers = np.atleast_2d(np.asarray(place, np.float64))
    which = np.zeros(len(x), np.intp) if which is None else which
    grids = numbers[:, 3:].reshape(-1, *GRID)
    return _line(numbers[which, :3].T, y) * np.exp(_bilinear(grids, which, x, y))


def _line(line: Float64, y: Float64) -> Float64:
    heights: Float64 = np.maximum(line[0] * y + line[1], line[2])
    return heights


def _bands(y: Float64, values: Float64, quantile: float) -> tuple[Float64, Float64]:
    band = np.clip((y * BANDS).astype(np.intp), 0, BANDS - 1)
    rows, levels = [], []
    for index in range(BANDS):
        members = band == index
        if np.count_nonzero(members) >= MIN_SAMPLES:
            rows.append(y[members].mean())
            levels.append(np.quantile(values[members], quantile))
    if not rows:
        rows, levels = [y.mean()], [np.quantile(values, quantile)]
    return np.array(rows), np.array(levels)


def _robust_line(rows: Float64, levels: Float64) -> tuple[float, float]:
    """Slope and level by Cauchy weights; flat where fewer than three bands were seen."""
    if len(rows) < 3:
        return 0.0, float(np.median(levels))
    weights = np.ones(len(rows))
    slope, level = 0.0, float(np.median(levels))
    for _ in range(ROUNDS):
        mean_row, mean_level = np.average(rows, weights=weights), np.average(levels, weights=weights)
        centred = rows - mean_row
        slope = float((weights * centred * (levels - mean_level)).sum() / (weights * centred**2).sum())
        level = float(mean_level - slope * mean_row)
        residuals = np.abs(levels - slope * rows - level)
        weights = 1 / (1 + (residuals / (1.5 * np.median(residuals) + 1e-9)) ** 2)
    return slope, level


def _correction(x: Float64, y: Float64, ratios: Float64, frames: Index, quantile: float) -> Float64:
    """``GRID`` logarithms of how ratios to the line compare with all of them, shrunk to 0 where little was seen."""
    level = min(quantile, LOCAL_QUANTILE)
    typical = max(float(np.quantile(ratios, level)), 1e-6)
    cells = cell_of(x, y, GRID)
    count = GRID[0] * GRID[1]
    activity = frames_seen(frames, cells, count)
    logs = np.zeros(count)
    for cell in np.flatnonzero(activity):
        logs[cell] = np.log(max(float(np.quantile(ratios[cells == cell], level)) / typical, MIN_RATIO))
    activity, logs = activity.reshape(GRID), logs.reshape(GRID)
    shrunk: Float64 = _blur(activity * logs) / (_blur(activity) + SHRINKAGE)
    return shrunk


def frames_seen(frames: Index, cells: Index, count: int) -> Float64:
    """``(count,)`` in how many frames something was in each cell, however much of it."""
    seen = np.zeros((int(frames.max(initial=-1)) + 1, count), bool)
    seen[frames, cells] = True
    return np.asarray(seen.sum(axis=0), np.float64)


def cell_of(x: Float64, y: Float64, grid: tuple[int, int]) -> Index:
    """``(n,)`` index of the grid's cell that holds each place, row by row."""
    row = np.clip((y * grid[0]).astype(np.intp), 0, grid[0] - 1)
    column = np.clip((x * grid[1]).astype(np.intp), 0, grid[1] - 1)
    return row * grid[1] + column


def _blur(grid: Float64) -> Float64:
    """Neighbouring cells inform each other."""
    return np.asarray(cv2.GaussianBlur(grid, (3, 3), 0.6, borderType=cv2.BORDER_REPLICATE), np.float64)


def _bilinear(grids: Float64, which: Index, x: Float64, y: Float64) -> Float64:
    _, height, width = grids.shape
    column = np.minimum(np.maximum(x * width - 0.5, 0), width - 1)
    row = np.minimum(np.maximum(y * height - 0.5, 0), height - 1)
    left, top = np.minimum(column.astype(np.intp), width - 2), np.minimum(row.astype(np.intp), height - 2)
    right_share, bottom_share = column - left, row - top
    upper = grids[which, top, left] * (1 - right_share) + grids[which, top, left + 1] * right_share
    lower = grids[which, top + 1, left] * (1 - right_share) + grids[which, top + 1, left + 1] * right_share
    interpolated: Float64 = upper * (1 - bottom_share) + lower * bottom_share
    return interpolated
