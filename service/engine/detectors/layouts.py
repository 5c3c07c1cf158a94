"""What the graphs of YOLO families take and give.

============= ============================== ======= =========== ======= ==============================================
layout        output                         colour  in input    suppr.  a row or column holds
============= ============================== ======= =========== ======= ==============================================
yolox         ``(B, cells, 5 + classes)``    BGR 255 top left    no      cell offset, log size, objectness, class scores
yolox_decoded ``(B, cells, 5 + classes)``    BGR 255 top left    no      centre, size in input pixels, and the same
yolov5        ``(B, anchors, 5 + classes)``  RGB 1   centred     no      centre, size in input pixels, and the same
yolo          ``(B, 4 + classes, cells)``    RGB 1   centred     no      centre, size in input pixels, class scores
yolo_nms      ``(B, n, 6)``                  RGB 1   centred     yes     corners in input pixels, score, class
============= ============================== ======= =========== ======= ==============================================

``yolox`` is YOLOX as exported without its decoding, ``yolox_decoded`` with it; ``yolov5`` is YOLOv5 and YOLOv7, with
three anchors a cell, and YOLOv6, with one; ``yolo`` is YOLOv8 and YOLO11 of ultralytics; ``yolo_nms`` is YOLO26 and
YOLOv10, and any export with ``nms=True``. "suppr." says whether the graph has suppressed overlapping boxes itself.
Cells are those of grids with strides 8, 16 and 32, and in some networks one finer or one coarser. Shapes of several
families are alike, so each layout also says whether the values of an output can be its own (``problem``).

Other distributions bring layouts by entry point, in the group ``GROUP``: each names a class that is made without
arguments and is a ``Layout`` of that name.
"""

from __future__ import annotations

import functools
import logging
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from models.packs import PackError
from service.extensions import extensions

GROUP = "watchword.detector_layouts"

STRIDES = (8, 16, 32)

_FURTHER_STRIDES = ((*STRIDES, 64), (4, *STRIDES))
"""Of networks for large pictures, and of those for small objects."""

_ANCHORS_A_CELL = 3
"""Of YOLOv5 and YOLOv7."""

_NEAR = 4.0
"""Boxes lie within so many strides of their cell, in the median of all cells: on noise YOLOX-nano's are at 0.4."""

_LONGEST_LOG = 6.0
"""And their sides are of e to the power of so much in strides, again in the median."""

_ENOUGH = 10
"""Rows with a box in them from which on they tell something of all."""

_LIKELY = 0.25
"""A row above it holds a box that must look like one."""

