"""What a head sees of one frame of one stream: the picture, what moves in it, and its objects."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

UNTRACKED = -1
"""Track id of an object that no confirmed track holds (yet)."""


@dataclass(frozen=True, slots=True)
class Motion:
    """Dense motion of one frame, at the analysis resolution ``(h, w)``.

    Attributes:
        flow: ``(h, w, 2)`` float32. How far each pixel moved, in analysis pixels (x right, y down) over
            ``interval`` seconds; zero away from the foreground, where it is not computed. Divide by
            ``interval`` before comparing frames: rates are never nominal.
        foreground: ``(h, w)`` uint8, 1 where the picture differs from its background, else 0.
        interval: Seconds of real time (PTS) between the two pictures of the flow; greater than 0.
        disturbed: The whole picture changed at once (light switched, camera moved, exposure jumped):
            ``foreground`` and ``flow`` say nothing about objects in this frame.
    """

    flow: NDArray[np.float32]
    foreground: NDArray[np.uint8]
    interval: float
    disturbed: bool = False


@dataclass(frozen=True, slots=True)
class Objects:
    """The ``N`` objects of one frame.

    Attributes:
        boxes: ``(N, 4)`` float32, x, y (top left), width and height as fractions of the picture, in [0, 1].
        confidences: ``(N,)`` float32 in [0, 1].
        class_ids: ``(N,)`` int32, an index into ``names``.
        track_ids: ``(N,)`` int64, ``UNTRACKED`` where no confirmed track holds the object.
        names: The detector's class names.
    """

    boxes: NDArray[np.float32]
    confidences: NDArray[np.float32]
    class_ids: NDArray[np.int32]
    track_ids: NDArray[np.int64]
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.boxes)

    def __getitem__(self, keep: NDArray[np.bool_] | NDArray[np.intp] | slice) -> Objects:
        """The chosen objects, by mask, indices or slice."""
        return Objects(self.boxes[keep], self.confidences[keep], self.class_ids[keep], self.track_ids[keep], self.names)

    def label(self, index: int) -> str:
        """The class name of one object."""
        return self.names[int(self.class_ids[index])]

    @classmethod
    def empty(cls, names: tuple[str, ...]) -> Objects:
        """No objects, of a detector with these classes."""
        return cls(
            np.zeros((0, 4), np.float32),
            np.zeros(0, np.float32),
            np.zeros(0, np.int32),
            np.zeros(0, np.int64),
            names,
        )


@dataclass(frozen=True, slots=True)
class Observation:
    """One frame of one stream, ready for the heads.

    Attributes:
        pts: Presentation time in seconds.
        image: ``(H, W, 3)`` uint8, BGR, at the working resolution (not the analysis one of ``motion``).
        motion: Dense motion, or None in the first frame after a start or a gap.
        objects: Detected and tracked objects; zones that are to be ignored are already taken out.
        ignored: ``(h, w)`` bool mask at the analysis resolution of ignored zones, or None when there are none.
        recognised: Whether the detector knows what its objects are; False if they are mere regions of motion.
        video: ``(N, D)`` float32, the clip feature of each object in the joint space of the stream's encoder, of unit
            length; NaN rows for objects without one (no confirmed track holds them). None without an encoder.
    """

    pts: float
    image: NDArray[np.uint8]
    motion: Motion | None
    objects: Objects
    ignored: NDArray[np.bool_] | None = None
    recognised: bool = True
    video: NDArray[np.float32] | None = None
