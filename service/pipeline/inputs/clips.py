"""Clip buffers: what the tracked objects of one stream looked like over the last second, as features of their crops."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from models.arrays import Float32, Index
from models.crops import geometry
from models.observation import Objects
from service.pipeline.track import LOST_S

GREW = 1.25
"""An object that grew by this since its last crop is cut out again at once: it comes into view, or a box that held a
part of it now holds all."""

MAX_CROPS = 16
"""Crops of one frame, those that have waited longest first: a crowd is looked at less often, not ever more slowly.
At 3 ms a crop on two cores these take half of a frame's time at 10 frames a second."""


@dataclass(frozen=True, slots=True)
class _Entry:
    pts: float
    box: Float32
    features: Float32


@dataclass(slots=True)
class _Track:
    entries: deque[_Entry]
    seen: float
    clip: Float32 | None = field(default=None)


class ClipBuffers:
    """One buffer a track, of at most ``frames`` entries; forgotten with the track. Not thread-safe."""

    def __init__(self, frames: int, interval_s: float) -> None:
        """Args: frames, entries of a clip, at least 1; interval_s, seconds between two of them, greater than 0."""
        self._frames = frames
        self._interval = interval_s
        self._tracks: dict[int, _Track] = {}
        self._pts: float | None = None

    def __len__(self) -> int:
        """Tracks that are remembered."""
        return len(self._tracks)

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
            ``(K,)`` indices, K at most ``MAX_CROPS``, those that have waited longest first.
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
        return np.array([index for _, index in waits[:MAX_CROPS]], np.intp)

    def add(self, objects: Objects, due: Index, features: Float32, pts: float) -> None:
        """Take the features ``(K, F)`` of the crops of the objects that were due."""
        for index, row in zip(due.tolist(), features, strict=True):
            number = int(objects.track_ids[index])
            track = self._tracks.get(number)
            if track is None:
                track = self._tracks[number] = _Track(deque(maxlen=self._frames), pts)
            track.entries.append(_Entry(pts, objects.boxes[index].copy(), row.copy()))

    def windows(self, track_ids: Sequence[int], aspect: float) -> tuple[Float32, Float32]:
        """What the temporal tower looks at: a shorter history is filled up with its oldest entry.

        Args:
            track_ids: Of ``K`` tracks that were added to, K at least 1.
            aspect: Width of the picture over its height.

        Returns:
            ``(K, T, F)`` features, oldest first, and ``(K, T, 5)`` geometry.
        """
        frames, places = [], []
        for number in track_ids:
            entries = self._tracks[number].entries
            padded = [entries[0]] * (self._frames - len(entries)) + list(entries)
            frames.append(np.stack([entry.features for entry in padded]))
            boxes, times = np.stack([entry.box for entry in padded]), np.array([entry.pts for entry in padded])
            places.append(geometry(boxes, times, aspect))
        return np.stack(frames), np.stack(places)

    def keep(self, track_ids: Sequence[int], clips: Float32) -> None:
        """Remember the clip features ``(K, D)`` of tracks; they stand until the next ones."""
        for number, clip in zip(track_ids, clips, strict=True):
            self._tracks[number].clip = clip.copy()

    def video(self, objects: Objects, dim: int) -> Float32:
        """``(N, dim)`` the newest clip feature of each object; NaN rows for those without one."""
        video = np.full((len(objects), dim), np.nan, np.float32)
        for row, number in zip(video, objects.track_ids.tolist(), strict=True):
            track = self._tracks.get(number)
            if track is not None and track.clip is not None:
                row[:] = track.clip
        return video
