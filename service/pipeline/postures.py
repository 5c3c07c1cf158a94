"""How tracked people of one stream hold themselves, over time: for the words said of them."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

import numpy as np

from models.arrays import Float32, Float64
from models.guidance.vocabulary import PERSON
from models.observation import UNTRACKED, Objects
from models.posture import (
    CROUCHING,
    FALL_S,
    FALLING,
    LYING,
    NARROW,
    POSTURES,
    UNLIKELY,
    Stance,
    box_postures,
    falling,
    skeleton_postures,
    unknown,
    wideness,
)
from service.pipeline.track import LOST_S

SMOOTHING_S = 0.3
"""Time constant of the mean of confidences: a leg that swings folds for a tenth of a second, and a skeleton that was
guessed wrong is mostly wrong in one frame."""

HELD_S = 0.7
"""What can no longer be judged holds so long of a body that moves: a few frames without a skeleton."""

STILL = 0.8
"""Overlap (IoU) with where a posture was judged from which the body still is there and holds it, however long."""


@dataclass(slots=True)
class _Past:
    """Of one track: confidences as they stand, when and where each was last judged, and how it was held lately."""

    said: Float32
    judged: Float64
    boxes: Float32
    pts: float
    stances: deque[Stance] = field(default_factory=deque)

    @classmethod
    def new(cls, pts: float) -> _Past:
        count = len(POSTURES)
        return cls(unknown(), np.full(count, -np.inf), np.zeros((count, 4), np.float32), pts)


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
        for row, track in enumerate(objects.track_ids.tolist()):
            if recognised and objects.label(row) != PERSON:
                continue
            box = objects.boxes[row]
            now = unknown() if keypoints is None else skeleton_postures(keypoints[row], box.tolist(), aspect)
            if np.isnan(now).all() and recognised:
                now = box_postures(box.tolist(), aspect)
            said[row] = now if track == UNTRACKED else self._follow(track, now, box, pts, aspect)
        return said

    def _follow(self, track: int, now: Float32, box: Float32, pts: float, aspect: float) -> Float32:
        past = self._pasts.setdefault(track, _Past.new(pts))
        keep = math.exp(-(pts - past.pts) / SMOOTHING_S)
        known, new = ~np.isnan(now), np.isnan(past.said)
        past.said = np.where(known, np.where(new, now, keep * past.said + (1 - keep) * now), past.said)
        past.judged[known], past.boxes[known] = pts, box
        past.said[~known & (pts - past.judged > HELD_S) & (_overlap(past.boxes, box) < STILL)] = np.nan
        past.pts = pts
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
        while past.stances[0].pts < pts - FALL_S:
            past.stances.popleft()
        return fell


def _overlap(boxes: Float32, box: Float32) -> Float32:
    """``(M,)`` IoU of ``(M, 4)`` boxes with one."""
    size = np.minimum(boxes[:, :2] + boxes[:, 2:], box[:2] + box[2:]) - np.maximum(boxes[:, :2], box[:2])
    common = np.maximum(size, 0.0).prod(axis=1)
    whole = boxes[:, 2:].prod(axis=1) + box[2:].prod() - common
    return np.asarray(common / np.maximum(whole, np.float32(1e-12)), np.float32)
