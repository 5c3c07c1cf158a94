"""What the graphs of pose families take and give.

=================== ======================================= ============================= ==================
layout              input                                   output                        looks at
=================== ======================================= ============================= ==================
movenet-multipose   ``(1, h, w, 3)`` int32 or uint8 RGB 255 ``(1, 6, 56)``                the whole picture
movenet-singlepose  ``(1, s, s, 3)`` int32 or uint8 RGB 255 ``(1, 1, 17, 3)``             a square at a box
rtmpose             ``(B, 3, h, w)`` float32 RGB, normal    two, ``(B, 17, 2 w or 2 h)``  a box
yolo-pose           ``(B, 3, h, w)`` float32 RGB 1          ``(B, 56, cells)``            the whole picture
yolo-pose           ``(B, 3, h, w)`` float32 RGB 1          ``(B, n, 57)``                the whole picture
=================== ======================================= ============================= ==================

The last axis of MoveNet holds y, x and confidence of 17 keypoints, as fractions of the input; of several people also
a box and a score. RTMPose gives for each keypoint a histogram of its x and one of its y, in half pixels (SimCC).
YOLO's pose networks give a box (centre and size), a score, and x, y and confidence of the keypoints, in input pixels;
those with suppression in the graph give corners, score, class and keypoints.

Other distributions bring layouts by entry point, in the group ``GROUP``: each names a class that is made without
arguments and is a ``PoseLayout`` of that name.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from models.arrays import Float32
from models.graph import Tensor
from models.inputs import KEYPOINTS
from models.packs import PackError
from service.engine.detectors.onnx import suppress
from service.engine.pose.base import FoundPeople
from service.extensions import extensions

GROUP = "watchword.pose_layouts"

COUNT = len(KEYPOINTS)

_log = logging.getLogger(__name__)


@runtime_checkable
class PoseLayout(Protocol):
    """How one family's graph is fed and read.

    Attributes:
        name: What manifests call it.
        whole: Whether it looks at whole pictures; else at one box at a time.
        around: Brightness of what is not of the picture in its input, 0 to 255.
        context: How much larger than a box what it looks at is; for layouts of boxes.
    """

    name: str
    whole: bool
    around: int
    context: float

    def recognises(self, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> bool:
        """Whether a graph that takes and gives this can be its own."""
        ...

    def size(self, taken: Tensor) -> tuple[int, int]:
        """Width and height of the input."""
        ...

    def feed(self, canvases: NDArray[np.uint8], taken: Tensor) -> NDArray[np.generic]:
        """What the graph takes.

        Args:
            canvases: ``(N, h, w, 3)`` RGB.
            taken: The graph's input.
        """
        ...

    def read(self, outputs: Sequence[Float32], size: tuple[int, int]) -> list[FoundPeople]:
        """Read the outputs of a batch.

        Args:
            outputs: In the graph's order, with the batch first.
            size: Width and height of the input.

        Returns:
            For each of the batch its people, with places in input pixels.
        """
        ...


class _MoveNet:
    """What MoveNet's graphs have in common."""

    around = 0

    def feed(self, canvases: NDArray[np.uint8], taken: Tensor) -> NDArray[np.generic]:
        """As they are."""
        return canvases.astype(taken.dtype, copy=False)


