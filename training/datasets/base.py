"""What a data set is here: clips to learn normal from, and clips with the truth of every frame."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import av.error
import numpy as np
from numpy.typing import NDArray

from service.errors import InvalidInput, declare
from service.ingest.listing import count_frames

Labels = NDArray[np.uint8]
"""``(N,)``, 1 where the frame is anomalous, else 0."""


UNREADABLE_DATASET = declare("dataset", InvalidInput, "expected ground truth for every clip, got none of 03")


class DatasetError(InvalidInput):
    """A data set that cannot be read as it is; the message says what was expected, what came, and where."""

    title = "Invalid data set"

    def __init__(self, message: str) -> None:
        super().__init__(UNREADABLE_DATASET, message)


@dataclass(frozen=True, slots=True)
class Regions:
    """The ``M`` anomalous regions of one frame.

    Attributes:
        boxes: ``(M, 4)`` float32, x, y (top left), width and height as fractions of the picture.
        tracks: ``(M,)`` int64, which anomalous object each region shows; counted per clip.
    """

    boxes: NDArray[np.float32]
    tracks: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.boxes)

    @classmethod
    def none(cls) -> Regions:
        """A frame without anomalous regions."""
        return cls(np.zeros((0, 4), np.float32), np.zeros(0, np.int64))


@dataclass(frozen=True, slots=True)
class Truth:
    """What is true of a clip's ``N`` frames.

    Attributes:
        labels: ``(N,)`` uint8, 1 where the frame is anomalous.
        events: Anomalous events as (first frame, frame after the last), by start. They may overlap where the
            data set tells its events apart; else they are the runs of ``labels``.
        regions: Where the anomalies are, one entry a frame; None where the data set does not say.
        kinds: What each of ``events`` is, such as ``fall``; None where the data set does not say.
    """

    labels: Labels
    events: tuple[tuple[int, int], ...]
    regions: tuple[Regions, ...] | None = None
    kinds: tuple[str, ...] | None = None

    @classmethod
    def of(cls, labels: NDArray[np.generic], regions: tuple[Regions, ...] | None = None) -> Truth:
        """The truth of a clip whose events are the runs of its labels."""
        clean = np.ascontiguousarray(labels.astype(bool), np.uint8)
        return cls(clean, runs(clean), regions)


@dataclass(frozen=True, slots=True)
class Clip:
    """One unbroken recording.

    Attributes:
        name: Unique among the clips of its split.
        source: A video file, or a folder of pictures in the order of their names.
        fps: Frames per second; of a folder of pictures the rate the data set was published with.
        scene: Which camera it is from. A profile is learned per scene, as in the service.
    """

    name: str
    source: Path
    fps: float
    scene: str = ""


@dataclass(frozen=True, slots=True)
class LabelledClip(Clip):
    """A clip whose truth is known. ``read`` takes the number of its frames and reads the truth from disk."""

    read: Callable[[int], Truth] = lambda _: Truth(np.zeros(0, np.uint8), ())

    def truth(self) -> Truth:
        """The truth of every frame.

        Raises:
            DatasetError: If the clip cannot be read, or its truth is not of as many frames as it has.
        """
        try:
            frames = count_frames(self.source)
        except av.error.FFmpegError:
            msg = f"clip {self.name}: {self.source} cannot be read as a video"
            raise DatasetError(msg) from None
        truth = self.read(frames)
        for what, count in (("labels", len(truth.labels)), ("region lists", frames_of(truth.regions, frames))):
            if count != frames:
                msg = f"clip {self.name}: expected {frames} {what}, one a frame of {self.source}, got {count}"
                raise DatasetError(msg)
        return truth


@dataclass(frozen=True, slots=True)
class Dataset:
    """A data set that was found on disk.

    Attributes:
        name: What it is called in reports.
        kind: Which adapter read it.
        root: The folder it was opened from; every clip lies below it.
        train: Normal clips.
        test: Clips with truth.
    """

    name: str
    kind: str
    root: Path
    train: tuple[Clip, ...]
    test: tuple[LabelledClip, ...]


def runs(labels: Labels) -> tuple[tuple[int, int], ...]:
    """The runs of ones as (first, after last)."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], labels, [0])).astype(np.int8)))
    return tuple((int(start), int(end)) for start, end in zip(edges[::2], edges[1::2], strict=True))


def labels_of(intervals: list[tuple[int, int]], frames: int, clip: str) -> Labels:
    """Labels of ``frames`` frames from intervals (first, after last), counted from 0.

    Raises:
        DatasetError: If an interval is empty or lies outside the clip.
    """
    labels = np.zeros(frames, np.uint8)
    for start, end in intervals:
        if not 0 <= start < end <= frames:
            msg = f"clip {clip}: expected intervals within frames 0 to {frames - 1}, got {start} to {end - 1}"
            raise DatasetError(msg)
        labels[start:end] = 1
    return labels


def frames_of(regions: tuple[Regions, ...] | None, otherwise: int) -> int:
    """For how many frames regions are given; ``otherwise`` when the data set has none."""
    return otherwise if regions is None else len(regions)


def need(path: Path, what: str) -> Path:
    """The path, if it exists.

    Raises:
        DatasetError: If it does not; ``what`` says what it would be.
    """
    if not path.exists():
        msg = f"expected {what} at {path}, which does not exist"
        raise DatasetError(msg)
    return path
