"""Who made a frame's score: the object or moving region that the raw, the guided and the smoothed score came from."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from models.arrays import Float32, Float64, Index
from models.boxes import common_areas, share_of_smaller, share_within
from models.observation import UNTRACKED
from models.scoring.smoothing import MAX_SURPRISE, SMOOTHING_S

MOSTLY = 0.5
"""An object lies in a region if at least this share of its box does."""

LINK_S = 1.0
"""What no track holds is the same thing as something seen so short a time before in the same place: a moving region is
there or not from frame to frame, and an object is followed some frames after it was first seen."""

HOT = 0.5
"""Of the hottest place, from which on its surroundings belong to it."""

MAX_HOT = 0.5
"""A hot place larger than this share of the picture is the picture: nothing in it is to blame."""

MAX_SUSPECTS = 256
"""Things remembered of one stream, those seen last: twice as many as a crowded picture has."""

NOBODY = -1
"""Number of a suspect that is none: the picture as a whole."""


@dataclass(frozen=True, slots=True)
class Blame:
    """Who made a frame's score, and who is who in it.

    Attributes:
        suspects: ``(K,)`` int64, a number of each object and region of the frame that stays the same from frame to
            frame until a gap, whether a track holds it or not.
        leader: Number of the one that carried most of the smoothed score; ``NOBODY`` if that is the picture as a whole.
    """

    suspects: Index
    leader: int = NOBODY

    @classmethod
    def none(cls, count: int = 0) -> Blame:
        """Of a frame with ``count`` objects and regions that has no score."""
        return cls(np.full(count, NOBODY, np.int64))

    @property
    def culprit(self) -> int | None:
        """Row of the leader in the frame; None if it is the whole picture, or is not to be seen in this frame."""
        return None if self.leader == NOBODY else self.row(self.leader)

    def row(self, suspect: int) -> int | None:
        """Row of a suspect in the frame; None if it is not there."""
        rows = np.flatnonzero(self.suspects == suspect).tolist()
        return rows[0] if rows else None


@dataclass(slots=True)
class _Suspect:
    """Something that was seen: where last, when last (seconds), under which track, and what it adds to the score."""

    box: Float32
    pts: float
    track: int
    weight: float = 0.0


class Culprits:
    """Follows one stream's score back to what made it. Not thread-safe.

    Before smoothing, a frame's surprise is made by one object or region, the most unusual one that is left after the
    rules, or by the picture as a whole. The smoothed surprise is a mean of those of the last frames, and each of them
    weighs in it for whoever made it: the culprit is whoever has the most of it together.
    """

    def __init__(self) -> None:
        self._suspects: dict[int, _Suspect] = {}
        self._nobody = 0.0
        self._next = 0
        self._pts: float | None = None

    def reset(self) -> None:
        """Forget the past, after a gap. Numbers are not given again."""
        self._suspects.clear()
        self._nobody, self._pts = 0.0, None

    def update(self, boxes: Float32, tracks: Index, maker: int | None, surprise: float, pts: float) -> Blame:
        """Take a frame.

        Args:
            boxes: ``(K, 4)`` of its objects and regions.
            tracks: ``(K,)`` track ids, ``UNTRACKED`` for none.
            maker: Row of who made its surprise; None if nobody in particular did.
            surprise: Of the frame, rules applied, before smoothing; NaN if it said nothing.
            pts: Presentation time, seconds.
        """
        self._fade(pts)
        numbers = self._identify(boxes, tracks, pts)
        added = 0.0 if math.isnan(surprise) else min(surprise, MAX_SURPRISE)
        if maker is None:
            self._nobody += added
        else:
            self._suspects[int(numbers[maker])].weight += added
        leader = max(self._suspects, key=lambda number: self._suspects[number].weight, default=NOBODY)
        if leader != NOBODY and self._suspects[leader].weight <= self._nobody:
            leader = NOBODY
        self._bound()
        return Blame(numbers, leader)

    def _fade(self, pts: float) -> None:
        """Weigh what was as ``models.scoring.smoothing.CausalSmoother`` does."""
        keep = 0.0 if self._pts is None else math.exp(-max(0.0, pts - self._pts) / SMOOTHING_S)
        self._pts = pts
        self._nobody *= keep
        for suspect in self._suspects.values():
            suspect.weight *= keep

    def _identify(self, boxes: Float32, tracks: Index, pts: float) -> Index:
        """``(K,)`` the number of each; what is seen first gets a new one."""
        numbers = np.full(len(boxes), NOBODY, np.int64)
        of_track = {suspect.track: number for number, suspect in self._suspects.items() if suspect.track != UNTRACKED}
        for row, track in enumerate(tracks.tolist()):
            numbers[row] = of_track.get(track, NOBODY)
        # What has a track and no number yet was without a track before. What has no track may be anything lost.
        free = {
            number: suspect
            for number, suspect in self._suspects.items()
            if pts - suspect.pts <= LINK_S and not (numbers == number).any()
        }
        for row in sorted(np.flatnonzero(numbers == NOBODY).tolist(), key=lambda row: tracks[row] == UNTRACKED):
            tracked = tracks[row] != UNTRACKED
            known = [number for number, one in free.items() if not tracked or one.track == UNTRACKED]
            numbers[row] = self._known_at(boxes[row], known)
            free.pop(int(numbers[row]), None)
        for row, track in enumerate(tracks.tolist()):
            if numbers[row] == NOBODY:
                numbers[row], self._next = self._next, self._next + 1
            number = int(numbers[row])
            suspect = self._suspects.pop(number, None) or _Suspect(boxes[row], pts, UNTRACKED)
            suspect.box, suspect.pts = boxes[row], pts
            suspect.track = suspect.track if track == UNTRACKED else track
            self._suspects[number] = suspect
        return numbers

    def _known_at(self, box: Float32, known: list[int]) -> int:
        """The one of the ``known`` that was last where a box is; ``NOBODY`` if none was."""
        if not known:
            return NOBODY
        others = np.stack([self._suspects[number].box for number in known])
        same = share_of_smaller(others, box) >= MOSTLY
        return known[int(np.where(same, share_within(others, box), -1.0).argmax())] if same.any() else NOBODY

    def _bound(self) -> None:
        """Forget those seen longest ago; the last seen are last in the dictionary."""
        while len(self._suspects) > MAX_SUSPECTS:
            del self._suspects[next(iter(self._suspects))]


def maker_of(accused: Float64, unguided: Float64, guided: Float64, frame: float) -> int | None:
    """Row of the object or region that made a frame's surprise, rules applied; None if the picture as a whole did.

    Args:
        accused: ``(K,)`` surprises by the head that the frame's is of; NaN where it says nothing of one.
        unguided: ``(K,)`` surprises over all heads.
        guided: ``(K,)`` the same with the rules applied.
        frame: Of the frame, rules applied.
    """
    before, after = np.nan_to_num(unguided), np.nan_to_num(guided)
    on_top = (after > before) & (after >= frame)
    if on_top.any():  # a rule lifted it to where the frame is
        return int(np.where(on_top, after, -1.0).argmax())
    # Relief takes the same share of what any head says.
    share = np.minimum(np.divide(after, before, out=np.ones_like(after), where=before > 0), 1.0)
    left = np.nan_to_num(accused) * share
    return int(left.argmax()) if left.max(initial=0.0) > 0 else None


def hottest(heat: Float32) -> Float32 | None:
    """``(4,)`` the box around the hottest place of a picture; None if that is nowhere, or most of it.

    Args:
        heat: ``(h, w)`` in [0, 1].
    """
    most = float(heat.max())
    if most <= 0:
        return None
    _, parts, stats, _ = cv2.connectedComponentsWithStats((heat >= HOT * most).astype(np.uint8), connectivity=8)
    row, column = np.unravel_index(int(heat.argmax()), heat.shape)
    x, y, width, height = stats[parts[row, column], :4].tolist()
    rows, columns = heat.shape
    box = np.array([x / columns, y / rows, width / columns, height / rows], np.float32)
    return box if box[2] * box[3] <= MAX_HOT else None


def holding(boxes: Float32, place: Float32) -> int | None:
    """Row of the object in a hot place or around it, the one with most of it; None if there is none.

    Args:
        boxes: ``(K, 4)``.
        place: ``(4,)``, from ``hottest``.
    """
    if not len(boxes):
        return None
    common = common_areas(boxes, place)
    within = share_of_smaller(boxes, place) >= MOSTLY
    return int(np.where(within, common, -1.0).argmax()) if within.any() else None
