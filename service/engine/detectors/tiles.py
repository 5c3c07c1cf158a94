"""Looking at a picture in parts, so that small things are larger in the detector's input."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from service.engine.detectors.letterbox import Part

MIN_OVERLAP = 0.15
"""Of a tile's side: what is smaller lies whole in one of two neighbours."""

_MOST = 4
_SAME_SIDE = 0.7
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


WHOLE = Grid(1, 1)
"""The picture in one."""

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
    """Which ``(N, 4)`` boxes x1, y1, x2, y2 reach a tile's inner edge, and so may be half of something."""
    x, y, width, height = part
    slack = _AT_EDGE * max(width, height)
    right, bottom = x + width, y + height
    halves = np.zeros(len(corners), np.bool_)
    if x > 0:
        halves |= corners[:, 0] < x + slack
    if y > 0:
        halves |= corners[:, 1] < y + slack
    if right < picture[0]:
        halves |= corners[:, 2] > right - slack
    if bottom < picture[1]:
        halves |= corners[:, 3] > bottom - slack
    return halves


def seen_better(
    corners: NDArray[np.float32], tile: int, parts: Sequence[Part], picture: tuple[int, int]
) -> NDArray[np.bool_]:
    """Which ``(N, 4)`` boxes that a tile cuts lie whole in another one, which is to judge what they are."""
    halves = cut(corners, parts[tile], picture)
    elsewhere = np.zeros(len(corners), np.bool_)
    for other, part in enumerate(parts):
        if other != tile and halves.any():
            elsewhere |= ~cut(corners, part, picture) & _inside(corners, part)
    return halves & elsewhere


def join(
    corners: NDArray[np.float32], class_ids: NDArray[np.int32], tiles: NDArray[np.intp], halves: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Join what is larger than the overlap and so is cut in every tile.

    Args:
        corners: ``(N, 4)`` x1, y1, x2, y2, the surest first. A box that is joined is widened in place.
        class_ids: ``(N,)``.
        tiles: ``(N,)``, the tile that each box comes from.
        halves: ``(N,)``, whether it is cut.

    Returns:
        ``(N,)``, which boxes are left.
    """
    keep = np.ones(len(corners), np.bool_)
    cuts = np.flatnonzero(halves)
    for position, first in enumerate(cuts):
        for second in cuts[position + 1 :] if keep[first] else ():
            if not keep[second] or tiles[first] == tiles[second] or class_ids[first] != class_ids[second]:
                continue
            low = np.maximum(corners[first, :2], corners[second, :2])
            high = np.minimum(corners[first, 2:], corners[second, 2:])
            sides = np.minimum(corners[first, 2:] - corners[first, :2], corners[second, 2:] - corners[second, :2])
            # Two halves of one thing share the strip in which their tiles overlap, and nearly all of the other side.
            if (high > low).all() and np.max((high - low) / sides) > _SAME_SIDE:
                corners[first, :2] = np.minimum(corners[first, :2], corners[second, :2])
                corners[first, 2:] = np.maximum(corners[first, 2:], corners[second, 2:])
                keep[second] = False
    return keep


def _inside(corners: NDArray[np.float32], part: Part) -> NDArray[np.bool_]:
    x, y, width, height = part
    begins = (corners[:, 0] >= x) & (corners[:, 1] >= y)
    return begins & (corners[:, 2] <= x + width) & (corners[:, 3] <= y + height)


def _side(length: int, count: int) -> int:
    return length if count == 1 else int(np.ceil(length / (count - MIN_OVERLAP * (count - 1))))


def _starts(length: int, side: int, count: int) -> list[int]:
    if count == 1:
        return [(length - side) // 2]
    return [round(index * (length - side) / (count - 1)) for index in range(count)]


def _clip(count: int) -> int:
    return min(max(count, 1), _MOST)
