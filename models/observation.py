"""What a head sees of one frame of one stream: the picture, what moves in it, and its objects."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from models.arrays import Float32, Mask
from models.inputs import Appearance, FrameWindow, Input, Keypoints, ObjectCrops, ObjectEmbedding, TrackCrops, Window

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
        matched: Whether the two were close enough in time for flow to be found; else ``flow`` is zero everywhere and
            says nothing, and ``foreground`` alone counts.
        disturbed: The whole picture changed at once (light switched, camera moved, exposure jumped):
            ``foreground`` and ``flow`` say nothing about objects in this frame.
    """

    flow: Float32
    foreground: NDArray[np.uint8]
    interval: float
    disturbed: bool = False
    matched: bool = True


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

    boxes: Float32
    confidences: Float32
    class_ids: NDArray[np.int32]
    track_ids: NDArray[np.int64]
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.boxes)

    def __getitem__(self, keep: Mask | NDArray[np.intp] | slice) -> Objects:
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


class SceneChange(StrEnum):
    """What became of the whole picture at once."""

    CUT = "cut"
    """Another picture, or the same place at another time: a seam in a recording, another camera."""
    LIGHT = "light"
    """The same view under another light: a lamp, blinds."""
    EXPOSURE = "exposure"
    """The same view, lighter or darker all over."""
    INFRARED = "infrared"
    """The same view in colours where it was grey, or the other way round."""
    MOVED = "moved"
    """The camera looks elsewhere."""


LIGHT_CHANGES = frozenset({SceneChange.LIGHT, SceneChange.INFRARED})
"""What somebody or the hour does to the light. An exposure is the camera's own doing, as when a white van stops."""


@dataclass(frozen=True, slots=True)
class Changes:
    """The ``K`` places where the scene itself is another one than it was: what was left there, or is gone.

    Attributes:
        boxes: ``(K, 4)`` float32, x, y, width and height as fractions of the picture.
        ages_s: ``(K,)`` float32, seconds since it was first seen so.
        gone: ``(K,)`` bool, whether something that was always there is gone; else something was left.
    """

    boxes: Float32
    ages_s: Float32
    gone: Mask

    def __len__(self) -> int:
        return len(self.boxes)

    @classmethod
    def none(cls) -> Changes:
        """The scene is as it was."""
        return cls(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.bool_))


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
        inputs: What heads asked for beside, by what they asked for; read by the methods.
        still_s: ``(N,)`` float32, seconds for which each object has stood where it is; 0 for what moves or has no
            track. Zeros where it is not given.
        held: ``(N,)`` bool, objects that the detector did not find in this frame, and that are kept because their
            picture is still there. All false where it is not given.
        changes: Where the scene is another one than it was.
        limb_speeds: ``(N,)`` float32, how fast joints move relative to the body, in body sizes a second; NaN where not
            known, and where it is not given.
        since_light_s: Seconds since the light changed in this view (``LIGHT_CHANGES``); infinite if it did not.
    """

    pts: float
    image: NDArray[np.uint8]
    motion: Motion | None
    objects: Objects
    ignored: Mask | None = None
    recognised: bool = True
    inputs: Mapping[Input, Any] = field(default_factory=dict)
    still_s: Float32 = field(default_factory=lambda: np.zeros(0, np.float32))
    held: Mask = field(default_factory=lambda: np.zeros(0, np.bool_))
    changes: Changes = field(default_factory=Changes.none)
    since_light_s: float = math.inf
    limb_speeds: Float32 = field(default_factory=lambda: np.zeros(0, np.float32))

    def __post_init__(self) -> None:
        """Fill the columns that were not given.

        Raises:
            ValueError: If one that was given is not of the objects.
        """
        count = len(self.objects)
        for name, nothing in (("still_s", 0.0), ("held", False), ("limb_speeds", np.nan)):
            column = getattr(self, name)
            if not len(column):
                object.__setattr__(self, name, np.full(count, nothing, column.dtype))
            elif len(column) != count:
                msg = f"expected {name} of {count} objects, got {len(column)}"
                raise ValueError(msg)

    def embeddings(self, wanted: ObjectEmbedding) -> Float32:
        """``(N, D)`` float32 of unit length; NaN rows for objects that no confirmed track holds.

        Raises:
            ValueError: If nobody gathered it; likewise of the methods below.
        """
        return cast("Float32", self._of(wanted))

    def crops(self, wanted: ObjectCrops) -> TrackCrops:
        """The last crops of each object's track."""
        return cast("TrackCrops", self._of(wanted))

    def window(self, wanted: FrameWindow) -> Window | None:
        """The last frames; None until there are enough since a gap, and until the next evaluation is due."""
        return cast("Window | None", self._of(wanted))

    def keypoints(self, wanted: Keypoints) -> Float32 | None:
        """``(N, 17, 3)`` float32: x, y as fractions of the picture, and confidence in [0, 1].

        NaN rows for what is no person, has no track, or was not found; a joint that is not seen has a confidence near
        0, and its place says nothing. None if the stream has no pose estimator.
        """
        return cast("Float32 | None", self._optional(wanted, wanted.pose))

    def appearance(self, wanted: Appearance) -> Float32 | None:
        """``(N, D)`` float32 of unit length; NaN rows where nothing is known. None if the stream has no network."""
        return cast("Float32 | None", self._optional(wanted, wanted.embedding))

    def _optional(self, wanted: Input, name: str | None) -> Any:
        """What a stream may go without, unless it was asked for by name."""
        return self.inputs.get(wanted) if name is None else self._of(wanted)

    def _of(self, wanted: Input) -> Any:
        if wanted not in self.inputs:
            msg = f"expected {wanted} among what was gathered, got {', '.join(map(str, self.inputs)) or 'nothing'}"
            raise ValueError(msg)
        return self.inputs[wanted]
