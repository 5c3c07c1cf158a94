"""People whom a pose estimator of whole pictures finds, beside the objects of the detector.

Detectors of boxes are trained on people who stand: of those who lie on the ground YOLOX-nano finds one frame in three,
MoveNet MultiPose most (both on the test clips of a hall). So whoever has a skeleton is an object, whether or not the
detector has a box there.
"""

from __future__ import annotations

import numpy as np

from models.arrays import Float32
from models.boxes import iou, share_of_smaller
from models.guidance.vocabulary import PERSON
from models.inputs import KEYPOINTS
from models.observation import UNTRACKED, Objects
from service.engine.pose import FoundPeople
from service.frames import PreparedFrame

BELIEVED = 0.2
"""Somebody who is less sure than this is nobody, and a joint does not tell where somebody is. MoveNet gives people in
full view 0.6, those who lie, sit behind a desk or are small 0.2 to 0.4, and empty rooms nothing above 0.1."""

AS_CONFIDENT = 1.5
"""A score of MoveNet times this is about what detectors say of the same person: 0.6 where YOLOX-nano says 0.88."""

SAME = 0.6
"""Somebody is the detector's object if one of their boxes covers this share of the other."""

MARGIN = 0.1
"""By which a box is larger than its joints, as a share of its longer side: heads and feet reach beyond eyes and
ankles."""

DUE_S = 0.5
"""A picture in which nothing moves is looked at so often: who stands still is there for longer, and it costs 1 ms a
frame."""

SOONEST_S = 0.19
"""And one in which something does: every second frame at 10 a second, where a look by MoveNet MultiPose takes 15 ms, so
that a frame costs 7.5; a fall lasts a second, of which these are five moments."""


_NOBODY = FoundPeople(np.zeros((0, len(KEYPOINTS), 3), np.float32), np.zeros(0, np.float32))


class PeopleLooks:
    """When one stream was looked at last, and whom it showed. Not thread-safe."""

    def __init__(self) -> None:
        """It was not yet."""
        self._last = _NOBODY
        self._looked = -np.inf
        self._pts: float | None = None

    def reset(self) -> None:
        """Forget everything, as after a gap."""
        self._last, self._looked, self._pts = _NOBODY, -np.inf, None

    def due(self, frame: PreparedFrame) -> bool:
        """Whether the next frame is to be looked at. Of the frames around the due moment the nearest one counts."""
        pts = frame.frame.pts
        half_frame = 0.0 if self._pts is None else max(0.0, pts - self._pts) / 2 + 1e-3
        self._pts = pts
        still = frame.motion is not None and not frame.motion.disturbed and not frame.motion.foreground.any()
        return pts < self._looked or pts - self._looked >= (DUE_S if still else SOONEST_S) - half_frame

    def look(self, people: FoundPeople, pts: float) -> None:
        """Take whom a look showed."""
        self._last, self._looked = people[people.scores >= BELIEVED], pts

    @property
    def people(self) -> FoundPeople:
        """Whom the last look showed."""
        return self._last


def with_people(objects: Objects, people: FoundPeople, recognises: bool) -> Objects:
    """The objects of a frame, and those people who are none of them.

    They are objects of the detector's classes and, if it has none of that name, of persons: the same in every frame.

    Args:
        objects: Of a detector.
        people: Found in the same picture, or in one a moment before.
        recognises: Whether the detector knows what its objects are. If it does not, a region of motion that somebody
            fills is that person.
    """
    names = objects.names if PERSON in objects.names else (*objects.names, PERSON)
    person = names.index(PERSON)
    boxes = boxes_of(people.points)
    covered = share_of_smaller(boxes[:, None], objects.boxes[None]) >= SAME
    if recognises:
        # Somebody in bed is not the bed; but what has the same box, a detector has taken somebody who lies for.
        is_person = objects.class_ids == person
        new = np.logical_not((covered & is_person[None]).any(axis=1))
        same = iou(boxes[:, None], objects.boxes[None]) >= SAME
        keep = np.logical_not((same & ~is_person[None]).any(axis=0))
    else:
        new, keep = np.ones(len(people), np.bool_), np.logical_not(covered.any(axis=0))
    count = int(np.count_nonzero(new))
    return Objects(
        np.concatenate([objects.boxes[keep], boxes[new]]),
        np.concatenate(
            [objects.confidences[keep], np.minimum(AS_CONFIDENT * people.scores[new], 1.0).astype(np.float32)]
        ),
        np.concatenate([objects.class_ids[keep], np.full(count, person, np.int32)]),
        np.concatenate([objects.track_ids[keep], np.full(count, UNTRACKED, np.int64)]),
        names,
    )


def boxes_of(points: Float32) -> Float32:
    """``(P, 4)`` boxes around the joints that were seen, within the picture; of ``(P, 17, 3)`` keypoints."""
    seen = points[..., 2:] >= BELIEVED
    low = np.where(seen, points[..., :2], np.inf).min(axis=1)
    high = np.where(seen, points[..., :2], -np.inf).max(axis=1)
    margin = MARGIN * (high - low).max(axis=1, keepdims=True)
    nobody = ~seen.any(axis=1)
    low, high = (np.where(nobody, 0.0, corner).clip(0, 1) for corner in (low - margin, high + margin))
    return np.concatenate([low, high - low], axis=1).astype(np.float32)
