"""When the tracked objects of one stream are looked at by a network that costs milliseconds a look."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.arrays import Float32, Index, Mask
from models.observation import Objects
from service.pipeline.track import LOST_S

MOVED = 0.1
"""An object whose centre moved by this share of its box, or whose sides changed by it, is looked at before its time: a
detector's box trembles by a few hundredths from frame to frame."""


@dataclass(slots=True)
class _Track:
    looked: float
    box: Float32
    seen: float


class TrackLooks:
    """Which tracks were looked at when, and where they were then; forgotten with the track. Not thread-safe."""

    def __init__(self, due_s: float, soonest_s: float) -> None:
        """Nothing was looked at yet.

        Args:
            due_s: Seconds after which a track is looked at again in any case.
            soonest_s: Seconds after which it is if it moved or changed.
        """
        self._due = due_s
        self._soonest = soonest_s
        self._tracks: dict[int, _Track] = {}
        self._pts: float | None = None

    def __contains__(self, number: object) -> bool:
        """Whether a track is remembered."""
        return number in self._tracks

    def __len__(self) -> int:
        """Tracks that are remembered."""
        return len(self._tracks)

    def reset(self) -> None:
        """Forget everything, as after a gap."""
        self._tracks.clear()
        self._pts = None

    def due(self, objects: Objects, wanted: Mask, pts: float) -> Index:
        """Which objects of the next frame are to be looked at: new ones at once, others when it is their time.

        Of the frames around the due moment the nearest one counts.

        Args:
            objects: Tracked.
            wanted: ``(N,)`` which of them count at all.
            pts: Presentation time in seconds.

        Returns:
            ``(K,)`` indices, those that have waited longest first.
        """
        # A millisecond, so that rounding of the times does not decide.
        half_frame = 0.0 if self._pts is None else max(0.0, pts - self._pts) / 2 + 1e-3
        self._pts = pts
        self._tracks = {number: track for number, track in self._tracks.items() if 0 <= pts - track.seen <= LOST_S}
        waits: list[tuple[float, int]] = []
        for index, number in enumerate(objects.track_ids.tolist()):
            track = self._tracks.get(number)
            if track is not None:
                track.seen = pts
            if number < 0 or not wanted[index]:
                continue
            if track is None:
                waits.append((np.inf, index))
                continue
            wait = pts - track.looked
            changed = _changed(track.box, objects.boxes[index])
            if wait >= (self._soonest if changed else self._due) - half_frame:
                waits.append((wait, index))
        waits.sort(key=lambda each: -each[0])
        return np.array([index for _, index in waits], np.intp)

    def look(self, objects: Objects, chosen: Index, pts: float) -> None:
        """Note that objects with a track are looked at now."""
        for index in chosen.tolist():
            self._tracks[int(objects.track_ids[index])] = _Track(pts, objects.boxes[index].copy(), pts)


def _changed(before: Float32, now: Float32) -> bool:
    """Whether a box moved or changed by more than it trembles."""
    sides = np.maximum(before[2:], 1e-6)
    moved = np.abs((now[:2] + now[2:] / 2) - (before[:2] + before[2:] / 2)) / sides
    return bool((moved > MOVED).any() or (np.abs(now[2:] / sides - 1) > MOVED).any())