_MOST = 0.9
"""Of such boxes, where a few odd ones may be."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Candidates:
    """What one picture may hold, before suppression.

    Attributes:
        corners: ``(N, 4)`` float32, x1, y1, x2, y2 in input pixels.
        scores: ``(N,)`` float32 in [0, 1].
        class_ids: ``(N,)`` int32.
    """

    corners: NDArray[np.float32]
    scores: NDArray[np.float32]
    class_ids: NDArray[np.int32]


@runtime_checkable
class Layout(Protocol):
    """How one family's graph is fed and read.

    Attributes:
        name: What manifests call it.
        rgb: Whether the graph wants its channels in this order; else BGR.
        unit_range: Whether it wants values up to 1; else up to 255.
        centred: Whether the picture lies in the middle of the input; else top left.
        suppressed: Whether the graph has suppressed overlapping boxes itself.
    """

    name: str
    rgb: bool
    unit_range: bool
    centred: bool
    suppressed: bool

    def recognises(self, shape: tuple[int | None, ...], size: tuple[int, int] | None) -> bool:
        """Whether an output of this shape can be its own.

        Args:
            shape: With the batch; None where a dimension is not fixed.
            size: Width and height of the input, if they are fixed.
        """
        ...

    def classes(self, shape: tuple[int | None, ...]) -> int | None:
        """How many classes an output of this shape has; None if the shape does not tell."""
        ...

    def decode(self, output: NDArray[np.float32], size: tuple[int, int], confidence: float) -> Candidates:
        """Read the output of one picture.

        Args:
            output: As the table says, without its first axis.
            size: Width and height of the input.
            confidence: Candidates below it are left out.
        """
        ...


@runtime_checkable
class CheckedLayout(Layout, Protocol):
    """A layout that also knows its outputs by their values."""

    def problem(self, output: NDArray[np.float32], size: tuple[int, int]) -> str | None:
        """Why an output cannot be of this layout, in words that follow "but"; None if it can.

        Args:
            output: Of one picture, of a shape that is recognised.
            size: Width and height of the input.
        """
        ...


class Yolox:
    """YOLOX with the grids not applied in the graph. Scores are objectness times class score."""

    name, rgb, unit_range, centred, suppressed = "yolox", False, False, False, False

    def recognises(self, shape: tuple[int | None, ...], size: tuple[int, int] | None) -> bool:
        """A row for each cell, of a box, an objectness and at least one class."""
        rows, columns = _sides(shape)
        return columns is not None and columns > 5 and (rows is None or rows == _cell_count(size))

    def classes(self, shape: tuple[int | None, ...]) -> int | None:
        """From the last axes, less what is no class score."""
        return None if shape[2] is None else shape[2] - 5

    def problem(self, output: NDArray[np.float32], size: tuple[int, int]) -> str | None:
        """Boxes are small numbers, whatever the size of the input."""
        boxes = _filled(output[:, :4])
        if len(boxes) and np.median(np.abs(boxes[:, :2])) > _NEAR:
            return f"its boxes are no offsets from cells: {_range(boxes)}"
        if len(boxes) and np.median(np.abs(boxes[:, 2:])) > _LONGEST_LOG:
            return f"the sides of its boxes are no logarithms: {_range(boxes[:, 2:])}"
        return _score_problem(output[:, 4:])

    def decode(self, output: NDArray[np.float32], size: tuple[int, int], confidence: float) -> Candidates:
        """Apply the grids where something is likely."""
        # Objectness bounds the score: of some thousand cells it leaves a few dozen to look at.
        likely = np.flatnonzero(output[:, 4] >= confidence)
        rows = output[likely]
        class_ids = rows[:, 5:].argmax(axis=1).astype(np.int32)
        scores = rows[:, 4] * rows[np.arange(len(rows)), 5 + class_ids]
        kept = scores >= confidence
        likely, rows = likely[kept], rows[kept]
        cells, strides = _cells(size)
        centres = (rows[:, :2] + cells[likely]) * strides[likely]
        halves = np.exp(rows[:, 2:4]) * strides[likely] / 2
        return Candidates(np.concatenate([centres - halves, centres + halves], axis=1), scores[kept], class_ids[kept])


class _Objectness:
    """Boxes in input pixels, an objectness and class scores, of which the score is the product."""

    def classes(self, shape: tuple[int | None, ...]) -> int | None:
        """From the last axes, less what is no class score."""
        return None if shape[2] is None else shape[2] - 5

    def decode(self, output: NDArray[np.float32], size: tuple[int, int], confidence: float) -> Candidates:
        """Take the best class of every row that is likely."""
        rows = output[output[:, 4] >= confidence]
        class_ids = rows[:, 5:].argmax(axis=1).astype(np.int32)
        scores = rows[:, 4] * rows[np.arange(len(rows)), 5 + class_ids]
        kept = scores >= confidence
        centres, halves = rows[kept, :2], rows[kept, 2:4] / 2
        return Candidates(np.concatenate([centres - halves, centres + halves], axis=1), scores[kept], class_ids[kept])


class YoloxDecoded(_Objectness):
    """YOLOX with the grids applied in the graph."""

    name, rgb, unit_range, centred, suppressed = "yolox_decoded", False, False, False, False

    def recognises(self, shape: tuple[int | None, ...], size: tuple[int, int] | None) -> bool:
        """As YOLOX without its decoding."""
        return LAYOUTS["yolox"].recognises(shape, size)

    def problem(self, output: NDArray[np.float32], size: tuple[int, int]) -> str | None:
        """Every box lies near its cell, and nowhere is it certain that there is an object."""
        if not _lie_at_cells(output[:, :2], size):
            return f"its boxes do not lie at their cells: {_range(output[:, :2])}"
        if _all_ones(output[:, 4]):
            return "its objectness is 1 everywhere"
        return _score_problem(output[:, 4:]) or _box_problem(output[:, :4], _scores(output))


class YoloV5(_Objectness):
    """YOLOv5 and YOLOv7 with decoded boxes; and YOLOv6, whose objectness is always 1."""

    name, rgb, unit_range, centred, suppressed = "yolov5", True, True, True, False

    def recognises(self, shape: tuple[int | None, ...], size: tuple[int, int] | None) -> bool:
        """A row for each anchor, of a box, an objectness and at least one class."""
        rows, columns = _sides(shape)
        counts = _cell_counts(size)
        return columns is not None and columns > 5 and rows in {*counts, *(_ANCHORS_A_CELL * count for count in counts)}

    def problem(self, output: NDArray[np.float32], size: tuple[int, int]) -> str | None:
        """Boxes in pixels; with one anchor a cell, the objectness of YOLOv6 as well."""
        if len(output) in _cell_counts(size) and not _all_ones(output[:, 4]):
            return "with one row a cell its objectness would be 1 everywhere"
        return _score_problem(output[:, 4:]) or _box_problem(output[:, :4], _scores(output))


class Yolo:
    """ultralytics' layout of one score per class."""

    name, rgb, unit_range, centred, suppressed = "yolo", True, True, True, False

    def recognises(self, shape: tuple[int | None, ...], size: tuple[int, int] | None) -> bool:
        """A column for each cell, of a box and at least one class."""
        rows, columns = _sides(shape)
        return rows is not None and rows > 4 and (columns is None or columns in _cell_counts(size))

    def classes(self, shape: tuple[int | None, ...]) -> int | None:
        """From the last axes, less what is no class score."""
        return None if shape[1] is None else shape[1] - 4

    def problem(self, output: NDArray[np.float32], size: tuple[int, int]) -> str | None:
        """Boxes in pixels, and scores: what follows them in graphs of poses, masks and turned boxes is none."""
        return _score_problem(output[4:]) or _box_problem(output[:4].T, output[4:].max(axis=0))

    def decode(self, output: NDArray[np.float32], size: tuple[int, int], confidence: float) -> Candidates:
        """Take the best class of every column."""
        best = output[4:].max(axis=0)
        likely = np.flatnonzero(best >= confidence)
        columns = output[:, likely]
        centres, halves = columns[:2].T, columns[2:4].T / 2
        class_ids = columns[4:].argmax(axis=0).astype(np.int32)
        return Candidates(np.concatenate([centres - halves, centres + halves], axis=1), best[likely], class_ids)


