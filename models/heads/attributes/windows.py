"""Dense motion windows: person-sized parts of the picture and how what moves in them moves.

They need no detector, and see what a detector misses.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from models.observation import Motion

HEIGHTS = (0.1, 0.2, 0.4)
"""Heights of windows as shares of the picture's, an octave apart, so that a person of any size a fixed camera
shows is near one of them: from far ones to one who fills the picture. Each size is judged by itself."""

ASPECT = 0.5
"""Width over height: a standing person's."""

STRIDE = 0.5
"""Step between windows as a share of their size: whatever moves lies well inside one of them."""

MOVED = 0.001
"""A pixel moves if it moved by this share of the picture's height between the pictures: a quarter of a pixel at 240
rows, just above what matching finds in a still picture."""

THIN_ABOVE = 160
"""Every second row and column says as much of motion in pictures higher than this, at a quarter of the cost."""

MIN_MOVING = 0.25
"""The share of a window that must move or be foreground for it to say anything. On Ped2 the AUC is level from 0.1
to 0.3."""

MAX_WINDOWS = 384
"""Windows kept of one frame, the fastest: a picture in which everything moves has more."""


@dataclass(frozen=True, slots=True)
class Windows:
    """The ``K`` windows of one frame in which enough moves.

    Attributes:
        places: ``(K, 2)`` float32, centre x and y as fractions of the picture.
        sizes: ``(K,)`` int32, index into ``HEIGHTS``.
        velocities: ``(K, 2)`` float32, mean velocity of what moves, in picture heights a second.
    """

    places: NDArray[np.float32]
    sizes: NDArray[np.int32]
    velocities: NDArray[np.float32]


def thin(motion: Motion) -> Motion:
    """The motion at half the resolution, where that is enough."""
    if motion.foreground.shape[0] <= THIN_ABOVE:
        return motion
    flow = motion.flow[::2, ::2] * np.float32(0.5)
    return replace(motion, flow=flow, foreground=np.ascontiguousarray(motion.foreground[::2, ::2]))


def moving(motion: Motion, ignored: NDArray[np.bool_] | None = None) -> NDArray[np.bool_]:
    """``(h, w)`` where something is: foreground, or seen to move. Never in ignored zones.

    Both, as each alone misses some: a background leaves holes in what looks like it, flow does not see who stands.

    Args:
        motion: At any resolution.
        ignored: At the same resolution, or twice it.
    """
    across, down = motion.flow[..., 0], motion.flow[..., 1]
    least = (MOVED * motion.foreground.shape[0]) ** 2
    mask: NDArray[np.bool_] = (across * across + down * down > least) | (motion.foreground > 0)
    if ignored is None:
        return mask
    return mask & ~(ignored if ignored.shape == mask.shape else ignored[::2, ::2])


def find_windows(motion: Motion, mask: NDArray[np.bool_]) -> Windows:
    """Windows of all sizes in which enough of ``mask`` lies."""
    height, width = mask.shape
    weights = mask.astype(np.float32)
    layers = cv2.merge([weights, motion.flow[..., 0] * weights, motion.flow[..., 1] * weights])
    sums = cv2.integral(layers)
    places, sizes, velocities = [], [], []
    for size, share in enumerate(HEIGHTS):
        tall, wide = max(2, round(share * height)), max(2, round(share * height * ASPECT))
        (top, bottom), (left, right) = _spans(height, tall), _spans(width, wide)
        total = (
            sums[bottom[:, None], right]
            - sums[top[:, None], right]
            - sums[bottom[:, None], left]
            + sums[top[:, None], left]
        )
        visible = np.outer(bottom - top, right - left)
        row, column = np.nonzero(total[..., 0] >= MIN_MOVING * visible)
        found = total[row, column]
        centres = [(left + right)[column] / (2 * width), (top + bottom)[row] / (2 * height)]
        places.append(np.stack(centres, axis=1))
        sizes.append(np.full(len(row), size))
        velocities.append(found[:, 1:] / found[:, :1] / (height * motion.interval))
    velocity = np.concatenate(velocities)
    fastest = np.argsort(-(velocity**2).sum(axis=1), kind="stable")[:MAX_WINDOWS]
    return Windows(
        np.concatenate(places)[fastest].astype(np.float32),
        np.concatenate(sizes)[fastest].astype(np.int32),
        velocity[fastest].astype(np.float32),
    )


def _spans(length: int, size: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """First and last pixels of windows that cover a length evenly; the outermost are half outside it.

    Whatever enters is seen while only half of it has.
    """
    size = min(size, length)
    count = 1 + int(np.ceil(length / (size * STRIDE)))
    starts = np.linspace(-size / 2, length - size / 2, count).round().astype(np.intp)
    return np.maximum(starts, 0), np.minimum(starts + size, length)
