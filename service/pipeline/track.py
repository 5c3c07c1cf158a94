"""Which objects count, and which of them are the same from frame to frame."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Sequence

import cv2
import numpy as np
import supervision as sv
from numpy.typing import NDArray
from trackers import BIoU, ByteTrackTracker

from models.arrays import Mask
from models.guidance.polygon import contains, foot_points
from models.guidance.vocabulary import PERSON
from models.observation import UNTRACKED, Objects
from service.contracts.stream import Detection, Zone
from service.errors import UNKNOWN_CLASS, InvalidInput

LOST_S = 2.0
"""A track is kept so long while nothing matches it: a person behind a lamp post."""

CONFIRMED_AFTER = 2
"""Frames in a row after which a track is real; before, its object is untracked."""

# Small detectors are seldom sure of small people. What scores less can continue a track, and cannot begin one.
_CONFIDENT = 0.35
_MIN_OVERLAP = 0.1
# Boxes are widened by this share of themselves on each side before they are compared, so that what moves 3.5 of its
# heights a second (a cyclist) still meets its prediction: plain IoU loses it at 10 frames a second and loses a
# walker at 2; with 4 / fps, both are followed (tests/unit/service/pipeline/test_track.py).
_WIDENED_PER_S = 4.0
_WIDENED = (0.1, 1.0)
# People and things are never one track: a small detector calls the legs of somebody who lies a chair, and their track
# would go over to the next chair. Things may change their class, as a car that is called a truck.
_APART = 10.0  # pictures
_UNITS = 1000.0  # the Kalman filter's noise is tuned to pixels: a picture counts as 1000 of them


class Tracker:
    """ByteTrack over the objects of one stream. Not thread-safe."""

    def __init__(self, fps: float) -> None:
        """Begin without a track.

        Args:
            fps: Rate at which frames will come, about; intervals are taken from their PTS.
        """
        low, high = _WIDENED
        self._bytetrack = ByteTrackTracker(
            lost_track_buffer=round(LOST_S * 30),
            frame_rate=fps,
            track_activation_threshold=_CONFIDENT,
            high_conf_det_threshold=_CONFIDENT,
            minimum_consecutive_frames=CONFIRMED_AFTER,
            minimum_iou_threshold=_MIN_OVERLAP,
            iou=BIoU(min(max(_WIDENED_PER_S / fps, low), high)),
        )
        self._first_pts: float | None = None
        self._last_pts = -np.inf
        self._first_id = 0
        self._next_id = 0

    def update(self, objects: Objects, pts: float) -> Objects:
        """Follow the objects of the next frame.

        Args:
            objects: What counts in this frame.
            pts: Presentation time in seconds, greater than in the call before; else nothing is matched.

        Returns:
            The same objects in the same order, with the track ids of confirmed tracks and ``UNTRACKED``.
        """
        track_ids = np.full(len(objects), UNTRACKED, np.int64)
        if pts > self._last_pts:
            if self._first_pts is None:
                self._first_pts = pts
            self._last_pts = pts
            tracked = self._bytetrack.update(_detections(objects), timestamp=pts - self._first_pts)
            ids = tracked.tracker_id
            if ids is not None and len(ids):
                confirmed = ids >= 0
                track_ids[tracked.data["index"][confirmed]] = ids[confirmed] + self._first_id
                self._next_id = max(self._next_id, int(track_ids.max()) + 1)
        return Objects(objects.boxes, objects.confidences, objects.class_ids, track_ids, objects.names)

    def reset(self) -> None:
        """Forget all tracks, as after a gap. Ids are not given out again."""
        self._bytetrack.reset()
        self._first_pts, self._last_pts = None, -np.inf
        self._first_id = self._next_id


def people(objects: Objects) -> Mask:
    """``(N,)`` bool, which objects their detector takes for people; none where it has no such class."""
    if PERSON not in objects.names:
        return np.zeros(len(objects), np.bool_)
    return np.asarray(objects.class_ids == objects.names.index(PERSON), np.bool_)


def _detections(objects: Objects) -> sv.Detections:
    corners = np.concatenate([objects.boxes[:, :2], objects.boxes[:, :2] + objects.boxes[:, 2:]], axis=1)
    corners[:, ::2] += _APART * people(objects)[:, None]
    return sv.Detections(
        xyxy=corners * _UNITS,
        confidence=objects.confidences,
        class_id=objects.class_ids,
        data={"index": np.arange(len(objects))},
    )


class ObjectFilter:
    """Keeps the objects that count for a stream.

    An object is in a zone if its foot point, the middle of its lower edge, is: zones are drawn on the ground, and
    a person's head may well cover another one. An ``ignore`` zone beats a ``watch`` zone; if there are ``watch``
    zones, only what is in one of them counts.
    """

    def __init__(self, detection: Detection, zones: Sequence[Zone]) -> None:
        self._detection = detection
        self._named = [(zone.name, zone.polygon) for zone in zones if zone.mode != "ignore"]
        self._ignored = [zone.polygon for zone in zones if zone.mode == "ignore"]
        self._watched = [zone.polygon for zone in zones if zone.mode == "watch"]
        self._mask: NDArray[np.bool_] | None = None

    def __call__(self, objects: Objects) -> Objects:
        """The objects that count, in their order."""
        keep = objects.boxes[:, 3] >= self._detection.min_height
        if self._detection.confidence is not None:
            keep &= objects.confidences >= self._detection.confidence
        if self._detection.classes is not None:
            wanted = [index for index, name in enumerate(objects.names) if name in self._detection.classes]
            keep &= np.isin(objects.class_ids, wanted)
        feet = foot_points(objects.boxes)
        if self._watched:
            keep &= np.any([contains(polygon, feet) for polygon in self._watched], axis=0)
        for polygon in self._ignored:
            keep &= ~contains(polygon, feet)
        return objects if keep.all() else objects[keep]

    def places(self, objects: Objects) -> list[tuple[str, NDArray[np.bool_]]]:
        """The zones by name, and which objects ``(N,)`` are in each."""
        feet = foot_points(objects.boxes)
        return [(name, contains(polygon, feet)) for name, polygon in self._named]

    def ignored_mask(self, height: int, width: int) -> NDArray[np.bool_] | None:
        """``(height, width)`` mask of the pixels that do not count, or None when all do. Not to be written to."""
        if not self._ignored and not self._watched:
            return None
        if self._mask is None or self._mask.shape != (height, width):
            self._mask = self._draw(height, width)
        return self._mask

    def _draw(self, height: int, width: int) -> NDArray[np.bool_]:
        mask = np.full((height, width), 1 if self._watched else 0, np.uint8)
        for polygons, value in ((self._watched, 0), (self._ignored, 1)):
            for polygon in polygons:
                cv2.fillPoly(
                    mask, [np.rint(np.array(polygon, np.float32) * (width - 1, height - 1)).astype(np.int32)], value
                )
        return mask.astype(np.bool_)


def check_classes(detection: Detection, names: Collection[str]) -> None:
    """Refuse class names that the detector does not have.

    Raises:
        InvalidInput: ``unknown_class``, with the names that exist.
    """
    for name in detection.classes or ():
        if name not in names:
            near = difflib.get_close_matches(name, names, n=3, cutoff=0.5) or list(names)[:10]
            message = f"The detector knows no class {name!r}. It knows, for example, {', '.join(near)}."
            raise InvalidInput(UNKNOWN_CLASS, message, classes=sorted(names))
