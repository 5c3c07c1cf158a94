"""The keypoints of one tracked person over time: smoothed, and moved along with the box between two looks."""

from __future__ import annotations

import math

import numpy as np

from models.arrays import Float32

TAU_S = 0.1
"""What was seen so long ago counts for a third: a tenth of a fall."""

LEAST = 0.1
"""A skeleton is forgotten when none of its joints is believed by more."""


class Skeleton:
    """What is known of one person's joints. Not thread-safe.

    Each joint's place is the mean of where it was seen, weighted by confidence and by how long ago that was, in the
    person's own frame (its box's centre). So a joint that is seen badly moves little and one that is not seen keeps
    nothing but a confidence that goes to 0: nothing is made up in its place.
    """

    def __init__(self, points: Float32, box: Float32, pts: float) -> None:
        """Begin with a first look.

        Args:
            points: ``(17, 3)`` x, y (fractions of the picture), confidence.
            box: ``(4,)`` of the object.
            pts: Presentation time in seconds.
        """
        self._places: Float32 = points[:, :2] - _centre(box)
        self._weights = points[:, 2].copy()
        self._confidences = points[:, 2].copy()
        self._pts = pts

    @property
    def known(self) -> bool:
        """Whether any joint is believed."""
        return bool(self._confidences.max() >= LEAST)

    def see(self, points: Float32 | None, box: Float32, pts: float) -> None:
        """Take another look; None if nobody was found. Arguments as of the first."""
        kept = np.float32(math.exp(-max(0.0, pts - self._pts) / TAU_S))
        self._pts = pts
        self._weights *= kept
        self._confidences *= kept
        if points is None:
            return
        seen = points[:, 2]
        total = self._weights + seen
        share = np.where(total > 0, seen / np.maximum(total, np.float32(1e-9)), np.float32(1))[:, None]
        moved = points[:, :2] - _centre(box) - self._places
        self._places = np.asarray(self._places + share * moved, np.float32)
        self._weights = total
        self._confidences += (1 - kept) * seen

    def at(self, box: Float32) -> Float32:
        """``(17, 3)`` with the person's box where it is now."""
        return np.concatenate([self._places + _centre(box), self._confidences[:, None]], axis=1)


def _centre(box: Float32) -> Float32:
    middle: Float32 = box[:2] + box[2:] * np.float32(0.5)
    return middle
