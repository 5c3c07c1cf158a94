"""Whether the camera of a clip moved, zoomed or cut: such clips teach the movement of the picture, not of the body.

The paper excludes "data containing viewpoint changes" (section 3.2) and does not say how. Here: corners are followed
from picture to picture. Where enough of them stay, the camera stood still; else the similarity that most agree on is
what it did, and those of a clip are chained.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

SIDE = 240
"""Longest side at which pictures are compared, in pixels."""
MAX_SHIFT = 0.08
"""A view that has shifted by more of the picture's longer side is another view. A hand-held camera that stays on its
subject keeps within it."""
MIN_AGREEING = 0.25
"""Share of the corners that must agree on one movement; where fewer do, the picture was cut. Between unrelated
pictures hardly any do; a body that fills half the picture leaves the other half."""
MIN_CORNERS = 12
"""Fewer corners decide nothing: a plain wall says neither that the camera moved nor that it did not."""

_STEP_S = 0.2
# On still cameras the corners of the ground stay within this; a movement fitted to them all would drift with the
# crowd (by a seventh of the picture in 10 s of UCSD Ped2).
_STILL_PX = 0.5
_REACH_PX = 3.0
_TILES = 5
_PER_TILE = 8


class ViewpointWatch:
    """Follows the view over a clip's pictures, in their order."""

    def __init__(self) -> None:
        self.shift = 0.0
        """Farthest that a corner of the first picture has gone from its place, as a share of the longer side."""
        self.cut = False
        """Whether two pictures had no common view."""
        self._last: NDArray[np.uint8] | None = None
        self._last_s = -np.inf
        self._chain = np.eye(3)

    @property
    def changed(self) -> bool:
        """Whether the clip is to be excluded."""
        return self.cut or self.shift > MAX_SHIFT

    def see(self, image: NDArray[np.uint8], pts: float) -> None:
        """Take the next picture, ``(H, W, 3)`` BGR, at ``pts`` seconds. Most are skipped: a view is slow to change."""
        if pts - self._last_s < _STEP_S:
            return
        scale = min(1.0, SIDE / max(image.shape[:2]))
        small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        grey: NDArray[np.uint8] = cv2.cvtColor(small, cv2.COLOR_BGR2GRAY).astype(np.uint8, copy=False)
        if self._last is not None:
            self._compare(self._last, grey)
        self._last, self._last_s = grey, pts

    def _compare(self, before: NDArray[np.uint8], after: NDArray[np.uint8]) -> None:
        corners = _corners(before)
        if len(corners) < MIN_CORNERS:
            return
        moved, found, _ = cv2.calcOpticalFlowPyrLK(before, after, corners, None)  # type: ignore[call-overload]
        kept = found.ravel() == 1
        stayed = kept & (np.hypot(*(moved - corners).reshape(-1, 2).T) < _STILL_PX)
        if stayed.sum() >= MIN_AGREEING * len(corners):
            return
        agreeing = 0
        movement = None
        if kept.sum() >= MIN_CORNERS:
            movement, inliers = cv2.estimateAffinePartial2D(corners[kept], moved[kept], ransacReprojThreshold=_REACH_PX)
            agreeing = 0 if movement is None else int(inliers.sum())
        if movement is None or agreeing < MIN_AGREEING * len(corners):
            self.cut = True
            return
        self._chain = np.vstack([movement, (0.0, 0.0, 1.0)]) @ self._chain
        height, width = after.shape
        edges = np.array([[0, width, 0, width], [0, 0, height, height], [1, 1, 1, 1]], float)
        gone = (self._chain @ edges - edges)[:2]
        self.shift = max(self.shift, float(np.hypot(*gone).max()) / max(height, width))


def _corners(grey: NDArray[np.uint8]) -> NDArray[np.float32]:
    """``(N, 1, 2)`` corners, as many from every part of the picture: the sharpest ones of all would be the body's."""
    height, width = (math.ceil(side / _TILES) for side in grey.shape)
    found = [np.zeros((0, 1, 2), np.float32)]
    for top in range(0, grey.shape[0], height):
        for left in range(0, grey.shape[1], width):
            tile = grey[top : top + height, left : left + width]
            corners = cv2.goodFeaturesToTrack(tile, _PER_TILE, 0.05, 4)
            if corners is not None:
                found.append((corners + np.array((left, top))).astype(np.float32))
    return np.concatenate(found)