class MoveNetMultiPose(_MoveNet):
    """MoveNet MultiPose: up to six people in a picture."""

    name, whole, context = "movenet-multipose", True, 1.0

    _ANY = 256
    """Longer side of an input that may have any size: what the network was trained at, and multiples of 32."""

    def recognises(self, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> bool:
        """Rows of 56."""
        return _channels_last(inputs) and len(outputs) == 1 and outputs[0].shape[-2:] in {(6, 56), (None, 56)}

    def size(self, taken: Tensor) -> tuple[int, int]:
        """The graph's own, or the one that it was trained at."""
        return taken.shape[2] or self._ANY, taken.shape[1] or self._ANY

    def read(self, outputs: Sequence[Float32], size: tuple[int, int]) -> list[FoundPeople]:
        """Take all six; those that are nobody have a low score."""
        table = outputs[0].reshape(len(outputs[0]), -1, 56)
        return [FoundPeople(_turned(rows[:, :51].reshape(-1, COUNT, 3), size), rows[:, 55]) for rows in table]


class MoveNetSinglePose(_MoveNet):
    """MoveNet SinglePose: the one person in the middle of a square."""

    name, whole, context = "movenet-singlepose", False, 1.25

    def recognises(self, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> bool:
        """One table of 17 rows."""
        return _channels_last(inputs) and len(outputs) == 1 and outputs[0].shape[-3:] == (1, COUNT, 3)

    def size(self, taken: Tensor) -> tuple[int, int]:
        """The graph's own, or that of Lightning."""
        return taken.shape[2] or 192, taken.shape[1] or 192

    def read(self, outputs: Sequence[Float32], size: tuple[int, int]) -> list[FoundPeople]:
        """One each, as sure as its joints are on average."""
        tables = outputs[0].reshape(-1, 1, COUNT, 3)
        return [FoundPeople(_turned(table, size), table[:, :, 2].mean(axis=1)) for table in tables]


class RtmPose:
    """RTMPose: for each keypoint a histogram of its x and one of its y (SimCC, Li et al., ECCV 2022)."""

    name, whole, around, context = "rtmpose", False, 0, 1.25

    _MEAN = np.array([123.675, 116.28, 103.53], np.float32)[:, None, None]
    _DEVIATION = np.array([58.395, 57.12, 57.375], np.float32)[:, None, None]

    _BINS = 2
    """Of a pixel, in both directions."""

    def recognises(self, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> bool:
        """Two outputs of 17 rows, of twice the input's width and height."""
        if not _channels_first(inputs) or len(outputs) != 2 or any(len(each.shape) != 3 for each in outputs):
            return False
        height, width = inputs[0].shape[2:]
        bins = [None if side is None else self._BINS * side for side in (width, height)]
        return all(
            each.shape[1] in {COUNT, None} and each.shape[2] in {count, None}
            for each, count in zip(outputs, bins, strict=True)
        )

    def size(self, taken: Tensor) -> tuple[int, int]:
        """The graph's own, or the usual one."""
        return taken.shape[3] or 192, taken.shape[2] or 256

    def feed(self, canvases: NDArray[np.uint8], taken: Tensor) -> NDArray[np.generic]:
        """Planes, of mean 0 and deviation 1 over the pictures that it was trained on."""
        return (_planes(canvases) - self._MEAN) / self._DEVIATION

    def read(self, outputs: Sequence[Float32], size: tuple[int, int]) -> list[FoundPeople]:
        """The highest bin of both; the lower of the two heights is the confidence, as MMPose has it."""
        across, down = outputs
        if across.shape[2] != self._BINS * size[0] or down.shape[2] != self._BINS * size[1]:
            msg = f"expected {self._BINS} bins for each of {size[0]}x{size[1]} pixels, got {across.shape}, {down.shape}"
            raise ValueError(msg)
        places = np.stack([each.argmax(axis=2) / np.float32(self._BINS) for each in (across, down)], axis=2)
        sure = np.clip(np.minimum(across.max(axis=2), down.max(axis=2)), 0, 1)
        points = np.concatenate([places, sure[:, :, None]], axis=2).astype(np.float32)
        return [FoundPeople(each[None], each[None, :, 2].mean(axis=1)) for each in points]


class YoloPose:
    """YOLOv8, YOLO11 and YOLO26 for poses: with suppression in the graph, and without."""

    name, whole, around, context = "yolo-pose", True, 114, 1.0

    _RAW = 4 + 1 + 3 * COUNT
    """Rows of a graph without suppression: box, score, keypoints."""

    _FINISHED = 4 + 2 + 3 * COUNT
    """Columns of one with it: corners, score, class, keypoints."""

    _SIDE = 640

    _LEAST = 0.1
    """A cell that is less sure holds nobody: of some thousand it leaves a few dozen to look at."""

    _OVERLAP = 0.65
    """Of two boxes that overlap more the surer one stays: ultralytics' own for poses is 0.7."""

    def recognises(self, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> bool:
        """One table of 56 rows, or of 57 columns."""
        if not _channels_first(inputs) or len(outputs) != 1 or len(outputs[0].shape) != 3:
            return False
        rows, columns = outputs[0].shape[1:]
        return rows == self._RAW or columns == self._FINISHED

    def size(self, taken: Tensor) -> tuple[int, int]:
        """The graph's own, or the usual one."""
        return taken.shape[3] or self._SIDE, taken.shape[2] or self._SIDE

    def feed(self, canvases: NDArray[np.uint8], taken: Tensor) -> NDArray[np.generic]:
        """Planes of values up to 1."""
        return _planes(canvases) * np.float32(1 / 255)

    def read(self, outputs: Sequence[Float32], size: tuple[int, int]) -> list[FoundPeople]:
        """Those who are sure, each once."""
        return [self._people(table) for table in outputs[0]]

    def _people(self, table: Float32) -> FoundPeople:
        if table.shape[1] == self._FINISHED:
            rows = table[table[:, 4] >= self._LEAST]
            return FoundPeople(rows[:, 6:].reshape(-1, COUNT, 3), rows[:, 4])
        rows = table[:, table[4] >= self._LEAST].T
        corners = np.concatenate([rows[:, :2] - rows[:, 2:4] / 2, rows[:, :2] + rows[:, 2:4] / 2], axis=1)
        kept = suppress(corners, rows[:, 4], np.zeros(len(rows), np.int32), self._OVERLAP)
        return FoundPeople(rows[kept, 5:].reshape(-1, COUNT, 3), rows[kept, 4])


LAYOUTS: dict[str, PoseLayout] = {
    layout.name: layout for layout in (MoveNetMultiPose(), MoveNetSinglePose(), RtmPose(), YoloPose())
}
"""Those of this tree, in the order in which they are asked whether a graph is theirs."""


def layout_named(name: str) -> PoseLayout:
    """The layout of this name, of this tree or of another distribution.

    Raises:
        PackError: ``unknown_layout``, with those that there are.
    """
    found = LAYOUTS.get(name) or foreign_layouts().get(name)
    if found is None:
        names = ", ".join(sorted({*LAYOUTS, *foreign_layouts()}))
        code, message = "unknown_layout", f"expected a layout of {names}, got {name}"
        raise PackError(code, message)
    return found


@functools.cache
def foreign_layouts() -> dict[str, PoseLayout]:
    """Those of other distributions, by name. One that cannot be used is logged once and left out."""
    found: dict[str, PoseLayout] = {}
    for name, layout in extensions(GROUP).items():
        try:
            made = layout()
        except Exception as error:  # foreign code fails in any way, and must not cost the others
            _log.warning("pose layout %s is left out: %s: %s", name, type(error).__name__, error)
            continue
        if isinstance(made, PoseLayout) and made.name == name and name not in LAYOUTS:
            found[name] = made
        else:
            _log.warning("pose layout %s is left out: expected a PoseLayout of this name, got %r", name, made)
    return found


def _channels_last(inputs: Sequence[Tensor]) -> bool:
    return (
        len(inputs) == 1
        and inputs[0].dtype in {"int32", "uint8"}
        and len(inputs[0].shape) == 4
        and inputs[0].shape[3] == 3
    )


def _channels_first(inputs: Sequence[Tensor]) -> bool:
    return (
        len(inputs) == 1
        and inputs[0].dtype == "float32"
        and len(inputs[0].shape) == 4
        and inputs[0].shape[1] in {3, None}
    )


def _planes(canvases: NDArray[np.uint8]) -> Float32:
    """``(N, h, w, 3)`` as ``(N, 3, h, w)``."""
    return np.ascontiguousarray(canvases.transpose(0, 3, 1, 2), np.float32)


def _turned(rows: Float32, size: tuple[int, int]) -> Float32:
    """``(P, 17, 3)`` y, x and confidence in fractions of the input, as x and y in its pixels and confidence."""
    return rows[:, :, [1, 0, 2]] * np.array([*size, 1], np.float32)
