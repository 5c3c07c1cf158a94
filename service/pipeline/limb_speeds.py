"""How fast the joints of tracked people of one stream move relative to their bodies."""

from __future__ import annotations

from collections import deque

import numpy as np

from models.arrays import Float32
from models.observation import Objects
from models.posture import SEEN, TRUNK
from service.pipeline.track import LOST_S

SPAN_S = 0.5
"""Skeletons are compared over so long, about: joints tremble by some hundredths of a body from look to look, which over
a tenth of a second would be a wave of the hand."""

MIN_S = 0.15
"""Over less nothing is said."""

MIN_JOINTS = 6
"""That two skeletons have in common, or nothing is said."""


class LimbSpeeds:
    """Recent skeletons by track; forgotten with the track. Not thread-safe."""

    def __init__(self) -> None:
        """Nobody is known yet."""
        self._past: dict[int, deque[tuple[float, Float32]]] = {}

    def reset(self) -> None:
        """Forget everything, as after a gap."""
        self._past.clear()

    def update(self, objects: Objects, keypoints: Float32 | None, pts: float, aspect: float) -> Float32:
        """``(N,)`` root mean square speed of the joints in body sizes a second; NaN where not known.

        Args:
            objects: Tracked, of the next frame.
            keypoints: ``(N, 17, 3)``, NaN rows where none are known; None without an estimator.
            pts: Presentation time in seconds.
            aspect: Width of the picture over its height.
        """
        speeds = np.full(len(objects), np.nan, np.float32)
        self._past = {number: past for number, past in self._past.items() if 0 <= pts - past[-1][0] <= LOST_S}
        if keypoints is None:
            return speeds
        for index, number in enumerate(objects.track_ids.tolist()):
            if number < 0 or np.isnan(keypoints[index, 0, 0]):
                continue
            now = keypoints[index] * np.array([aspect, 1, 1], np.float32)
            past = self._past.setdefault(number, deque())
            while past and past[0][0] < pts - SPAN_S:
                past.popleft()
            if past and pts - past[0][0] >= MIN_S:
                speeds[index] = _moved(past[0][1], now) / (pts - past[0][0])
            past.append((pts, now))
        return speeds


def _moved(before: Float32, now: Float32) -> float:
    """How far joints moved relative to the trunk, in body sizes; NaN if too few were seen."""
    both = (before[:, 2] >= SEEN) & (now[:, 2] >= SEEN)
    trunk = [joint for joint in TRUNK if both[joint]]
    if np.count_nonzero(both) < MIN_JOINTS or not trunk:
        return float("nan")
    first, last = (each[both, :2] - each[trunk, :2].mean(axis=0) for each in (before, now))
    size = np.sqrt(max((first**2).sum(axis=1).mean(), (last**2).sum(axis=1).mean()))
    return float(np.sqrt(((last - first) ** 2).sum(axis=1).mean()) / max(size, 1e-6))
