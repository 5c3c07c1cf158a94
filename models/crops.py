"""What a joint encoder sees of an object: a square picture of it, and where it was at the moments before.

Training and the service call these same functions, so that an object looks to the network as it did in training.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

GEOMETRY = 5
"""Columns of `geometry`."""

_LEAST = 1e-6


def crop(image: NDArray[np.uint8], box: NDArray[np.floating], size: int, context: float) -> NDArray[np.uint8]:
    """A square cut around a box. What lies outside the picture is filled by its nearest pixels.

    Args:
        image: ``(H, W, 3)`` BGR.
        box: ``(4,)`` left, top, width and height, as shares of the picture; may reach out of it.
        size: Side of the result in pixels, at least 1.
        context: The square's side over the longer side of the box, above 0: 1.25 leaves an eighth around it.

    Returns:
        ``(size, size, 3)`` BGR.

    Raises:
        ValueError: If the picture is empty, or the box is not finite or has a negative side.
    """
    rows, columns = image.shape[:2]
    if not rows or not columns:
        msg = f"expected a picture, got one of shape {image.shape}"
        raise ValueError(msg)
    x, y, width, height = (float(value) for value in box)
    if not all(map(math.isfinite, (x, y, width, height))) or width < 0 or height < 0:
        msg = f"expected a finite box with sides of at least 0, got {[x, y, width, height]}"
        raise ValueError(msg)
    # A box beyond the picture by far would ask for a border as large; it shows the nearest edge either way.
    side = max(2, min(round(context * max(width * columns, height * rows)), 4 * max(rows, columns)))
    left = _start((x + width / 2) * columns, side, columns)
    top = _start((y + height / 2) * rows, side, rows)
    inside = image[max(0, top) : max(0, min(rows, top + side)), max(0, left) : max(0, min(columns, left + side))]
    above, before = max(0, -top), max(0, -left)
    below, behind = side - above - inside.shape[0], side - before - inside.shape[1]
    square: cv2.typing.MatLike = inside
    if above or below or before or behind:
        square = cv2.copyMakeBorder(inside, above, below, before, behind, cv2.BORDER_REPLICATE)
    # Averaging, where the picture is made smaller: sampling lets fine texture flicker from frame to frame.
    how = cv2.INTER_AREA if side > size else cv2.INTER_LINEAR
    return cv2.resize(square, (size, size), interpolation=how).astype(np.uint8, copy=False)


def _start(centre: float, side: int, length: int) -> int:
    """Where a square begins along one axis, such that at least one pixel of it lies in the picture."""
    return min(max(round(min(max(centre, -side), length + side) - side / 2), 1 - side), length - 1)


def geometry(boxes: NDArray[np.floating], times: NDArray[np.floating], aspect: float) -> NDArray[np.float32]:
    """Where an object was and how large, against its newest box: speed can be read from it in heights a second.

    Args:
        boxes: ``(T, 4)`` left, top, width and height, as shares of the picture, oldest first, T at least 1.
        times: ``(T,)`` seconds.
        aspect: Width of the picture over its height.

    Returns:
        ``(T, 5)``: of the centre, how far right and below the newest, in the newest's heights; logarithm of the
        height over the newest's; logarithm of width over height, both in pixels; seconds before the newest.
    """
    places = np.asarray(boxes, np.float64)
    widths = np.maximum(places[:, 2] * aspect, _LEAST)
    heights = np.maximum(places[:, 3], _LEAST)
    across = (places[:, 0] + places[:, 2] / 2) * aspect
    down = places[:, 1] + places[:, 3] / 2
    moments = np.asarray(times, np.float64)
    columns = (
        (across - across[-1]) / heights[-1],
        (down - down[-1]) / heights[-1],
        np.log(heights / heights[-1]),
        np.log(widths / heights),
        moments[-1] - moments,
    )
    return np.stack(columns, axis=1).astype(np.float32)
