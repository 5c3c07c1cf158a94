"""Looking at a picture in parts, so that small things are larger in the detector's input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from service.engine.detectors.letterbox import Part

LEAST_OVERLAP = 0.15
"""Of a tile's side: what is smaller lies whole in one of two neighbours."""

_MOST = 4
_CONTAINED = 0.6
_AT_EDGE = 0.01


@dataclass(frozen=True, slots=True)
class Grid:
    """Columns and rows of tiles, each at least 1 and at most 4."""

    columns: int = 1
    rows: int = 1

    def __post_init__(self) -> None:
        if not (1 <= self.columns <= _MOST and 1 <= self.rows <= _MOST):
            msg = f"expected 1 to {_MOST} columns and rows of tiles, got {self.columns}x{self.rows}"
            raise ValueError(msg)


Tiles = Grid | Literal["auto"]
"""``auto`` takes as many tiles as fill the input: a square input shows a picture of 16:9 in two columns, at 1.8
times the scale, where one pass would leave 44 % of the input grey."""


def choose(tiles: Tiles, picture: tuple[int, int], size: tuple[int, int]) -> Grid:
    """The grid for a picture of a width and height, and an input of a width and height."""
    if tiles != "auto":
        return tiles
    stretch = (picture[0] / picture[1]) / (size[0] / size[1])
    return Grid(_clip(round(stretch)), _clip(round(1 / stretch)))


def split(grid: Grid, picture: tuple[int, int], size: tuple[int, int]) -> list[Part]:
    """The tiles as x, y, width, height in picture pixels; they cover the picture, and neighbours overlap.

    A tile grows beyond the least overlap as far as that costs no scale.
    """
    width, height = _side(picture[0], grid.columns), _side(picture[1], grid.rows)
    scale = min(size[0] / width, size[1] / height)
    width = min(picture[0], max(width, int(size[0] / scale)))
    height = min(picture[1], max(height, int(size[1] / scale)))
    return [
        (x, y, width, height)
        for y in _starts(picture[1], height, grid.rows)
        for x in _starts(picture[0], width, grid.columns)
    ]


def cut(corners: NDArray[np.float32], part: Part, picture: tuple[int, int]) -> NDArray[np.bool_]:
    """Which ``(N, 4)`` boxes x1, y1, x2, y2 end at a tile's inner edge, and so may be half of something."""
    x, y, width, height = part
    slack = np.float32(_AT_EDGE * max(width, height))
    inner = np.zeros(len(corners), np.bool_)
    if x > 0:
        inner |= corners[:, 0] < x + slack
    if y > 0:
        inner |= corners[:, 1] < y + slack
    if x + width < picture[0]:
        inner |= corners[:, 2] > x + width - slack
    if y + height < picture[1]:
        inner |= corners[:, 3] > y + height - slack
    return inner


def without_halves(
    corners: NDArray[np.float32], class_ids: NDArray[np.int32], halves: NDArray[np.bool_], tiles: NDArray[np.intp]
) -> NDArray[np.bool_]:
    """Which boxes to keep: all but halves that another tile shows whole.

    Args:
        corners: ``(N, 4)`` x1, y1, x2, y2.
        class_ids: ``(N,)``.
        halves: ``(N,)``, whether a box is cut.
        tiles: ``(N,)``, the tile that a box comes from.
    """
    keep = np.ones(len(corners), np.bool_)
    for index in np.flatnonzero(halves):
        others = (tiles != tiles[index]) & (class_ids == class_ids[index]) & ~(halves & ~keep)
        if not others.any():
            continue
        low = np.maximum(corners[index, :2], corners[others, :2])
        high = np.minimum(corners[index, 2:], corners[others, 2:])
        shared = np.prod(np.clip(high - low, 0, None), axis=1)
        own = float(np.prod(corners[index, 2:] - corners[index, :2]))
        larger = np.prod(corners[others, 2:] - corners[others, :2], axis=1) >= own
        keep[index] = not np.any(larger & (shared > _CONTAINED * own))
    return keep


def _side(length: int, count: int) -> int:
    return length if count == 1 else int(np.ceil(length / (count - LEAST_OVERLAP * (count - 1))))


def _starts(length: int, side: int, count: int) -> list[int]:
    if count == 1:
        return [(length - side) // 2]
    return [round(index * (length - side) / (count - 1)) for index in range(count)]


def _clip(count: int) -> int:
    return min(max(count, 1), _MOST)
