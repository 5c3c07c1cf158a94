"""What a data set of actions is here: clips in which somebody does one thing, with the words for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from training.datasets.base import DatasetError

Split: TypeAlias = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")

Boxes: TypeAlias = Mapping[int, NDArray[np.float32]]
"""By the number of the frame in its clip, counted from 0: ``(4,)`` x, y (top left), width and height of whoever acts,
as fractions of the picture. Frames may be missing."""


@dataclass(frozen=True, slots=True)
class ActionSample:
    """One action in one clip.

    Attributes:
        name: Unique in its data set.
        clip: A video file, or a folder of pictures in the order of their names.
        action: What is done, in words: one of the data set's ``actions``.
        split: Which of the published splits it belongs to.
        fps: Frames a second of a folder of pictures, as published; None where the video says it.
        start: First frame of the action, counted from 0.
        end: Frame after its last; None where it lasts to the end of the clip.
        still: Whether the camera stands still, where the data set says so; None where it does not.
        boxes: Reads who acts, where the data set says so; else None.
    """

    name: str
    clip: Path
    action: str
    split: Split
    fps: float | None = None
    start: int = 0
    end: int | None = None
    still: bool | None = None
    boxes: Callable[[], Boxes] | None = None


@dataclass(frozen=True, slots=True)
class ActionDataset:
    """A data set of actions that was found on disk.

    Attributes:
        name: What it is called in reports.
        kind: Which adapter read it.
        root: The folder it was opened from.
        actions: All its actions, in words, by name.
        missing: Clips that its lists name and that are not on disk. Only Kinetics may lack some.
    """

    name: str
    kind: str
    root: Path
    actions: tuple[str, ...]
    missing: int
    _samples: tuple[ActionSample, ...]

    @classmethod
    def of(cls, name: str, kind: str, root: Path, samples: Iterable[ActionSample], missing: int = 0) -> ActionDataset:
        """A data set of these samples, in the order of their names."""
        ordered = tuple(sorted(samples, key=lambda sample: sample.name))
        return cls(name, kind, root, tuple(sorted({sample.action for sample in ordered})), missing, ordered)

    def __len__(self) -> int:
        return len(self._samples)

    def samples(self, split: Split) -> Iterator[ActionSample]:
        """The samples of a split, by name.

        Raises:
            DatasetError: If the data set publishes no such split.
        """
        chosen = [sample for sample in self._samples if sample.split == split]
        if not chosen:
            published = sorted({sample.split for sample in self._samples})
            msg = f"{self.name}: expected a split that it has ({', '.join(published)}), got {split!r}"
            raise DatasetError(msg)
        return iter(chosen)


def in_words(label: str, words: Mapping[str, str], where: Path) -> str:
    """What a label means.

    Raises:
        DatasetError: If the data set has no such label.
    """
    if label not in words:
        msg = f"{where}: expected one of the actions {', '.join(words)}, got {label!r}"
        raise DatasetError(msg)
    return words[label]
