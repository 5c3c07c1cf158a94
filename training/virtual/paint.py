"""Anti-aliased shapes on BGR and premultiplied BGRA pictures, from points with fractions of a pixel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from models.arrays import Float64, Image

SHIFT = 4
"""OpenCV's fixed-point bits: sixteenths of a pixel."""
_CAP = np.exp(1j * np.linspace(0.5 * np.pi, 1.5 * np.pi, 7))
_CIRCLE = np.stack([np.cos(np.linspace(0, 2 * np.pi, 12, False)), np.sin(np.linspace(0, 2 * np.pi, 12, False))], 1)


def fixed(points: Float64) -> NDArray[np.int32]:
    """Pixels in OpenCV's fixed point."""
    return np.asarray(np.rint(points * (1 << SHIFT)), dtype=np.int32)


def fill(image: Image, points: Float64, colour: Sequence[float]) -> None:
    """Fill a convex polygon of (N, 2) pixels."""
    cv2.fillConvexPoly(image, fixed(points), tuple(colour), cv2.LINE_AA, SHIFT)


def fill_any(image: Image, points: Float64, colour: Sequence[float]) -> None:
    """Fill a polygon of (N, 2) pixels of any form."""
    cv2.fillPoly(image, [fixed(points)], tuple(colour), cv2.LINE_AA, SHIFT)


def line(image: Image, points: Float64, colour: Sequence[float], width: float, *, closed: bool = False) -> None:
    """A line through (N, 2) pixels; at least one pixel wide."""
    cv2.polylines(image, [fixed(points)], closed, tuple(colour), max(1, round(width)), cv2.LINE_AA, SHIFT)


def capsules(starts: Float64, ends: Float64, start_radii: Float64, end_radii: Float64) -> Float64:
    """Outlines, (N, 14, 2), of N limbs from (N, 2) to (N, 2) pixels with round ends."""
    # As complex numbers, so that a cap is turned by one product and no angle is needed.
    first, last = np.ascontiguousarray(starts).view(np.complex128), np.ascontiguousarray(ends).view(np.complex128)
    along = last - first
    turned = along / np.maximum(np.abs(along), 1e-9) * _CAP
    outline = np.hstack([first + start_radii[:, None] * turned, last - end_radii[:, None] * turned])
    return np.asarray(outline.view(np.float64).reshape(len(starts), -1, 2))


def hull(centres: Float64, radii: Float64) -> Float64:
    """Outline of all of N circles together, (M, 2): centres (N, 2), radii (N,)."""
    points = (centres[:, None] + radii[:, None, None] * _CIRCLE).reshape(-1, 2)
    return np.asarray(cv2.convexHull(points.astype(np.float32))[:, 0], dtype=np.float64)


@dataclass(frozen=True)
class Sprite:
    """A small picture with transparency.

    ``image`` is (h, w, 4) uint8, premultiplied BGRA; its first pixel lies at (``x``, ``y``) of the frame.
    """

    x: int
    y: int
    image: Image

    @staticmethod
    def cut(canvas: Image, x: int = 0, y: int = 0) -> Sprite | None:
        """What is drawn on ``canvas``, whose first pixel is (x, y); None if nothing is."""
        left, top, width, height = cv2.boundingRect(canvas[..., 3])
        if width == 0:
            return None
        return Sprite(x + left, y + top, canvas[top : top + height, left : left + width].copy())

    def window(self, width: int, height: int) -> tuple[slice, slice, slice, slice] | None:
        """Rows and columns of the frame it covers, then of its own image; None outside a frame of that size."""
        left, top = max(self.x, 0), max(self.y, 0)
        right = min(self.x + self.image.shape[1], width)
        bottom = min(self.y + self.image.shape[0], height)
        if right <= left or bottom <= top:
            return None
        return (
            slice(top, bottom),
            slice(left, right),
            slice(top - self.y, bottom - self.y),
            slice(left - self.x, right - self.x),
        )

    def over(self, frame: Image) -> None:
        """Lay it over ``frame``, (H, W, 3)."""
        window = self.window(frame.shape[1], frame.shape[0])
        if window is None:
            return
        rows, columns, own_rows, own_columns = window
        mine, under = self.image[own_rows, own_columns], frame[rows, columns]
        clear = cv2.cvtColor(255 - mine[..., 3], cv2.COLOR_GRAY2BGR)
        frame[rows, columns] = cv2.add(cv2.multiply(under, clear, scale=1.0 / 255.0), mine[..., :3])

    def meets(self, other: Sprite) -> bool:
        """Whether the two cover a common part of the frame."""
        return bool(
            self.x < other.x + other.image.shape[1]
            and other.x < self.x + self.image.shape[1]
            and self.y < other.y + other.image.shape[0]
            and other.y < self.y + self.image.shape[0]
        )

    def veil(self, other: Sprite) -> None:
        """Take away from ``other`` what lies behind this one, in place."""
        left, top = max(self.x, other.x), max(self.y, other.y)
        right = min(self.x + self.image.shape[1], other.x + other.image.shape[1])
        bottom = min(self.y + self.image.shape[0], other.y + other.image.shape[0])
        if right <= left or bottom <= top:
            return
        mine = self.image[top - self.y : bottom - self.y, left - self.x : right - self.x, 3]
        if not mine.any():
            return
        part = other.image[top - other.y : bottom - other.y, left - other.x : right - other.x]
        part[:] = cv2.multiply(part, cv2.merge([255 - mine] * 4), scale=1.0 / 255.0)
