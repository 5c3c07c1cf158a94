"""Track clips: how each tracked object of one stream looked at the last moments, as crops or as features of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from models.arrays import Float32, Index
from models.observation import Objects
from service.pipeline.track import LOST_S

GREW = 1.25
"""An object that grew by this since its last crop is cut out again at once: it comes into view, or a box that held a
part of it now holds all."""

T = TypeVar("T", bound=np.generic)


@dataclass(frozen=True, slots=True)
class ClipEntry(Generic[T]):
    """How a track looked at one moment.

    Attributes:
        pts: Presentation time in seconds.
        box: ``(4,)`` float32, x, y, width and height as fractions of the picture.
        look: Its crop, or the features of it.
    """

    pts: float
    box: Float32
    look: NDArray[T]


@dataclass(slots=True)
class _Track(Generic[T]):
    entries: deque[ClipEntry[T]]
    seen: float


class TrackClips(Generic[T]):
    """The last looks at each track, about evenly spaced in time; forgotten with the track. Not thread-safe."""

    def __init__(self, length: int, interval_s: float, max_crops: int) -> None:
        """Remember nothing yet.

        Args:
            length: Entries of a clip, at least 1.
            interval_s: Seconds between two of them, greater than 0.
            max_crops: Crops taken of one frame at most.
        """
        self._length = length
        self._interval = interval_s
        self._max_crops = max_crops
        self._tracks: dict[int, _Track[T]] = {}
        self._pts: float | None = None

    def __len__(self) -> int:
        """Tracks that are remembered."""
        return len(self._tracks)

    def __contains__(self, number: object) -> bool:
        """Whether a track is remembered."""
        return number in self._tracks

    def reset(self) -> None:
        """Forget everything, as after a gap."""
        self._tracks.clear()
        self._pts = None

    def due(self, objects: Objects, pts: float) -> Index:
        """Which objects of the next frame are to be cut out: new ones, those that grew, and those whose time it is.

        Of the frames around the due moment the nearest one counts: every one at 10 frames a second and an interval of
        0.12 s, every third at 25.

        Args:
            objects: Tracked.
            pts: Presentation time in seconds.

        Returns:
            ``(K,)`` indices, K at most ``max_crops``, those that have waited longest first.
        """
        # A millisecond, so that rounding of the times does not decide.
        half_frame = 0.0 if self._pts is None else max(0.0, pts - self._pts) / 2 + 1e-3
        self._pts = pts
        self._tracks = {number: track for number, track in self._tracks.items() if 0 <= pts - track.seen <= LOST_S}
        waits: list[tuple[float, int]] = []
        for index, number in enumerate(objects.track_ids.tolist()):
            if number < 0:
                continue
            track = self._tracks.get(number)
            if track is None:
                waits.append((np.inf, index))
                continue
            track.seen = pts
            last = track.entries[-1]
            wait = pts - last.pts
            if wait >= self._interval - half_frame or (objects.boxes[index, 2:] > GREW * last.box[2:]).any():
                waits.append((wait, index))
        waits.sort(key=lambda each: -each[0])
        return np.array([index for _, index in waits[: self._max_crops]], np.intp)

    def add(self, objects: Objects, due: Index, looks: Sequence[NDArray[T]] | NDArray[T], pts: float) -> None:
        """Take the ``K`` looks at the objects that were due."""
        for index, look in zip(due.tolist(), looks, strict=True):
            number = int(objects.track_ids[index])
            track = self._tracks.get(number)
            if track is None:
                track = self._tracks[number] = _Track(deque(maxlen=self._length), pts)
            track.entries.append(ClipEntry(pts, objects.boxes[index].copy(), look.copy()))

    def clip(self, number: int) -> list[ClipEntry[T]]:
        """``length`` entries of a track that was added to, oldest first; a short history repeats its oldest one."""
        entries = self._tracks[number].entries
        return [entries[0]] * (self._length - len(entries)) + list(entries)
