"""The interface of a pose estimator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from models.arrays import Float32, Image, Index, Mask


@dataclass(frozen=True, slots=True)
class FoundPeople:
    """The ``P`` people that were found in one picture.

    Attributes:
        points: ``(P, 17, 3)`` float32, x, y as fractions of the picture (they may lie outside) and confidence in
            [0, 1], in the order of ``models.inputs.KEYPOINTS``.
        scores: ``(P,)`` float32 in [0, 1], how sure it is that there is somebody.
    """

    points: Float32
    scores: Float32

    def __len__(self) -> int:
        return len(self.scores)

    def __getitem__(self, keep: Mask | Index) -> FoundPeople:
        """The chosen ones."""
        return FoundPeople(self.points[keep], self.scores[keep])


FAR_OUT = 1.0
"""Pictures beyond the border from which on a joint is nowhere: an arm that reaches out of the picture is nearer."""


def sound(people: FoundPeople) -> FoundPeople:
    """What can be used of what a graph gave: a joint that is nowhere was not seen, and confidences are in [0, 1].

    One number that is none would else stay in the mean that smooths a track's joints.
    """
    points = people.points.astype(np.float32, copy=True)
    places = points[..., :2]
    nowhere = ~(
        np.isfinite(points).all(axis=2) & (places >= -FAR_OUT).all(axis=2) & (places <= 1 + FAR_OUT).all(axis=2)
    )
    points[nowhere] = 0.0
    points[..., 2] = points[..., 2].clip(0, 1)
    return FoundPeople(points, np.nan_to_num(people.scores, nan=0.0, posinf=1.0, neginf=0.0).clip(0, 1))


class PoseEstimator(Protocol):
    """Finds the keypoints of people in pictures of any streams, in one batch. Holds no state of any stream.

    Attributes:
        name: Of its pack, or of its file.
        identity: What profiles remember it by: the name and the hash.
        whole: Whether it looks at whole pictures and finds people there; else it looks at one box at a time.
    """

    name: str
    identity: str
    whole: bool

    def estimate(self, pictures: Sequence[Image], boxes: Sequence[Float32]) -> list[FoundPeople]:
        """The people in each picture.

        Args:
            pictures: ``(H, W, 3)`` BGR each.
            boxes: For each picture ``(K, 4)``, x, y (top left), width and height as fractions of it: where somebody
                may be. An estimator of whole pictures does without.

        Returns:
            For each picture those found in it, in any order; of an estimator of boxes, one for each box, in order.
        """
        ...

    def close(self) -> None:
        """Free the session and its buffers. Idempotent."""
        ...
