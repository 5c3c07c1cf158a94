"""What a head can ask to look at, beside the frame, its motion and its objects.

A head declares its inputs as values. Equal ones share one buffer over the heads of a stream, which is filled once a
frame, and one batch over the streams of a tick. Crops are cut from the picture that the tracker saw; windows of frames
are gathered where frames arrive, so that none that is due is lost however long a tick takes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from models.arrays import Float32, Float64, Mask

MAX_LENGTH = 64
"""Frames of one window, or crops of one track clip."""

MAX_SIDE = 512
"""Pixels of a crop's or a window's side."""

MAX_PIXELS = MAX_LENGTH * 224 * 224
"""Pixels of all frames of a window, or of all crops of a clip: 10 MB, and 26 MB more with flow. A stream holds a window
three times at most: what is gathered, the window made of it, and the one before that heads still look at."""


@dataclass(frozen=True, slots=True)
class ObjectEmbedding:
    """The embedding of each track's clip in a joint space of clips and words.

    Read as ``Observation.embeddings``: ``(N, D)`` float32 of unit length, NaN rows for objects without a track.

    Attributes:
        encoder: Name of the encoder's pack.
    """

    encoder: str


@dataclass(frozen=True, slots=True)
class ObjectCrops:
    """The last crops of each track.

    Read as ``Observation.crops``, a ``TrackCrops``.

    Attributes:
        size: Side of the square crops in pixels.
        length: Crops of a clip.
        interval: Seconds between two of them.
        channels: 3 for BGR, 1 for grey.
        context: The crop's side over the longer side of the box, at least 1.
    """

    size: int
    length: int
    interval: float
    channels: Literal[1, 3] = 3
    context: float = 1.0

    def __post_init__(self) -> None:
        """Check the bounds.

        Raises:
            ValueError: If one is exceeded; the message names it.
        """
        _check_bounds(self.length, self.interval, self.size)
        if self.channels not in (1, 3):
            msg = f"expected crops of 1 or 3 channels, got {self.channels}"
            raise ValueError(msg)
        if not 1 <= self.context <= 4:
            msg = f"expected a context from 1 to 4, got {self.context}"
            raise ValueError(msg)


@dataclass(frozen=True, slots=True)
class FrameWindow:
    """The last frames of the whole picture, and how each moved into the next.

    Read as ``Observation.window``, a ``Window``.

    Attributes:
        size: Height and width of its frames in pixels; pictures are stretched to it.
        length: Frames.
        interval: Seconds between two of them.
        flow: Whether their flow is wanted.
        stride: New frames from one window to the next, at least 1; each is evaluated once, and between two it is None.
    """

    size: tuple[int, int]
    length: int
    interval: float
    flow: bool = False
    stride: int = 1

    def __post_init__(self) -> None:
        """Check the bounds.

        Raises:
            ValueError: If one is exceeded; the message names it.
        """
        _check_bounds(self.length, self.interval, *self.size)
        if self.flow and self.length < 2:
            msg = f"expected at least 2 frames for a flow, got {self.length}"
            raise ValueError(msg)
        if not 1 <= self.stride <= self.length:
            msg = f"expected a stride from 1 to the {self.length} frames of the window, got {self.stride}"
            raise ValueError(msg)


@dataclass(frozen=True, slots=True)
class Keypoints:
    """The 17 keypoints of each person, in the order of COCO (``KEYPOINTS``), smoothed over time.

    Read as ``Observation.keypoints``: ``(N, 17, 3)`` float32 of x, y (fractions of the picture) and confidence, or
    None where the stream has no pose estimator.

    Attributes:
        pose: Name of the pose estimator that is needed; None takes the one that the stream has, if any.
    """

    pose: str | None = None


@dataclass(frozen=True, slots=True)
class Appearance:
    """How each tracked object looks now, by an image network that knows no words.

    Read as ``Observation.appearance``: ``(N, D)`` float32 of unit length, or None where the stream has no such network.

    Attributes:
        embedding: Name of the network that is needed; None takes the one that the stream has, if any.
    """

    embedding: str | None = None


KEYPOINTS = (
    "nose",
    "left eye",
    "right eye",
    "left ear",
    "right ear",
    "left shoulder",
    "right shoulder",
    "left elbow",
    "right elbow",
    "left wrist",
    "right wrist",
    "left hip",
    "right hip",
    "left knee",
    "right knee",
    "left ankle",
    "right ankle",
)
"""COCO's, in its order; left and right are the person's own."""


Input = ObjectEmbedding | ObjectCrops | FrameWindow | Keypoints | Appearance


@dataclass(frozen=True, slots=True)
class TrackCrops:
    """The crops of the tracks of one frame with ``N`` objects.

    Attributes:
        crops: ``(N, length, size, size, channels)`` uint8, oldest first; a shorter history is filled up with its oldest
            crop. Zeros where nothing is known.
        known: ``(N,)`` bool, false for objects that no confirmed track holds.
    """

    crops: NDArray[np.uint8]
    known: Mask


@dataclass(frozen=True, slots=True)
class Window:
    """The last frames of one stream; complete, and without a gap among them.

    Attributes:
        frames: ``(length, H, W, 3)`` uint8, BGR, oldest first.
        flow: ``(length - 1, H, W, 2)`` float32, in pixels of the window (x right, y down) from each frame to the next;
            None if it was not asked for.
        times: ``(length,)`` float64, presentation times in seconds, strictly increasing.
        index: Counts the frames of the stream's window, from 0; of the newest one.
    """

    frames: NDArray[np.uint8]
    flow: Float32 | None
    times: Float64
    index: int

    @property
    def span(self) -> tuple[float, float]:
        """Presentation times of its oldest and its newest frame."""
        return float(self.times[0]), float(self.times[-1])


def stands_s(inputs: Iterable[Input]) -> float:
    """Seconds for which a score of a head with these inputs stands, once it is given.

    Between two evaluations of a window its head says nothing, and what it said last holds. Half of the way to the next
    evaluation is added for a frame that comes late.

    Args:
        inputs: Of one head.

    Returns:
        0 for a head that is evaluated at every frame.
    """
    return max((1.5 * each.stride * each.interval for each in inputs if isinstance(each, FrameWindow)), default=0.0)


def _check_bounds(length: int, interval: float, *sides: int) -> None:
    if not 1 <= length <= MAX_LENGTH:
        msg = f"expected a length from 1 to {MAX_LENGTH}, got {length}"
        raise ValueError(msg)
    if not 0 < interval <= 10:
        msg = f"expected an interval above 0 and of at most 10 seconds, got {interval}"
        raise ValueError(msg)
    for side in sides:
        if not 8 <= side <= MAX_SIDE:
            msg = f"expected sides from 8 to {MAX_SIDE} pixels, got {side}"
            raise ValueError(msg)
    pixels = length * sides[0] * sides[-1]
    if pixels > MAX_PIXELS:
        msg = f"expected at most {MAX_PIXELS} pixels in all, got {pixels}"
        raise ValueError(msg)
