"""What the graphs of YOLO families take and give.

======== ============================== ======= =========== ======= ==============================================
layout   output                         colour  in input    suppr.  a row or column holds
======== ============================== ======= =========== ======= ==============================================
yolox    ``(B, anchors, 5 + classes)``  BGR 255 top left    no      cell offset, log size, objectness, class scores
yolo     ``(B, 4 + classes, anchors)``  RGB 1   centred     no      centre, size in input pixels, class scores
yolo_nms ``(B, n, 6)``                  RGB 1   centred     yes     corners in input pixels, score, class
======== ============================== ======= =========== ======= ==============================================

``yolox`` is YOLOX as exported without its decoding; ``yolo`` is YOLOv8 and YOLO11 of ultralytics; ``yolo_nms`` is
YOLO26, and any export with ``nms=True``. "suppr." says whether the graph has suppressed overlapping boxes itself.
The anchors of all three are the cells of grids with strides 8, 16 and 32. Other distributions bring layouts by entry
point, in the group ``GROUP``: each names a class that is made without arguments and is a ``Layout`` of that name.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from models.packs import PackError
from service.extensions import extensions

GROUP = "watchword.detector_layouts"

STRIDES = (8, 16, 32)


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


class Yolox:
    """YOLOX with the grids not applied in the graph. Scores are objectness times class score."""

    name, rgb, unit_range, centred, suppressed = "yolox", False, False, False, False

    def recognises(self, shape: tuple[int | None, ...], size: tuple[int, int] | None) -> bool:
        """A row for each cell, of a box, an objectness and at least one class."""
        rows, columns = _sides(shape)
        return columns is not None and columns > 5 and (rows is None or rows == _anchors(size))

    def classes(self, shape: tuple[int | None, ...]) -> int | None:
        """From the last axes, less what is no class score."""
        return None if shape[2] is None else shape[2] - 5

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


class Yolo:
    """ultralytics' layout of one score per class."""

    name, rgb, unit_range, centred, suppressed = "yolo", True, True, True, False

    def recognises(self, shape: tuple[int | None, ...], size: tuple[int, int] | None) -> bool:
        """A column for each cell, of a box and at least one class."""
        rows, columns = _sides(shape)
        return rows is not None and rows > 4 and (columns is None or columns == _anchors(size))

    def classes(self, shape: tuple[int | None, ...]) -> int | None:
        """From the last axes, less what is no class score."""
        return None if shape[1] is None else shape[1] - 4

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
        return columns == 6 and rows is not None and rows != _anchors(size)

    def classes(self, shape: tuple[int | None, ...]) -> int | None:
        """The shape does not tell."""
        return None

    def decode(self, output: NDArray[np.float32], size: tuple[int, int], confidence: float) -> Candidates:
        """Leave out what is below the confidence."""
        rows = output[output[:, 4] >= confidence]
        return Candidates(rows[:, :4], rows[:, 4], rows[:, 5].astype(np.int32))


LAYOUTS: dict[str, Layout] = {layout.name: layout for layout in (YoloNms(), Yolox(), Yolo())}
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


def recognise(shape: tuple[int | None, ...], size: tuple[int, int] | None) -> Layout | None:
    """The layout of an output of this shape, or None. Those of this tree are asked first.

    Args:
        shape: With the batch; None where a dimension is not fixed.
        size: Width and height of the input, if they are fixed.
    """
    return _first(LAYOUTS.values(), shape, size) or _first(foreign_layouts().values(), shape, size)


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


def _first(layouts: Iterable[Layout], shape: tuple[int | None, ...], size: tuple[int, int] | None) -> Layout | None:
    return next((layout for layout in layouts if layout.recognises(shape, size)), None)


def _sides(shape: tuple[int | None, ...]) -> tuple[int | None, int | None]:
    """Rows and columns of an output of one table a picture; of anything else, none that fit a layout."""
    return (shape[1], shape[2]) if len(shape) == 3 else (0, 0)


def _anchors(size: tuple[int, int] | None) -> int | None:
    """How many cells the grids over an input of this width and height have."""
    return None if size is None else sum((size[0] // stride) * (size[1] // stride) for stride in STRIDES)


@functools.lru_cache(maxsize=16)
def _cells(size: tuple[int, int]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """``(anchors, 2)`` column and row of every cell, and ``(anchors, 1)`` its stride."""
    cells, strides = [], []
    for stride in STRIDES:
        rows, columns = np.mgrid[: size[1] // stride, : size[0] // stride]
        cells.append(np.stack([columns.ravel(), rows.ravel()], axis=1))
        strides.append(np.full((rows.size, 1), stride))
    return np.concatenate(cells).astype(np.float32), np.concatenate(strides).astype(np.float32)
