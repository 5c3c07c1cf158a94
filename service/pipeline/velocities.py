"""How fast tracked objects of one stream move, from where they stood a moment ago: for the words said of them."""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

from models.observation import Objects
from service.pipeline.track import LOST_S

SPAN_S = 0.6
"""Positions are compared over so long: a detector's box trembles by a few hundredths of its height from frame to
frame, which over a tenth of a second would be a walk."""

MIN_S = 0.25
"""Over less nothing is said."""


class TrackVelocities:
    """Recent foot points by track; forgotten with the track. Not thread-safe."""

    def __init__(self) -> None:
        self._feet: dict[int, deque[tuple[float, float, float]]] = {}

    def reset(self) -> None:
        """Forget everything, as after a gap."""
        self._feet.clear()

    def update(self, objects: Objects, pts: float, aspect: float) -> NDArray[np.float64]:
        """``(N, 2)`` velocities in picture heights a second, x right and y down; NaN where not known yet.

        Args:
            objects: Tracked, of the next frame.
            pts: Presentation time in seconds.
            aspect: Width of the picture over its height.
        """
        self._feet = {number: feet for number, feet in self._feet.items() if 0 <= pts - feet[-1][0] <= LOST_S}
        velocities = np.full((len(objects), 2), np.nan)
        for index, number in enumerate(objects.track_ids.tolist()):
            if number < 0:
                continue
            x, y, width, height = objects.boxes[index].tolist()
            feet = self._feet.setdefault(number, deque())
            feet.append((pts, (x + width / 2) * aspect, y + height))
            while feet[0][0] < pts - SPAN_S:
                feet.popleft()
            elapsed = pts - feet[0][0]
            if elapsed >= MIN_S:
                velocities[index] = [(feet[-1][axis] - feet[0][axis]) / elapsed for axis in (1, 2)]
        return velocities
