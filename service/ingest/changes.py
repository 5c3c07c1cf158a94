"""What was left in a scene, and what is gone from it: a slow picture of the place beside the one that follows.

The background takes what stands for ground after a minute. The reference here keeps what was there before, and follows
only light and what hardly differs. A place that has been another one, and still, for ten seconds gets a box with an
age. It looks once a second.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from cv2.typing import MatLike
from numpy.typing import NDArray

from models.arrays import Float32
from models.boxes import share_of_smaller
from models.observation import Changes
from service.frames import KEPT_S
from service.ingest.scene_change import Affine

LOOK_S = 1.0
"""Seconds between two looks."""

PERSIST_S = 10.0
"""What was left has been still for so long before it counts: who stops for a moment goes on within some seconds."""

KNOWN_S = 60.0
"""What is gone was there for so long at least, since the reference began; who stood there when it began was not."""

MIN_AREA = 0.0005
"""Share of the picture that a change covers at least: 43 pixels of 360x240, as the least object of motion does."""

MIN_PIXELS = 30
"""And of a small picture so many: in the office, 128x64, less are edges of what somebody pushed."""

MAX_AREA = 0.25
"""And all of them together at most: more is the light, and the place is as it is now from then on."""

MAX_CHANGES = 16
"""Changes of one stream that are known at once, the largest."""

_SEEN_AGAIN_S = 2  # what was there before is believed to be back after so many looks
_BACK = 0.5  # of a change's pixels
_EDGE_FACTOR = 1.3
_MOST_PEOPLE = 0.3  # of a region that may lie in the boxes of people
_SAME_PLACE = 0.3
_LEAST_QUIET = 50
_SQUARE_3 = np.ones((3, 3), np.uint8)
_SQUARE_5 = np.ones((5, 5), np.uint8)
_CROSS = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))


@dataclass(slots=True)
class _Change:
    """One place that is another one.

    Attributes:
        box: Left, top, width and height in pixels.
        own: ``(height, width)`` bool, which of them.
        since: Presentation time at which it was first seen, seconds.
        gone: Whether something is missing there.
    """

    box: tuple[int, int, int, int]
    own: NDArray[np.bool_]
    since: float
    gone: bool

    @property
    def part(self) -> tuple[slice, slice]:
        """Its rows and columns."""
        left, top, width, height = self.box
        return slice(top, top + height), slice(left, left + width)


class ChangeFinder:
    """Follows the changes of one scene. Not thread-safe."""

    def __init__(self) -> None:
        """Know no place yet."""
        nothing = np.zeros((0, 0), np.uint8)
        self._reference: NDArray[np.uint8] | None = None
        self._unknown = self._still_s = nothing
        self._last: MatLike = nothing
        self._changes: list[_Change] = []
        self._began = self._looked = 0.0

    def reset(self) -> None:
        """Begin a new reference with the next look, as after a change of the whole picture."""
        self._reference = None
        self._changes.clear()

    def update(self, smooth: MatLike, expected: MatLike, contrasts: MatLike, people: Float32, pts: float) -> None:
        """Look at the next frame of a settled, undisturbed picture, if that is due.

        Args:
            smooth: ``(h, w)`` uint8.
            expected: ``(h, w)`` uint8, the background that follows.
            contrasts: ``(h, w)`` uint8, grey levels above which a difference is one there.
            people: ``(N, 4)`` boxes, as fractions of the picture: what is theirs was not left.
            pts: Presentation time in seconds.
        """
        if self._reference is None or self._reference.shape != smooth.shape or pts < self._looked:
            self.reset()
            self._begin(smooth, expected, inside(people, smooth.shape), pts)
            return
        step = pts - self._looked
        if step < LOOK_S:
            return
        theirs, self._looked = inside(people, smooth.shape), pts
        same = cv2.compare(cv2.absdiff(smooth, self._last), contrasts, cv2.CMP_LE)
        self._last = smooth
        seconds = np.uint8(min(255, round(step)))
        self._still_s = np.asarray(cv2.bitwise_and(cv2.add(self._still_s, np.full_like(same, seconds)), same), np.uint8)
        self._follow(expected, contrasts, theirs)
        differs = cv2.compare(cv2.absdiff(smooth, self._reference), contrasts, cv2.CMP_GT)
        self._end(differs, pts)
        self._find(smooth, differs, theirs, pts)

    def expose(self, affine: Affine) -> None:
        """Go with a change of the exposure of the whole picture."""
        if self._reference is not None:
            self._reference = affine.of(self._reference)
            self._last = affine.of(self._last)

    def found(self, pts: float) -> Changes:
        """What is known, at a presentation time in seconds."""
        if not self._changes or self._reference is None:
            return Changes.none()
        height, width = self._reference.shape
        boxes = np.array([change.box for change in self._changes], np.float32) / (width, height, width, height)
        ages = np.array([pts - change.since for change in self._changes], np.float32)
        return Changes(boxes.astype(np.float32), ages, np.array([change.gone for change in self._changes], np.bool_))

    def _begin(self, smooth: MatLike, expected: MatLike, theirs: NDArray[np.uint8], pts: float) -> None:
        self._began = self._looked = pts
        self._reference = np.asarray(expected, np.uint8).copy()
        self._unknown = theirs
        self._last = smooth
        self._still_s = np.zeros(self._reference.shape, np.uint8)

    def _follow(self, expected: MatLike, contrasts: MatLike, theirs: NDArray[np.uint8]) -> None:
        """Go with the light, and with what hardly differs. The ground where people stood at first is taken as it is."""
        reference = self._reference
        if reference is None:
            return
        old, new = reference[::4, ::4].ravel(), np.asarray(expected, np.uint8)[::4, ::4].ravel()
        if len(old) >= _LEAST_QUIET:
            gain = float(np.median((new + 8.0) / (old + 8.0)))
            if abs(gain - 1) > 0.005:
                reference = np.asarray(cv2.convertScaleAbs(reference, alpha=gain, beta=8.0 * (gain - 1)), np.uint8)
        near = cv2.compare(cv2.absdiff(expected, reference), contrasts, cv2.CMP_LE)
        taken = cv2.bitwise_and(cv2.bitwise_or(near, self._unknown), cv2.bitwise_not(theirs))
        self._reference = np.asarray(cv2.copyTo(expected, taken, reference), np.uint8)
        self._unknown = np.asarray(cv2.bitwise_and(self._unknown, theirs), np.uint8)

    def _end(self, differs: MatLike, pts: float) -> None:
        """Let go of changes that were taken back, and of those that have become normal."""
        kept = []
        for change in self._changes:
            part = change.part
            back = (np.asarray(differs)[part] == 0) & (self._still_s[part] >= _SEEN_AGAIN_S) & change.own
            if pts - change.since > KEPT_S:
                self._accept(part, change.own)
            elif np.count_nonzero(back) < _BACK * np.count_nonzero(change.own):
                kept.append(change)
        self._changes = kept

    def _accept(self, part: tuple[slice, slice], own: NDArray[np.bool_]) -> None:
        if self._reference is not None:
            self._reference[part][own] = np.asarray(self._last)[part][own]

    def _find(self, smooth: MatLike, differs: MatLike, theirs: NDArray[np.uint8], pts: float) -> None:
        reference = self._reference
        lasting = cv2.bitwise_and(differs, cv2.inRange(self._still_s, PERSIST_S, 255))
        if reference is None or cv2.countNonZero(lasting) < _least(lasting):
            return
        solid = cv2.morphologyEx(cv2.morphologyEx(lasting, cv2.MORPH_CLOSE, _SQUARE_5), cv2.MORPH_OPEN, _SQUARE_3)
        if cv2.countNonZero(solid) > MAX_AREA * solid.size:
            self._reference = np.asarray(cv2.copyTo(smooth, lasting, reference), np.uint8)
            return
        _, labels, stats, _ = cv2.connectedComponentsWithStats(solid, connectivity=8)
        picture_edges, reference_edges = _edges(smooth), _edges(reference)
        for label in np.argsort(-stats[:, cv2.CC_STAT_AREA], kind="stable").tolist():
            area = int(stats[label, cv2.CC_STAT_AREA])
            if label == 0 or area < _least(solid):
                continue
            left, top, width, height = (int(value) for value in stats[label, : cv2.CC_STAT_AREA])
            change = _Change(
                (left, top, width, height), labels[top : top + height, left : left + width] == label, 0, False
            )
            if self._known(change) or len(self._changes) >= MAX_CHANGES:
                continue
            if np.count_nonzero(theirs[change.part][change.own]) > _MOST_PEOPLE * area:
                continue
            change.since = pts - float(np.median(self._still_s[change.part][change.own]))
            gone = _gone(change, picture_edges, reference_edges)
            if gone is None or (gone and change.since - self._began < KNOWN_S):
                self._accept(change.part, change.own)  # light that fell there, or who stood there at first
                continue
            change.gone = gone
            self._changes.append(change)

    def _known(self, change: _Change) -> bool:
        """Whether it is of one that is known already."""
        known = np.array([other.box for other in self._changes], np.float64).reshape(-1, 4)
        return bool((share_of_smaller(known, np.array(change.box, np.float64)) > _SAME_PLACE).any())


def _gone(change: _Change, picture: MatLike, reference: MatLike) -> bool | None:
    """Whether something is missing: its outline is in the reference, and no longer in the picture. None for neither."""
    left, top, width, height = change.box
    rows, columns = reference.shape
    above, before = min(1, top), min(1, left)
    below, behind = min(1, rows - top - height), min(1, columns - left - width)
    own = np.pad(change.own.astype(np.uint8), ((above, below), (before, behind)))
    outline = cv2.morphologyEx(own, cv2.MORPH_GRADIENT, _SQUARE_3) > 0
    part = slice(top - above, top + height + below), slice(left - before, left + width + behind)
    now = float(np.asarray(picture)[part][outline].mean())
    then = float(np.asarray(reference)[part][outline].mean())
    if now > _EDGE_FACTOR * then + 1:
        return False
    return True if then > _EDGE_FACTOR * now + 1 else None


def _least(mask: MatLike) -> float:
    """Pixels that a change covers at least."""
    return max(MIN_PIXELS, MIN_AREA * mask.size)


def _edges(picture: MatLike) -> MatLike:
    return cv2.morphologyEx(picture, cv2.MORPH_GRADIENT, _CROSS)


def inside(boxes: Float32, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Mask, 0 or 255, of the pixels of ``(N, 4)`` boxes."""
    height, width = shape[:2]
    mask = np.zeros((height, width), np.uint8)
    for x, y, wide, tall in (boxes * (width, height, width, height)).tolist():
        mask[max(0, int(y)) : math.ceil(y + tall), max(0, int(x)) : math.ceil(x + wide)] = 255
    return mask
