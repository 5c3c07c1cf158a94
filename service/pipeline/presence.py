"""What stands still, and what is still there though the detector does not find it.

A small detector often loses people who sit or lie. While the picture of what it found stays what it was, and is not
that of the ground, the object is kept with its id, box and class as ``held``. While it changes, as when somebody falls,
its silhouette (the connected foreground that grew out of the last box) is followed unseen, and held once it lies still.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from models.arrays import Float32, Mask
from models.boxes import iou, share_of_smaller
from models.guidance.vocabulary import PERSON
from models.observation import UNTRACKED, Objects
from service.frames import KEPT_S, Kept, PreparedFrame
from service.pipeline.track import LOST_S, ObjectFilter

STILL_SPAN_S = 1.0
"""Over which a place is compared with the one before: a slow walker moves a third of their height in that time."""

MOVED = 0.25
"""Of an object's longer side (a standing person's height), within ``STILL_SPAN_S``. Boxes tremble by some hundredths;
one that loses the legs behind a desk moves by 0.15."""

STRAYED = 0.5
"""Of the same. Who drifts so far from where they stood, however slowly, has moved."""

SMOOTHING_S = 0.3
"""Time constant of places, against what trembles."""

STOPPED_S = 0.7
"""A silhouette that has stood so long lies where it lies; who falls and lies still is held that long after."""

MAX_HELD = 16
"""Objects of one stream that are held at most; those seen last. More people than that do not stand unseen."""

TOLD_STILL_S = 3.0
"""From then on the background is told not to learn a mere region of motion."""

MAX_TRACKS = 256
"""Tracks of one stream that are remembered at once, those seen last; detectors give fewer objects a frame."""

_ALIKE = 0.6  # of its own pixels: who breathes and moves a hand keeps more, who gets up less
_STANDS_OUT = 0.5  # of its own pixels; else the ground shows through, or has become what it is
_LEAST_PIXELS = 12
_LEAST_SHARE = 0.1  # of a box
_SAME_LEVEL = 14.0  # grey levels within which a pixel is what it was, over the noise of the darkest real cameras
_GAIN = (0.7, 1.4)
_SAME_PLACE = 0.3  # overlap of boxes
_WITHIN = 0.7  # of the smaller: a silhouette is often longer than the box that a detector gives
_COVERED = 0.5
_AREAS = (0.45, 2.2)  # a silhouette over the one before: who falls or turns stays within, who merges with another not
_TRAVELLED = 1.0  # of its longer side


@dataclass(frozen=True, slots=True)
class Present:
    """The objects of one frame with what is known of their standing.

    Attributes:
        objects: Detected and tracked, then those that are held.
        still_s: ``(N,)`` float32, seconds; see ``Observation``.
        held: ``(N,)`` bool.
    """

    objects: Objects
    still_s: Float32
    held: Mask


@dataclass(slots=True)
class _Portrait:
    """What an object looked like when it was seen last, in pixels of the analysis resolution.

    Attributes:
        rows: Of its box.
        columns: Of its box.
        grey: The picture there.
        own: Where it stands out from the ground, bool.
        area: Of ``own``, pixels.
    """

    rows: slice
    columns: slice
    grey: NDArray[np.uint8]
    own: NDArray[np.bool_]
    area: int


@dataclass(slots=True)
class _Track:
    """What is remembered of one object."""

    box: Float32
    confidence: float
    class_id: int
    seen_at: float
    still_since: float
    anchor: tuple[float, float]
    place: tuple[float, float, float]
    begun: tuple[float, float]
    places: deque[tuple[float, float, float]] = field(default_factory=lambda: deque(maxlen=64))
    travelled: float = 0.0
    portrait: _Portrait | None = None
    missed_at: float | None = None
    verified_at: float = -math.inf
    adopted: bool = False  # seen last where the tracker had no id for it

    def stopped(self, pts: float) -> bool:
        """Whether it has hardly moved for ``STOPPED_S``: sooner known than what ``still_since`` says."""
        if pts - self.places[0][0] < STOPPED_S:
            return False
        near = MOVED * STOPPED_S / STILL_SPAN_S * self.place[2]
        lately = (place for place in self.places if place[0] > pts - STOPPED_S)
        return all(math.dist(self.place[:2], place[1:]) <= near for place in lately)

    def move(self, box: Float32, pts: float, aspect: float) -> None:
        """Take note of where it is now."""
        x, y, width, height = (float(value) for value in box)
        centre = ((x + width / 2) * aspect, y + height / 2)
        size = max(width * aspect, height, 1e-6)
        weight = 1 - math.exp(-max(0.0, pts - self.places[-1][0]) / SMOOTHING_S) if self.places else 1.0
        px, py, psize = self.place
        self.place = (
            px + weight * (centre[0] - px),
            py + weight * (centre[1] - py),
            psize + weight * (size - psize),
        )
        while len(self.places) > 1 and self.places[1][0] <= pts - STILL_SPAN_S:
            self.places.popleft()
        self.places.append((pts, self.place[0], self.place[1]))
        self.box = box
        self.travelled = max(self.travelled, math.dist(self.place[:2], self.begun) / self.place[2])
        _, was_x, was_y = self.places[0]
        moved = math.dist(self.place[:2], (was_x, was_y)) > MOVED * self.place[2]
        if moved or math.dist(self.place[:2], self.anchor) > STRAYED * self.place[2]:
            self.still_since, self.anchor = pts, (self.place[0], self.place[1])


class Presence:
    """The objects of one stream that are known to be there. Not thread-safe.

    It gives objects that appear where one is held, or was lost a moment ago, that one's id.
    """

    def __init__(self) -> None:
        """Know of nothing."""
        self._tracks: dict[int, _Track] = {}
        self._aliases: dict[int, int] = {}

    def reset(self) -> None:
        """Forget everything, as after a gap."""
        self._tracks.clear()
        self._aliases.clear()

    def update(self, objects: Objects, frame: PreparedFrame, counts: ObjectFilter, *, recognised: bool) -> Present:
        """Go on to the next frame.

        Args:
            objects: Tracked, of the frame.
            frame: With its picture at analysis resolution.
            counts: Which objects count for the stream.
            recognised: Whether the detector knows what its objects are.
        """
        pts = frame.frame.pts
        height, width = frame.frame.image.shape[:2]
        aspect = width / height
        objects = self._named(objects)
        numbers = objects.track_ids.tolist()
        scene = _Scene(frame)
        for index, number in enumerate(numbers):
            if number != UNTRACKED:
                self._see(number, objects, index, scene, pts, aspect)
        missing = {number: track for number, track in self._tracks.items() if track.seen_at != pts}
        held = self._hold(missing, objects, scene, pts, aspect)
        kept = counts(self._objects(held, objects.names))
        present = self._present(objects, kept, pts)
        self._forget(pts)
        if frame.places is not None:
            frame.places.tell(self._standing(pts, objects.names, recognised=recognised), pts)
        return present

    def _see(self, number: int, objects: Objects, index: int, scene: _Scene, pts: float, aspect: float) -> None:
        box = objects.boxes[index]
        track = self._tracks.pop(number, None)
        if track is None:
            x, y, width, height = (float(value) for value in box)
            centre = ((x + width / 2) * aspect, y + height / 2)
            track = _Track(box, 0.0, 0, pts, pts, centre, (*centre, max(width * aspect, height, 1e-6)), centre)
        self._tracks[number] = track  # the ones seen last are last
        track.move(box, pts, aspect)
        track.confidence, track.class_id = float(objects.confidences[index]), int(objects.class_ids[index])
        track.seen_at, track.missed_at = pts, None
        if scene.known:
            track.portrait = scene.portrait(box)

    def _named(self, objects: Objects) -> Objects:
        """The objects under the ids of those that were at their places: a track that was held is no new one."""
        given = objects.track_ids.tolist()
        # Where the tracker finds the lost one itself, the other was somebody else.
        self._aliases = {other: number for other, number in self._aliases.items() if number not in given}
        numbers = np.array([self._aliases.get(number, number) for number in given], np.int64)
        present = set(numbers.tolist())
        lost = [
            (number, track)
            for number, track in self._tracks.items()
            if number not in present and (track.missed_at is not None or track.adopted)
        ]
        for index in np.flatnonzero([number not in self._tracks for number in numbers.tolist()]).tolist():
            class_id = int(objects.class_ids[index])
            near = [
                (float(iou(objects.boxes[index], track.box)), number)
                for number, track in lost
                if number not in present and track.class_id == class_id
            ]
            overlap, number = max(near, default=(0.0, UNTRACKED))
            if overlap < _SAME_PLACE and (
                not near or share_of_smaller(objects.boxes[index], self._tracks[number].box) < _WITHIN
            ):
                continue
            if given[index] != UNTRACKED:
                self._aliases[given[index]] = number
            self._tracks[number].adopted = given[index] == UNTRACKED
            numbers[index] = number
            present.add(number)
        return Objects(objects.boxes, objects.confidences, objects.class_ids, numbers, objects.names)

    def _hold(
        self, missing: dict[int, _Track], objects: Objects, scene: _Scene, pts: float, aspect: float
    ) -> dict[int, _Track]:
        """Those of the missing objects that are still there."""
        held = {}
        for number, track in missing.items():
            if track.missed_at is None:
                track.missed_at, track.verified_at = pts, track.seen_at
            if track.portrait is None or pts - track.missed_at > KEPT_S:
                continue
            if scene.known and self._verify(track, objects, scene, pts, aspect):
                track.verified_at = pts
            there = track.verified_at == pts or (not scene.known and pts - track.verified_at <= LOST_S)
            found = bool((share_of_smaller(self._alike(track, objects), track.box) > _COVERED).any())
            if there and track.stopped(pts) and not found:
                held[number] = track
        return dict(list(held.items())[-MAX_HELD:])

    def _verify(self, track: _Track, objects: Objects, scene: _Scene, pts: float, aspect: float) -> bool:
        """Whether it is there, unchanged or where its silhouette has gone."""
        portrait = track.portrait
        if portrait is None:
            return False
        if scene.shows(portrait):
            track.move(track.box, pts, aspect)
            return True
        found = scene.silhouette(portrait, self._alike(track, objects))
        if found is None:
            return False
        box, track.portrait = found
        track.move(box, pts, aspect)
        return True

    def _alike(self, track: _Track, objects: Objects) -> Float32:
        """Boxes of the objects that a track may be: a chair that is seen where somebody lies is not who lies."""
        return np.asarray(objects.boxes[objects.class_ids == track.class_id], np.float32)

    def _objects(self, held: dict[int, _Track], names: tuple[str, ...]) -> Objects:
        tracks = list(held.values())
        return Objects(
            np.array([track.box for track in tracks], np.float32).reshape(-1, 4),
            np.array([track.confidence for track in tracks], np.float32),
            np.array([track.class_id for track in tracks], np.int32),
            np.array(list(held), np.int64),
            names,
        )

    def _present(self, objects: Objects, kept: Objects, pts: float) -> Present:
        joined = Objects(
            np.concatenate([objects.boxes, kept.boxes]),
            np.concatenate([objects.confidences, kept.confidences]),
            np.concatenate([objects.class_ids, kept.class_ids]),
            np.concatenate([objects.track_ids, kept.track_ids]),
            objects.names,
        )
        still = [
            0.0 if number == UNTRACKED else pts - self._tracks[number].still_since
            for number in joined.track_ids.tolist()
        ]
        return Present(joined, np.array(still, np.float32), np.arange(len(joined)) >= len(objects))

    def _forget(self, pts: float) -> None:
        """Let go of what was not there for as long as a track may be lost."""
        self._tracks = {
            number: track
            for number, track in list(self._tracks.items())[-MAX_TRACKS:]
            if 0 <= pts - max(track.seen_at, track.verified_at) <= LOST_S
            and (track.missed_at is None or pts - track.missed_at <= KEPT_S)
        }
        self._aliases = {given: number for given, number in self._aliases.items() if number in self._tracks}

    def _standing(self, pts: float, names: tuple[str, ...], *, recognised: bool) -> Kept:
        """What the background is not to learn.

        What a detector recognises as soon as a track holds it: a background that is young itself learns what stands
        after less than a second. Of mere motion only what came from elsewhere and stopped: light that falls on a wall
        has never moved, and is to be learned.
        """
        tracks = [
            track
            for track in self._tracks.values()
            if pts in (track.seen_at, track.verified_at)
            and (recognised or (pts - track.still_since >= TOLD_STILL_S and track.travelled >= _TRAVELLED))
        ]
        boxes = np.array([track.box for track in tracks], np.float32).reshape(-1, 4)
        people = [not recognised or names[track.class_id] == PERSON for track in tracks]
        return Kept(boxes, np.array(people, np.bool_))


class _Scene:
    """One frame at analysis resolution: its picture, and what stands out from the ground."""

    def __init__(self, frame: PreparedFrame) -> None:
        motion = frame.motion
        self._grey: Final = frame.grey
        self._foreground: Final = None if motion is None or motion.disturbed else motion.foreground
        self._regions: tuple[NDArray[np.int32], NDArray[np.int32]] | None = None

    @property
    def known(self) -> bool:
        """Whether it can be seen what is there."""
        return self._grey is not None and self._foreground is not None

    def portrait(self, box: Float32) -> _Portrait | None:
        """What is in a box; None if hardly anything stands out there."""
        grey, foreground = self._pictures
        rows, columns = _pixels(box, grey.shape)
        own = foreground[rows, columns] > 0
        area = int(np.count_nonzero(own))
        if area < max(_LEAST_PIXELS, _LEAST_SHARE * own.size):
            return None
        return _Portrait(rows, columns, grey[rows, columns].copy(), own, area)

    @property
    def _pictures(self) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        if self._grey is None or self._foreground is None:
            msg = "expected a frame whose foreground is known"
            raise AssertionError(msg)
        return self._grey, self._foreground

    def shows(self, portrait: _Portrait) -> bool:
        """Whether the picture is there as it was, lighter or darker, and stands out from the ground."""
        grey, foreground = self._pictures
        if grey.shape[0] < portrait.rows.stop or grey.shape[1] < portrait.columns.stop:
            return False
        now = grey[portrait.rows, portrait.columns][portrait.own].astype(np.float32)
        then = portrait.grey[portrait.own].astype(np.float32)
        gain = float(np.clip(np.median((now + 8) / (then + 8)), *_GAIN))
        alike = np.abs(now - gain * then) < _SAME_LEVEL
        stands_out = foreground[portrait.rows, portrait.columns][portrait.own] > 0
        return bool(alike.mean() >= _ALIKE and stands_out.mean() >= _STANDS_OUT)

    def silhouette(self, portrait: _Portrait, boxes: Float32) -> tuple[Float32, _Portrait] | None:
        """The connected foreground that most of an object's pixels have become, with its box.

        Args:
            portrait: Of the object.
            boxes: ``(N, 4)`` of the objects that were found: a silhouette that is theirs is not its own.
        """
        grey, foreground = self._pictures
        height, width = grey.shape
        if height < portrait.rows.stop or width < portrait.columns.stop:
            return None
        if self._regions is None:
            closed = cv2.morphologyEx(foreground, cv2.MORPH_CLOSE, np.ones((5, 3), np.uint8))
            _, labels, stats, _ = cv2.connectedComponentsWithStats(closed, connectivity=8)
            self._regions = np.asarray(labels, np.int32), np.asarray(stats, np.int32)
        labels, stats = self._regions
        counts = np.bincount(labels[portrait.rows, portrait.columns][portrait.own], minlength=len(stats))
        counts[0] = 0
        label = int(counts.argmax())
        low, high = _AREAS
        area = int(stats[label, cv2.CC_STAT_AREA])
        if counts[label] == 0 or not low * portrait.area <= area <= high * portrait.area:
            return None
        left, top, wide, tall = (int(value) for value in stats[label, : cv2.CC_STAT_AREA])
        rows, columns = slice(top, top + tall), slice(left, left + wide)
        own = labels[rows, columns] == label
        box = np.array([left / width, top / height, wide / width, tall / height], np.float32)
        for other in boxes:
            their_rows, their_columns = _pixels(other, grey.shape)
            if np.count_nonzero(labels[their_rows, their_columns] == label) > _COVERED * area:
                return None
        return box, _Portrait(rows, columns, grey[rows, columns].copy(), own, area)


def _pixels(box: Float32, shape: tuple[int, ...]) -> tuple[slice, slice]:
    """Rows and columns of a box, at least one of each."""
    height, width = shape[:2]
    x, y, wide, tall = (float(value) for value in box)
    top, left = min(max(0, round(y * height)), height - 1), min(max(0, round(x * width)), width - 1)
    bottom = min(max(top + 1, round((y + tall) * height)), height)
    right = min(max(left + 1, round((x + wide) * width)), width)
    return slice(top, bottom), slice(left, right)
