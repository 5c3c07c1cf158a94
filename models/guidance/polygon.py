"""Where an object stands, and whether that is in a zone: one answer for captions, rules and what is looked at."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from models.arrays import Float32, Mask

Polygon = tuple[tuple[float, float], ...]
"""Corners as fractions of the picture."""


def foot_points(boxes: Float32) -> Float32:
    """``(N, 2)``, the middle of the lower edge of each of ``(N, 4)`` boxes (x, y, w, h)."""
    return boxes[:, :2] + boxes[:, 2:] * np.array((0.5, 1.0), np.float32)


def contains(polygon: Sequence[tuple[float, float]], points: Float32) -> Mask:
    """``(N,)``, which of ``(N, 2)`` points are in a polygon, by the even-odd rule, or on its edge.

    The edge counts: who is cut off by the lower edge of the picture stands in a zone that reaches it.
    """
    # As coarse as boxes are, so that a point that was set on an edge lies on it.
    corners = np.array(polygon, np.float32).astype(np.float64)
    x, y = points.T[..., None].astype(np.float64)
    x1, y1 = corners.T
    x2, y2 = np.roll(corners, -1, axis=0).T
    side = (x2 - x1) * (y - y1) - (y2 - y1) * (x - x1)  # of the line through an edge; 0 on it
    between = (
        (np.minimum(x1, x2) <= x) & (x <= np.maximum(x1, x2)) & (np.minimum(y1, y2) <= y) & (y <= np.maximum(y1, y2))
    )
    on_edge = ((side == 0) & between).any(axis=1)
    crossed = ((y1 > y) != (y2 > y)) & ((side > 0) == (y2 > y1))
    return np.asarray(on_edge | (crossed.sum(axis=1) % 2 == 1))
