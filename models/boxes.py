"""Boxes held against one another, and against the border of their picture.

A box is x and y of its upper left corner, width and height, in any unit. Functions of two boxes broadcast over all but
the last axis, as numpy does: one against another, ``(N, 4)`` against one, ``(M, 1, 4)`` against ``(1, N, 4)`` for every
pair. They count in the width of what they are given.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar, overload

import numpy as np

from models.arrays import Float32, Float64, Floating, Mask

Boxes = TypeVar("Boxes", Float32, Float64)

EDGE = 0.01
"""Of the picture: a box this near to its border is cut off there. Detectors end such boxes a pixel or two before it."""

_LEAST = 1e-12  # an area to divide by, where there is none


def areas(boxes: Boxes) -> Boxes:
    """``(...)`` of boxes ``(..., 4)``."""
    area: Boxes = boxes[..., 2:].prod(axis=-1)
    return area


def common_areas(boxes: Boxes, others: Boxes) -> Boxes:
    """``(...)`` what boxes ``(..., 4)`` have in common with others; 0 where they do not meet."""
    low = np.maximum(boxes[..., :2], others[..., :2])
    high = np.minimum(boxes[..., :2] + boxes[..., 2:], others[..., :2] + others[..., 2:])
    area: Boxes = np.maximum(high - low, 0).prod(axis=-1)
    return area


def iou(boxes: Boxes, others: Boxes) -> Boxes:
    """``(...)`` intersection over union, in [0, 1]; 0 of two without an area."""
    common = common_areas(boxes, others)
    return _over(common, areas(boxes) + areas(others) - common)


def share_of_smaller(boxes: Boxes, others: Boxes) -> Boxes:
    """``(...)`` what two boxes have in common over the smaller one, in [0, 1]: 1 where one lies in the other."""
    return _over(common_areas(boxes, others), np.minimum(areas(boxes), areas(others)))


def share_within(boxes: Boxes, others: Boxes) -> Boxes:
    """``(...)`` the share of each box that lies within the other, in [0, 1]."""
    return _over(common_areas(boxes, others), areas(boxes))


def iou_table(boxes: Floating, others: Floating) -> Float64:
    """``(M, N)`` intersection over union of all of ``(M, 4)`` with all of ``(N, 4)``."""
    return iou(boxes.astype(np.float64)[:, None], others.astype(np.float64)[None])


@overload
def cut_off(boxes: Sequence[float]) -> bool: ...
@overload
def cut_off(boxes: Floating) -> Mask: ...
def cut_off(boxes: Sequence[float] | Floating) -> bool | Mask:
    """Whether the picture's border cuts a box off, so that it may look too small, but not too large.

    Args:
        boxes: One as four numbers, or ``(N, 4)``; in fractions of the picture.

    Returns:
        Of one, or ``(N,)``.
    """
    x, y, width, height = boxes.T if isinstance(boxes, np.ndarray) else boxes
    cut: bool | Mask = (x < EDGE) | (y < EDGE) | (x + width > 1.0 - EDGE) | (y + height > 1.0 - EDGE)
    return cut


def _over(part: Boxes, whole: Boxes) -> Boxes:
    share: Boxes = np.divide(part, np.maximum(whole, _LEAST))
    return share