class YoloNms:
    """ultralytics' layout of finished boxes."""

    name, rgb, unit_range, centred, suppressed = "yolo_nms", True, True, True, True

    def recognises(self, shape: tuple[int | None, ...], size: tuple[int, int] | None) -> bool:
        """Rows of six, of a number that is fixed and not that of the cells."""
        rows, columns = _sides(shape)
        return columns == 6 and rows is not None and rows not in _cell_counts(size)

    def classes(self, shape: tuple[int | None, ...]) -> int | None:
        """The shape does not tell."""
        return None

    def problem(self, output: NDArray[np.float32], size: tuple[int, int]) -> str | None:
        """A score, a class as a whole number, and corners in pixels, the lower ones first."""
        classes = output[:, 5]
        if np.any(classes < 0) or np.any(classes != np.round(classes)):
            return f"its last column holds no classes: {_range(classes)}"
        likely = output[output[:, 4] >= _LIKELY]
        if len(likely) and (likely[:, 2:4] >= likely[:, :2]).all(axis=1).mean() < _MOST:
            return "its boxes are not given by two corners"
        return _score_problem(output[:, 4]) or _fraction_problem(output[:, :4])

    def decode(self, output: NDArray[np.float32], size: tuple[int, int], confidence: float) -> Candidates:
        """Leave out what is below the confidence."""
        rows = output[output[:, 4] >= confidence]
        return Candidates(rows[:, :4], rows[:, 4], rows[:, 5].astype(np.int32))


LAYOUTS: dict[str, Layout] = {layout.name: layout for layout in (YoloNms(), Yolox(), YoloxDecoded(), YoloV5(), Yolo())}
"""Those of this tree, in the order in which they are asked whether an output is theirs."""


def layout_named(name: str) -> Layout:
    """The layout of this name, of this tree or of another distribution.

    Raises:
        PackError: ``unknown_layout``, with those that there are.
    """
    found = LAYOUTS.get(name) or foreign_layouts().get(name)
    if found is None:
        names = ", ".join(sorted({"motion", *LAYOUTS, *foreign_layouts()}))
        code, message = "unknown_layout", f"expected a layout of {names}, got {name}"
        raise PackError(code, message)
    return found


