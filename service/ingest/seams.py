"""Finds seams in a recording of one place: everybody jumps at once while the ground stays as it is.

Pieces of footage that were put behind each other, or a loop that jumps back, do not change the picture as a whole, so
nothing else sees them; but the flow across one is that of people who fly through the picture. At a seam what moves
differs from the frame before by far more than it usually does, and no longer lies where it lay, in many places at once
or far away; and at the next frame all is as usual again, which tells it from people who begin to run.

Measured: Ped2's sixteen training clips behind each other have five such seams (ten clips go on where the one before
ended), of 2.3 to 2.8 times the usual difference and an overlap of 0.19 to 0.54 where it usually is 0.92. All five are
found. In 90,000 other frames (five hours of the office, falls at 6 frames a second, fights, two more cameras) none is;
falls at its own 18 frames a second, of which its recorder lost some, has nine in 12,600.
"""

from __future__ import annotations

from collections import deque
from enum import Enum

import cv2
import numpy as np
from numpy.typing import NDArray

USUAL_FRAMES = 16
"""What is usual is the median of so many steps from frame to frame."""

LEAST_FRAMES = 8
"""After fewer nothing is called unusual."""

DIFFERENCE = 1.8
"""Times the usual difference of what moves, at a seam."""

OVERLAP = 0.65
USUAL_OVERLAP = 0.75
"""Of what moves with where it was: at a seam at most, and usually at least. At a picture a second little overlaps."""

CALM_DIFFERENCE = 1.45
CALM_OVERLAP = 0.85
"""Of what is usual, once the seam is behind."""

LEAST_AREA = 0.005
"""Share of the picture that has to move."""

PLACES = 4
LARGEST = 0.5
"""So many separate regions, none with more of what moves than this, are many places; one person in pieces is not."""

LEAST_REGION = 0.0005
"""Share of the picture of a region that counts."""

FAR = 24
NEAR = 0.1
"""Pixels of 360: what moves lies far from where it was if no more than this share is as near."""

STEP = 1.5
"""A frame that comes so many times later than usual is behind a gap, not a seam."""

_THINNED = 4  # of the rows: whole ones are looked at without a copy
_LEAST_DIFFERENCE = 3.0  # grey levels: less is noise


class Seam(Enum):
    """What a frame is to the one before."""

    NONE = "none"
    """It goes on."""
    SUSPECTED = "suspected"
    """It may be behind a seam, which the next frame tells: nothing is to be made of how it moved."""
    FOUND = "found"
    """The frame before was the first behind a seam."""


class SeamFinder:
    """Follows the frames of one stream. Not thread-safe."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._steps: deque[tuple[float, float, float]] = deque(maxlen=USUAL_FRAMES)
        self.reset()

    def reset(self) -> None:
        """Begin anew with the next frame, as after a change of the whole picture."""
        self._grey: NDArray[np.uint8] | None = None
        self._foreground: NDArray[np.uint8] | None = None
        self._pts = 0.0
        self._steps.clear()
        self._suspected: tuple[float, float] | None = None

    def update(self, grey: NDArray[np.uint8], foreground: NDArray[np.uint8], pts: float) -> Seam:
        """Look at the next prepared frame.

        Args:
            grey: ``(h, w)`` uint8.
            foreground: ``(h, w)`` uint8, 1 where it differs from its background.
            pts: Presentation time in seconds.
        """
        earlier, before, elapsed = self._grey, self._foreground, pts - self._pts
        self._grey, self._foreground, self._pts = grey, foreground, pts
        suspected, self._suspected = self._suspected, None
        if earlier is None or before is None or earlier.shape != grey.shape or elapsed <= 0:
            self._steps.clear()
            return Seam.NONE
        step = _step(earlier, before, grey, foreground)
        if step is None:
            self._steps.clear()  # an empty scene: whoever comes moves as they move
            return Seam.NONE
        difference, overlap = step
        if suspected is not None:
            most, least = suspected
            calm = difference <= CALM_DIFFERENCE * most and overlap >= CALM_OVERLAP * least
            self._steps.clear()
            self._steps.append((difference, overlap, elapsed))
            return Seam.FOUND if calm else Seam.NONE
        if overlap < OVERLAP and len(self._steps) >= LEAST_FRAMES:
            usual = [float(np.median(values)) for values in zip(*self._steps, strict=True)]
            unusual = difference > DIFFERENCE * max(usual[0], _LEAST_DIFFERENCE) and elapsed <= STEP * usual[2]
            if unusual and usual[1] > USUAL_OVERLAP and _everywhere(before, foreground):
                self._suspected = usual[0], usual[1]
                return Seam.SUSPECTED
        self._steps.append((difference, overlap, elapsed))
        return Seam.NONE


def _step(
    earlier: NDArray[np.uint8], before: NDArray[np.uint8], grey: NDArray[np.uint8], foreground: NDArray[np.uint8]
) -> tuple[float, float] | None:
    """Mean difference of what moves, and its overlap with where it was; None if hardly anything moves."""
    was, now = before[::_THINNED], foreground[::_THINNED]
    least = min(cv2.countNonZero(was), cv2.countNonZero(now))
    if least < LEAST_AREA * now.size:
        return None
    difference = cv2.absdiff(grey[::_THINNED], earlier[::_THINNED])
    return cv2.mean(difference, mask=cv2.bitwise_or(was, now))[0], cv2.countNonZero(cv2.bitwise_and(was, now)) / least


def _everywhere(before: NDArray[np.uint8], foreground: NDArray[np.uint8]) -> bool:
    """Whether what moves is in many places, or all of it far from where it was."""
    sizes = [_regions(mask) for mask in (before, foreground)]
    if all(len(each) >= PLACES and each.max() <= LARGEST * each.sum() for each in sizes):
        return True
    reach = 2 * max(1, round(FAR * max(foreground.shape) / 360)) + 1
    around = np.ones((reach, reach), np.uint8)
    return all(
        cv2.countNonZero(cv2.bitwise_and(cv2.dilate(one, around), other)) < NEAR * cv2.countNonZero(other)
        for one, other in ((before, foreground), (foreground, before))
    )


def _regions(foreground: NDArray[np.uint8]) -> NDArray[np.int32]:
    """Pixels of each separate region that counts."""
    closed = cv2.morphologyEx(foreground, cv2.MORPH_CLOSE, np.ones((5, 3), np.uint8))
    sizes = np.asarray(cv2.connectedComponentsWithStats(closed)[2][1:, cv2.CC_STAT_AREA], np.int32)
    return sizes[sizes >= LEAST_REGION * foreground.size]
