"""The keypoints of tracked people: found now and then by a pose estimator, and kept with the track in between."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from models.arrays import Float32, Index, Mask
from models.boxes import iou
from models.guidance.vocabulary import PERSON
from models.inputs import KEYPOINTS
from models.observation import Objects
from service.engine.pose import FoundPeople, PoseEstimator
from service.pipeline.inputs.provider import Look
from service.pipeline.inputs.skeleton import Skeleton
from service.pipeline.inputs.track_looks import TrackLooks
from service.pipeline.people import BELIEVED

DUE_S = 0.5
"""Somebody who stands still is looked at so often: an arm that is raised within the box is noticed in time for an
alert, which takes about a second, and it costs 1 ms a frame."""

SOONEST_S = 0.2
"""And at somebody who moves: a fall lasts a second, of which these are five moments."""

MAX_LOOKS = 4
"""Boxes of one frame that are looked at, those that have waited longest first: by MoveNet SinglePose, 4.5 ms each."""

LEAST_HEIGHT = 0.05
"""Of a moving region that may be somebody, as a share of the picture: below it no pose estimator finds anybody."""

WITHIN = 0.5
"""Share of somebody's sure joints that lie in the box of the object that this is."""


class SkeletonBuffer:
    """The skeletons of one stream's tracks. Not thread-safe."""

    def __init__(self) -> None:
        """Nobody is known yet."""
        self.looks = TrackLooks(DUE_S, SOONEST_S)
        self._skeletons: dict[int, Skeleton] = {}

    def __len__(self) -> int:
        """People who are remembered."""
        return len(self._skeletons)

    def reset(self) -> None:
        """Forget everything, as after a gap."""
        self.looks.reset()
        self._skeletons.clear()

    def known(self, objects: Objects) -> Mask:
        """``(N,)`` which objects have a track of which a skeleton is known."""
        return np.array([number in self._skeletons for number in objects.track_ids.tolist()], np.bool_)

    def see(self, objects: Objects, chosen: Index, found: Sequence[Float32 | None], pts: float) -> None:
        """Take the looks at objects with a track: ``(17, 3)`` each, None where nobody was found."""
        self.looks.look(objects, chosen, pts)
        for index, points in zip(chosen.tolist(), found, strict=True):
            number, box = int(objects.track_ids[index]), objects.boxes[index]
            skeleton = self._skeletons.get(number)
            if skeleton is not None:
                skeleton.see(points, box, pts)
            elif points is not None:
                self._skeletons[number] = Skeleton(points, box, pts)
        self._skeletons = {
            number: skeleton for number, skeleton in self._skeletons.items() if number in self.looks and skeleton.known
        }

    def keypoints(self, objects: Objects) -> Float32:
        """``(N, 17, 3)`` of each object; NaN rows for those of whom none are known."""
        rows = np.full((len(objects), len(KEYPOINTS), 3), np.nan, np.float32)
        for row, number, box in zip(rows, objects.track_ids.tolist(), objects.boxes, strict=True):
            if number in self.looks and number in self._skeletons:
                row[:] = self._skeletons[number].at(box)
        return rows


