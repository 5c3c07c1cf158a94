"""Features of many frames as columns of one table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.arrays import Arrays, Float64, Index, Mask
from models.heads.attributes.descriptor import LENGTH
from models.heads.attributes.skeletons import JOINTS, Shapes


@dataclass(frozen=True, slots=True)
class FeatureTable:
    """The features of ``F`` frames as columns: objects, windows and changes, each with its frame's index.

    Attributes:
        count: ``F``.
        boxes: ``(N, 4)`` x, y, width and height as fractions of the picture.
        velocities: ``(N, 2)`` in picture heights a second.
        appearance: ``(N, 64)``, see ``describe``.
        embeddings: ``(N, D)`` of unit length, NaN rows where nothing is known; ``D`` is 0 without a model.
        skeletons: ``(N, 17, 3)`` x, y and confidence, NaN rows where there is none.
        limbs: ``(N,)`` how fast joints move relative to the body, in body sizes a second; NaN where not known.
        still: ``(N,)`` seconds for which each has stood where it is.
        object_frames: ``(N,)`` the frame of each object.
        changes: ``(C, 6)`` of things left behind or gone: box, age in seconds, 1 if gone.
        change_frames: ``(C,)`` the frame of each change.
        windows: ``(K, 5)`` centre x and y, velocity x and y, index of the size.
        window_frames: ``(K,)`` the frame of each window.
        aspects: ``(F,)`` width over height of the picture.
        recognised: ``(F,)`` whether objects were recognised, and are not mere regions of motion.
        infrared: ``(F,)`` 1 where the picture has no colour, else 0.
        since_light: ``(F,)`` seconds since the light changed; infinite if it did not.
    """

    count: int
    boxes: Float64
    velocities: Float64
    appearance: Float64
    embeddings: Float64
    skeletons: Float64
    limbs: Float64
    still: Float64
    object_frames: Index
    changes: Float64
    change_frames: Index
    windows: Float64
    window_frames: Index
    aspects: Float64
    recognised: Mask
    infrared: Float64
    since_light: Float64

    @classmethod
    def of(cls, samples: Sequence[Arrays]) -> FeatureTable:
        """Stack the features of frames, which ``describe_frame`` gave; what an older version gave lacks some."""
        frames = np.arange(len(samples))
        counts = [len(sample["boxes"]) for sample in samples]
        objects = sum(counts)

        def stack(name: str, columns: int) -> Float64:
            rows = [np.asarray(sample[name], np.float64).reshape(-1, columns) for sample in samples]
            return np.concatenate(rows)

        def stack_if_there(name: str, columns: int, otherwise: float) -> Float64:
            if all(name in sample and sample[name].size == len(sample["boxes"]) * columns for sample in samples):
                return stack(name, columns)
            return np.full((objects, columns), otherwise)

        width = max((sample["embeddings"].shape[1] for sample in samples if "embeddings" in sample), default=0)
        frame = np.tile([0.0, 0.0, 0.0, 0.0, np.inf], (len(samples), 1))
        for row, sample in zip(frame, samples, strict=True):
            row[: len(sample["frame"])] = sample["frame"]
        has_changes = all("changes" in sample for sample in samples)
        return cls(
            len(samples),
            stack("boxes", 4),
            stack("velocities", 2),
            stack("appearance", LENGTH),
            stack_if_there("embeddings", width, np.nan) if width else np.zeros((objects, 0)),
            stack_if_there("skeletons", JOINTS * 3, np.nan).reshape(-1, JOINTS, 3),
            stack_if_there("limbs", 1, np.nan)[:, 0],
            stack_if_there("still", 1, 0.0)[:, 0],
            np.repeat(frames, counts),
            stack("changes", 6) if has_changes else np.zeros((0, 6)),
            np.repeat(frames, [len(sample["changes"]) if has_changes else 0 for sample in samples]),
            stack("windows", 5),
            np.repeat(frames, [len(sample["windows"]) for sample in samples]),
            frame[:, 0],
            frame[:, 2] > 0,
            frame[:, 3],
            frame[:, 4],
        )

    def where(self, frames: Mask) -> FeatureTable:
        """The objects, windows and changes of some frames; frames keep their indices."""
        objects, windows, changes = frames[self.object_frames], frames[self.window_frames], frames[self.change_frames]
        return FeatureTable(
            self.count,
            self.boxes[objects],
            self.velocities[objects],
            self.appearance[objects],
            self.embeddings[objects],
            self.skeletons[objects],
            self.limbs[objects],
            self.still[objects],
            self.object_frames[objects],
            self.changes[changes],
            self.change_frames[changes],
            self.windows[windows],
            self.window_frames[windows],
            self.aspects,
            self.recognised,
            self.infrared,
            self.since_light,
        )

    @property
    def shapes(self) -> Shapes:
        """``N`` skeletons relative to their bodies."""
        return Shapes.of(self.skeletons, self.aspects[self.object_frames])


def feet(boxes: Float64) -> tuple[Float64, Float64]:
    """Where objects stand: the middle of the lower edge, which perspective is about."""
    return boxes[:, 0] + boxes[:, 2] / 2, boxes[:, 1] + boxes[:, 3]


def window_columns(windows: Float64) -> tuple[Float64, Float64, Float64, Index]:
    """Centre x, centre y, velocity and index of the size of windows."""
    return windows[:, 0], windows[:, 1], windows[:, 2:4], windows[:, 4].astype(np.intp)
