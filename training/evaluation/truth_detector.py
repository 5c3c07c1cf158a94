"""A detector that knows: the virtual world's own boxes, to measure what comes after detection by itself."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from models.observation import UNTRACKED, Objects
from service.engine.detectors import Detector
from service.frames import PreparedFrame
from training.data.object_clips import can_be_told
from training.datasets import DatasetError
from training.virtual.truth import ClipTruth

NAME = "truth"


class TruthDetector:
    """Gives the boxes that are written beside a clip of the virtual world: where something is, not what it is.

    Objects that no detector could be asked for are left out, as `training.data.object_clips.can_be_told` has it: a few
    pixels, or what is mostly hidden. Works on frames of `training.evaluation.evaluate.decoded`, which name their clip's
    file.
    """

    name: str = NAME
    names: tuple[str, ...] = ("object",)
    recognises: bool = False

    def detect(self, frames: Sequence[PreparedFrame]) -> list[Objects]:
        """The objects of each frame.

        Raises:
            DatasetError: If a frame's clip has no truth beside it.
            training.virtual.truth.TruthError: If the truth is damaged.
        """
        return [self._objects(frame) for frame in frames]

    def close(self) -> None:
        """Nothing to free."""

    def _objects(self, frame: PreparedFrame) -> Objects:
        truth = _truth(frame.stream_id)
        aspect = truth.size[0] / truth.size[1]
        boxes = [one.box for one in truth.objects[frame.frame.index] if can_be_told(one, aspect)]
        if not boxes:
            return Objects.empty(self.names)
        count = len(boxes)
        return Objects(
            np.array(boxes, np.float32),
            np.ones(count, np.float32),
            np.zeros(count, np.int32),
            np.full(count, UNTRACKED, np.int64),
            self.names,
        )


@lru_cache(maxsize=2)
def _truth(source: str) -> ClipTruth:
    path = Path(source).with_suffix(".truth.json")
    if not path.is_file():
        msg = f"detector {NAME}: expected a clip of the virtual world with {path.name} beside it, got none"
        raise DatasetError(msg)
    return ClipTruth.load(path)


def detector_of(name: str) -> str | Detector:
    """What studies and evaluation may name as a detector: ``truth``, and whatever the service knows."""
    return TruthDetector() if name == NAME else name
