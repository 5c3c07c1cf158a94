"""How tracked people of one stream hold themselves, over time: for the words said of them."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from models.arrays import Float32, Float64
from models.boxes import iou, share_of_smaller
from models.guidance.vocabulary import PERSON
from models.observation import UNTRACKED, Objects
from models.posture import (
    CROUCHING,
    FALL_S,
    FALLING,
    LIKELY,
    LYING,
    NARROW,
    POSTURES,
    UNLIKELY,
    Stance,
    box_postures,
    falling,
    laid,
    skeleton_postures,
    unknown,
    wideness,
)
from service.pipeline.track import LOST_S

SMOOTHING_S = 0.3
"""Time constant of the mean of confidences: a leg that swings folds for a tenth of a second, and a skeleton that was
guessed wrong is mostly wrong in one frame."""

LASTS_S = 0.7
"""What can no longer be judged holds so long of a body that moves: a few frames without a skeleton."""

STILL = 0.8
"""Overlap (IoU) with where a posture was judged from which the body still is there and holds it, however long."""


GROWS_S = 10.0
"""Who walks away gets smaller: the height at which somebody stood is forgotten so fast while they are upright."""

LINK_S = 1.0
"""A person who was lost so short a time ago is the thing that is newly followed in the same place."""

AS_LIKELY_AS_NOT = 0.5

_SHARED = 0.2  # of the smaller of two boxes, at least: who falls sideways lies mostly beside where they stood


@dataclass(slots=True)
class _Past:
    """Of one person's track.

    Attributes:
        said: Confidences as they stand.
        judged: When each was last judged.
        boxes: And where.
        box: Where the track was last.
        pts: And when.
        stood: Height of the box when it was upright; NaN if it never was.
        stood_at: When that was last.
        stances: How it was held lately.
        person: Whether a detector or a skeleton ever said that it is a person.
    """

    said: Float32
    judged: Float64
    boxes: Float32
    box: Float32
    pts: float
    stood: float = math.nan
    stood_at: float = 0.0
    stances: deque[Stance] = field(default_factory=deque)
    person: bool = False

    @classmethod
    def new(cls, box: Float32, pts: float) -> _Past:
        count = len(POSTURES)
        return cls(unknown(), np.full(count, -np.inf), np.zeros((count, 4), np.float32), box, pts)

    def upright(self, height: float, pts: float) -> None:
        kept = self.stood * math.exp(-(pts - self.stood_at) / GROWS_S)
        self.stood, self.stood_at = height if math.isnan(kept) else max(height, kept), pts


class TrackPostures:
    """Postures by track; forgotten with the track. Not thread-safe."""

    def __init__(self) -> None:
        self._pasts: dict[int, _Past] = {}

    def reset(self) -> None:
        """Forget everything, as after a gap."""
        self._pasts.clear()

    def update(
        self, objects: Objects, keypoints: Float32 | None, pts: float, aspect: float, *, recognised: bool = True
    ) -> Float32:
        """Judge the next frame.

        Args:
            objects: ``N``, tracked.
            keypoints: ``(N, 17, 3)`` of ``models.observation.Observation.keypoints``; None without a pose estimator.
            pts: Presentation time in seconds.
            aspect: Width of the picture over its height.
            recognised: Whether the detector knows people; else who has a skeleton is one.

        Returns:
            ``(N, 6)`` float32 confidences of ``models.posture.POSTURES``; NaN where nobody can tell, and of what is no
            person.
        """
        self._pasts = {track: past for track, past in self._pasts.items() if 0 <= pts - past.pts <= LOST_S}
        said = np.full((len(objects), len(POSTURES)), np.nan, np.float32)
        tracks = objects.track_ids.tolist()
        for row, track in enumerate(tracks):
            box = objects.boxes[row]
            named = recognised and objects.label(row) == PERSON
            if track != UNTRACKED and track not in self._pasts:
                self._inherit(track, box, pts, tracks)
            if recognised and not named and track not in self._pasts:
                continue
            now = unknown() if keypoints is None else skeleton_postures(keypoints[row], box.tolist(), aspect)
            person = named or not np.isnan(now[:LYING]).all()
            now[LYING] = self._lying(now, track, box.tolist(), aspect, named=named)
            # A thing that goes on where a person was lost is that person while it is as they are when they lie.
            if recognised and not person and not now[LYING] >= LIKELY:
                continue
            said[row] = now if track == UNTRACKED else self._follow(track, now, box, pts, aspect)
            if not self._is_person(track, person=person) or np.isnan(said[row, :FALLING]).all():
                said[row] = np.nan
            elif keypoints is not None:
                # Somebody looked and could not tell: who keeps still may stand, sit or crouch.
                said[row, :LYING] = np.nan_to_num(said[row, :LYING], nan=AS_LIKELY_AS_NOT)
        return said

    def _is_person(self, track: int, *, person: bool) -> bool:
        """Whether a track, or what none holds, is a person now, or ever was."""
        past = self._pasts.get(track)
        if past is None:
            return person
        past.person |= person
        return past.person

    def _inherit(self, track: int, box: Float32, pts: float, tracks: Sequence[int]) -> None:
        """A new track goes on where a person was lost a moment ago: somebody who fell is followed as something new.

        Also as a thing: detectors take who lies for a chair or a bag. Of one track they are never both (``track.py``).
        """
        lost = [
            (pts - past.pts, number)
            for number, past in self._pasts.items()
            if number not in tracks and pts - past.pts <= LINK_S and share_of_smaller(past.box, box) >= _SHARED
        ]
        if lost:
            self._pasts[track] = self._pasts.pop(min(lost)[1])

    def _lying(self, now: Float32, track: int, box: list[float], aspect: float, *, named: bool) -> float:
        """What the skeleton says; where it says nothing, what the box does, against that of the same body upright."""
        past = self._pasts.get(track)
        ways = [box_postures(box, aspect)[LYING]] if named else []
        if past is not None and past.person and not math.isnan(past.stood):
            ways.append(np.float32(laid(box, past.stood, aspect)))
        if not np.isnan(now[LYING]) or np.isnan(ways).all():
            return float(now[LYING])
        return float(np.nanmax(ways))

    def _follow(self, track: int, now: Float32, box: Float32, pts: float, aspect: float) -> Float32:
        past = self._pasts.setdefault(track, _Past.new(box, pts))
        keep = math.exp(-(pts - past.pts) / SMOOTHING_S)
        known, new = ~np.isnan(now), np.isnan(past.said)
        past.said = np.where(known, np.where(new, now, keep * past.said + (1 - keep) * now), past.said)
        past.judged[known], past.boxes[known] = pts, box
        past.said[~known & (pts - past.judged > LASTS_S) & (iou(past.boxes, box) < STILL)] = np.nan
        past.box, past.pts = box, pts
        past.said[FALLING] = self._fall(past, now, box, pts, aspect)
        return past.said.copy()

    @staticmethod
    def _fall(past: _Past, now: Float32, box: Float32, pts: float, aspect: float) -> float:
        """Judged by this very frame: a fall is over before its mean would show it."""
        x, y, width, height = box.tolist()
        low = float(np.nanmax(now[[LYING, CROUCHING]], initial=-1.0))
        upright = wideness((x, y, width, height), aspect) <= NARROW and low <= UNLIKELY
        stance = Stance(pts, y, height, upright)
        fell = falling(past.stances, stance, math.nan if low < 0 else low)
        past.stances.append(stance)
        if upright:
            past.upright(height, pts)
        while past.stances[0].pts < pts - FALL_S:
            past.stances.popleft()
        return fell