def recognisable(shape: tuple[int | None, ...], size: tuple[int, int] | None) -> list[Layout]:
    """The layouts that an output of this shape can be of, those of this tree first.

    Args:
        shape: With the batch; None where a dimension is not fixed.
        size: Width and height of the input, if they are fixed.
    """
    return [layout for layout in (*LAYOUTS.values(), *foreign_layouts().values()) if layout.recognises(shape, size)]


@functools.cache
def foreign_layouts() -> dict[str, Layout]:
    """The layouts of other distributions by name, loaded once; one that is broken is logged and left out."""
    found: dict[str, Layout] = {}
    for name, kind in extensions(GROUP).items():
        try:
            layout = kind()
        except (Exception, SystemExit) as error:  # foreign code can fail in any way
            _log.warning("the detector layout %s is left out: %s: %s", name, type(error).__name__, error)
            continue
        if isinstance(layout, Layout) and layout.name == name and name not in LAYOUTS:
            found[name] = layout
        else:
            _log.warning("the detector layout %s is left out: expected a Layout of this name, got %r", name, layout)
    return found


def _sides(shape: tuple[int | None, ...]) -> tuple[int | None, int | None]:
    """Rows and columns of an output of one table a picture; of anything else, none that fit a layout."""
    return (shape[1], shape[2]) if len(shape) == 3 else (0, 0)


def _cell_count(size: tuple[int, int] | None, strides: tuple[int, ...] = STRIDES) -> int | None:
    """How many cells the grids over an input of this width and height have."""
    return None if size is None else sum((size[0] // stride) * (size[1] // stride) for stride in strides)


def _cell_counts(size: tuple[int, int] | None) -> list[int]:
    """The same with the strides of each network that is known."""
    counts = (_cell_count(size, strides) for strides in (STRIDES, *_FURTHER_STRIDES))
    return [count for count in counts if count is not None]


def _filled(boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    """The rows that hold anything."""
    filled: NDArray[np.float32] = boxes[np.any(boxes != 0, axis=1)]
    return filled


def _scores(output: NDArray[np.float32]) -> NDArray[np.float32]:
    """Objectness times the best class's score."""
    product: NDArray[np.float32] = np.multiply(output[:, 4], output[:, 5:].max(axis=1))
    return product


def _all_ones(objectness: NDArray[np.float32]) -> bool:
    return len(objectness) >= _ENOUGH and bool(np.all(objectness == 1))


def _lie_at_cells(centres: NDArray[np.float32], size: tuple[int, int]) -> bool:
    cells, strides = _cells(size)
    filled = (centres != 0).any(axis=1)
    away = np.abs(centres / strides - cells - 0.5)[filled]
    return bool(len(away) >= _ENOUGH and np.median(away) <= _NEAR)


def _score_problem(scores: NDArray[np.float32]) -> str | None:
    """Scores are from 0 to 1, but for rounding."""
    if scores.size and (scores.min() < -1e-3 or scores.max() > 1 + 1e-3):
        return f"its scores are not from 0 to 1: {_range(scores)}"
    return None


def _box_problem(boxes: NDArray[np.float32], scores: NDArray[np.float32]) -> str | None:
    """Boxes are a centre and a size in pixels; those that are likely have a size."""
    sides = boxes[scores >= _LIKELY, 2:]
    if len(sides) and (sides > 0).all(axis=1).mean() < _MOST:
        return "its boxes have no size"
    return _fraction_problem(boxes)


def _fraction_problem(boxes: NDArray[np.float32]) -> str | None:
    """Of many boxes over an input one reaches beyond its first pixels."""
    filled = _filled(boxes)
    if len(filled) >= _ENOUGH and np.abs(filled).max() <= 2:
        return "its boxes are fractions of the picture, not pixels"
    return None


def _range(values: NDArray[np.float32]) -> str:
    return f"{float(values.min()):.4g} to {float(values.max()):.4g}"


@functools.lru_cache(maxsize=16)
def _cells(size: tuple[int, int]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """``(anchors, 2)`` column and row of every cell, and ``(anchors, 1)`` its stride."""
    cells, strides = [], []
    for stride in STRIDES:
        rows, columns = np.mgrid[: size[1] // stride, : size[0] // stride]
        cells.append(np.stack([columns.ravel(), rows.ravel()], axis=1))
        strides.append(np.full((rows.size, 1), stride))
    return np.concatenate(cells).astype(np.float32), np.concatenate(strides).astype(np.float32)