class KeypointsProvider:
    """Finds the keypoints of people by one estimator."""

    def __init__(self, pose: PoseEstimator, recognises: bool) -> None:
        """Look by an estimator, which is not closed here.

        Args:
            pose: Finds them.
            recognises: Whether the detector knows who is a person; else everything large enough may be one.
        """
        self._pose = pose
        self._recognises = recognises

    def buffer(self) -> SkeletonBuffer:
        """An empty buffer for a stream."""
        return SkeletonBuffer()

    def gather(self, looks: Sequence[tuple[SkeletonBuffer, Look]]) -> list[Float32]:
        """Look at the people who are due, of all frames together, and lay out what is known; see ``Provider.gather``.

        An estimator of whole pictures has looked already, as whom it finds is an object: what it saw is told apart.

        Returns:
            For each frame with ``N`` objects ``(N, 17, 3)``; NaN rows for those of whom no keypoints are known.
        """
        if self._pose.whole:
            for buffer, look in looks:
                self._tell_apart(buffer, look)
        else:
            self._look(looks)
        return [buffer.keypoints(look.objects) for buffer, look in looks]

    def _tell_apart(self, buffer: SkeletonBuffer, look: Look) -> None:
        people = np.flatnonzero(possible_people(look.objects, self._recognises) & (look.objects.track_ids >= 0))
        # Whoever is lost is forgotten with the track, whether or not there was a look.
        buffer.looks.due(look.objects, np.zeros(len(look.objects), bool), look.frame.frame.pts)
        if look.people is not None:
            found = assigned(look.people, look.objects.boxes[people])
            buffer.see(look.objects, people, found, look.frame.frame.pts)

    def _look(self, looks: Sequence[tuple[SkeletonBuffer, Look]]) -> None:
        chosen = [self._chosen(buffer, look) for buffer, look in looks]
        asked = [index for index, each in enumerate(chosen) if len(each)]
        if not asked:
            return
        pictures = [looks[index][1].frame.frame.image for index in asked]
        boxes = [looks[index][1].objects.boxes[chosen[index]] for index in asked]
        for index, people in zip(asked, self._pose.estimate(pictures, boxes), strict=True):
            buffer, look = looks[index]
            buffer.see(look.objects, chosen[index], _sure(people), look.frame.frame.pts)

    def _chosen(self, buffer: SkeletonBuffer, look: Look) -> Index:
        people = possible_people(look.objects, self._recognises)
        if not self._recognises:
            people |= buffer.known(look.objects)  # the region of somebody who lies may be too low for a person's
        return buffer.looks.due(look.objects, people, look.frame.frame.pts)[:MAX_LOOKS]


def possible_people(objects: Objects, recognises: bool) -> Mask:
    """``(N,)`` which objects are a person as far as the detector knows, or may be one if it knows nothing."""
    if not recognises:
        return objects.boxes[:, 3] >= LEAST_HEIGHT
    return np.array([name == PERSON for name in objects.names], np.bool_)[objects.class_ids]


def assigned(people: FoundPeople, boxes: Float32) -> list[Float32 | None]:
    """Whose box is whose: for each of ``(K, 4)`` boxes the keypoints ``(17, 3)`` of the person in it, or None.

    The pair goes first whose joints lie in the box and fill it best.
    """
    found: list[Float32 | None] = [None] * len(boxes)
    sure = np.flatnonzero(people.scores >= BELIEVED)
    pairs = [
        (fit, int(person), index)
        for person in sure
        for index, box in enumerate(boxes)
        if (fit := _fit(people.points[person], box)) is not None
    ]
    taken: set[int] = set()
    for _, person, index in sorted(pairs, key=lambda pair: -pair[0]):
        if person not in taken and found[index] is None:
            taken.add(person)
            found[index] = people.points[person]
    return found


def _fit(points: Float32, box: Float32) -> float | None:
    """How well somebody fits a box: the share of joints in it, and how much of it they span; None if not at all."""
    joints = points[points[:, 2] >= BELIEVED, :2]
    if not len(joints):
        return None
    low, high = box[:2], box[:2] + box[2:]
    # A detector's box ends at wrists and ankles, whose joints lie on either side of the line.
    margin = 0.1 * box[2:]
    within = float(((joints >= low - margin) & (joints <= high + margin)).all(axis=1).mean())
    if within < WITHIN:
        return None
    first, last = joints.min(axis=0), joints.max(axis=0)
    return within + float(iou(np.concatenate([first, last - first]), box))


def _sure(people: FoundPeople) -> list[Float32 | None]:
    return [
        points if score >= BELIEVED else None
        for points, score in zip(people.points, people.scores.tolist(), strict=True)
    ]
