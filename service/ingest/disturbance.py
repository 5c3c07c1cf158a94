"""Tells a change of the whole picture (light, camera, exposure) from things that move in it."""

from __future__ import annotations

import cv2
import numpy as np
from cv2.typing import MatLike
from numpy.typing import NDArray

_CELLS_ON_LONG_SIDE = 12
# Measured as (share of all cells, share of cells with texture): the fullest crowd of Ped2's training clips changes
# (0.31, 0.33) and a fight that fills the picture (0.78, 0.78), a camera moved by 2 px (0.51, 0.96) and a step of
# 12 grey levels (1.0, 1.0).
_CHANGED_CELLS = 0.4
_CHANGED_TEXTURE = 0.85
_TEXTURE_STEP = 4  # pixels; a narrower picture has no texture to look at
_MIN_TEXTURE = 0.1  # with less of it, a moved camera cannot be seen, and only light is looked for
_CHANGED_FLAT_CELLS = 0.8
_STILL_CELLS = 0.3
_SETTLED_S = 0.3
# A wood in the wind never stands still: after so long what is seen is learned, restless pixels and all.
_MAX_S = 10.0
_GRACE_S = 5.0


class Disturbance:
    """Watches a coarse grid of cells; holds one picture and two clocks. Not thread-safe.

    Attributes:
        took_s: When one has ended with a new picture, seconds from its first frame to the first that shows that
            picture; 0 for a cut. None if the picture never stood still.
    """

    def __init__(self) -> None:
        self._previous: MatLike | None = None
        self._since: float | None = None
        self._still_since: float | None = None
        self._not_before = -np.inf
        self._pts = 0.0
        self._still_from = 0.0
        self.took_s: float | None = None

    @property
    def active(self) -> bool:
        """Whether the picture is changing as a whole, or has not settled since it did."""
        return self._since is not None

    def update(self, grey: MatLike, background: MatLike, restlessness: MatLike, level: float, pts: float) -> bool:
        """Look at one frame.

        Args:
            grey: ``(h, w)`` the picture, smoothed.
            background: ``(h, w)`` what is expected there.
            restlessness: ``(h, w)`` the difference that is usual there, in grey levels.
            level: A mean difference of a cell above this many grey levels is a change.
            pts: Presentation time in seconds.

        Returns:
            True in the frame in which a disturbance ends with a new picture, which is to be learned. False when
            it ends with the old one, as after a flash.
        """
        previous, self._previous = self._previous, grey
        earlier, self._pts = self._pts, pts
        if pts < self._not_before:
            return False
        if self._since is None:
            if _changed_as_a_whole(grey, background, restlessness, level):
                self._since, self._still_since = pts, None
            return False
        if not _changed_as_a_whole(grey, background, restlessness, level):
            self._since = None
            return False
        if pts - self._since > _MAX_S:
            self._since, self._not_before, self.took_s = None, pts + _GRACE_S, None
            return True
        still = (
            previous is not None
            and float(_cells(cv2.absdiff(grey, previous), level, _grid(grey)).mean()) < _STILL_CELLS
        )
        if not still:
            self._still_since = None
        elif self._still_since is None:
            self._still_since, self._still_from = pts, earlier
        elif pts - self._still_since >= _SETTLED_S:
            self.took_s = max(0.0, self._still_from - self._since)
            self._since = None
            return True
        return False


def _changed_as_a_whole(grey: MatLike, background: MatLike, restlessness: MatLike, level: float) -> bool:
    grid = _grid(background)
    changed = _cells(cv2.subtract(cv2.absdiff(grey, background), restlessness), level, grid)
    share = float(changed.mean())
    if share < _CHANGED_CELLS:
        return False
    if background.shape[1] <= _TEXTURE_STEP:
        return share > _CHANGED_FLAT_CELLS
    textured = _cells(cv2.absdiff(background[:, _TEXTURE_STEP:], background[:, :-_TEXTURE_STEP]), level, grid)
    if textured.mean() < _MIN_TEXTURE:
        return share > _CHANGED_FLAT_CELLS
    return float(changed[textured].mean()) > _CHANGED_TEXTURE


def _grid(picture: MatLike) -> tuple[int, int]:
    """How many cells lie beside and above each other, of pictures of this size."""
    height, width = picture.shape
    side = max(height, width) / _CELLS_ON_LONG_SIDE
    return max(1, round(width / side)), max(1, round(height / side))


def _cells(values: MatLike, level: float, grid: tuple[int, int]) -> NDArray[np.bool_]:
    """Where the mean of a cell is above a level."""
    return cv2.resize(values, grid, interpolation=cv2.INTER_AREA) > level
