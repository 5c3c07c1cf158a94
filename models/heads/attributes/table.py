"""Features of many frames as columns of one table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.arrays import Arrays, Float64, Index, Mask
from models.heads.attributes.descriptor import LENGTH

EDGE = 0.01
"""A box within this share of the picture's border is cut off there: it can look too small, but not too large."""


@dataclass(frozen=True, slots=True)
class FeatureTable:
    """The features of ``F`` frames as columns: ``N`` objects and ``K`` windows, each with its frame's index.

    Attributes:
        count: ``F``.
        boxes: ``(N, 4)`` x, y, width and height as fractions of the picture.
        velocities: ``(N, 2)`` in picture heights a second.
        appearance: ``(N, 64)``, see ``describe``.
        object_frames: ``(N,)`` the frame of each object.
        windows: ``(K, 5)`` centre x and y, velocity x and y, index of the size.
        window_frames: ``(K,)`` the frame of each window.
        aspects: ``(F,)`` width over height of the picture.
        recognised: ``(F,)`` whether objects were recognised, and are not mere regions of motion.
    """

    count: int
    boxes: Float64
    velocities: Float64
    appearance: Float64
    object_frames: Index
    windows: Float64
    window_frames: Index
    aspects: Float64
    recognised: Mask

    @classmethod
    def of(cls, samples: Sequence[Arrays]) -> FeatureTable:
        """Stack the features of frames, which ``describe_frame`` gave."""

        def stack(name: str, columns: int) -> Float64:
            rows = [np.asarray(sample[name], np.float64).reshape(-1, columns) for sample in samples]
            return np.concatenate(rows)

        frames = np.arange(len(samples))
        frame = stack("frame", 3)
        return cls(
            len(samples),
            stack("boxes", 4),
            stack("velocities", 2),
            stack("appearance", LENGTH),
            np.repeat(frames, [len(sample["boxes"]) for sample in samples]),
            stack("windows", 5),
            np.repeat(frames, [len(sample["windows"]) for sample in samples]),
            frame[:, 0],
            frame[:, 2] > 0,
        )

    def where(self, frames: Mask) -> FeatureTable:
        """The objects and windows of some frames; frames keep their indices."""
        objects, windows = frames[self.object_frames], frames[self.window_frames]
        return FeatureTable(
            self.count,
            self.boxes[objects],
            self.velocities[objects],
            self.appearance[objects],
            self.object_frames[objects],
            self.windows[windows],
            self.window_frames[windows],
            self.aspects,
            self.recognised,
        )


def feet(boxes: Float64) -> tuple[Float64, Float64]:
    """Where objects stand: the middle of the lower edge, which perspective is about."""
    return boxes[:, 0] + boxes[:, 2] / 2, boxes[:, 1] + boxes[:, 3]


def cut_off(boxes: Float64) -> Mask:
    """``(N,)`` whether the border of the picture cuts objects off."""
    low, high = boxes[:, :2], boxes[:, :2] + boxes[:, 2:]
    return np.asarray(((low <= EDGE) | (high >= 1 - EDGE)).any(axis=1), bool)


def window_columns(windows: Float64) -> tuple[Float64, Float64, Float64, Index]:
    """Centre x, centre y, velocity and index of the size of windows."""
    return windows[:, 0], windows[:, 1], windows[:, 2:4], windows[:, 4].astype(np.intp)
