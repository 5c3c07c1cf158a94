"""A pose estimator and an appearance network that need no weights, and the graphs of the families that are known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.arrays import Float32, Image
from models.inputs import KEYPOINTS
from service.engine.pose import People

STICK = np.array(
    [(0.5, 0.05), *[(0.5, 0.05)] * 4, *[(0.3, 0.2), (0.7, 0.2)], *[(0.2, 0.35), (0.8, 0.35)], *[(0.2, 0.5), (0.8, 0.5)]]
    + [(0.4, 0.5), (0.6, 0.5), (0.4, 0.75), (0.6, 0.75), (0.4, 0.97), (0.6, 0.97)],
    np.float32,
)
"""``(17, 2)`` a standing person as shares of its box."""


def stick(box: Sequence[float] | Float32, confidence: float = 0.9) -> Float32:
    """``(17, 3)`` a standing person who fills a box."""
    x, y, width, height = box
    places = STICK * (width, height) + (x, y)
    return np.concatenate([places, np.full((len(KEYPOINTS), 1), confidence)], axis=1).astype(np.float32)


class StickPose:
    """Finds whoever it is told of in every picture, or a standing person in each box; counts what it is asked."""

    name, identity = "stick", "stick 1"

    def __init__(self, *, whole: bool = False) -> None:
        self.whole = whole
        self.people: list[Float32] = []
        """Of an estimator of whole pictures: what it finds."""
        self.asked: list[list[int]] = []
        """For each call, the boxes of each picture."""
        self.closed = 0

    def estimate(self, pictures: Sequence[Image], boxes: Sequence[Float32]) -> list[People]:
        """What it was told."""
        self.asked.append([len(each) for each in boxes])
        if self.whole:
            return [_people(self.people) for _ in pictures]
        return [_people([stick(box) for box in each]) for each in boxes]

    def close(self) -> None:
        """Count it."""
        self.closed += 1


class ColourAppearance:
    """The mean colour of a box, as a unit vector; counts what it is asked."""

    name, identity, dim = "colour", "colour 1", 3

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.closed = 0

    def cut(self, picture: Image, box: Float32) -> Image:
        """One pixel of the middle."""
        rows, columns = picture.shape[:2]
        x, y = int((box[0] + box[2] / 2) * columns), int((box[1] + box[3] / 2) * rows)
        return picture[y : y + 1, x : x + 1]

    def embed(self, crops: NDArray[np.uint8]) -> Float32:
        """Its colour."""
        self.asked.append(len(crops))
        colours = crops.reshape(len(crops), 3).astype(np.float32)
        unit: Float32 = colours / np.maximum(np.linalg.norm(colours, axis=1, keepdims=True), 1e-6)
        return unit

    def close(self) -> None:
        """Count it."""
        self.closed += 1


def _people(found: Sequence[Float32]) -> People:
    points = np.stack(found) if found else np.zeros((0, len(KEYPOINTS), 3), np.float32)
    return People(points, points[:, :, 2].mean(axis=1))
