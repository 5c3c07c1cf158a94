"""What a graph is, told from what it gives for pictures: shapes that are declared may be open, and are alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.graph import Tensor
from models.packs import PackError
from service.engine.detectors.coco import COCO
from service.engine.detectors.layouts import CheckedLayout, Layout, layout_named, recognisable
from service.engine.session import Session

TRIAL_SIZES = ((352, 256), (640, 640))
"""Inputs to try a graph of any size with. Of the first no other count of rows is that of its cells; some graphs say
that they take any size and run with the second only."""

_KNOWN = (
    "Known are YOLOX, YOLOv5, YOLOv6 and YOLOv7 with decoded boxes, YOLOv8 and YOLO11, and YOLO26, YOLOv10 or any "
    "export with its suppression as (batch, n, 6)."
)

_MASK_CHANNELS = 32
"""Of the prototypes in graphs of YOLO families that draw outlines."""


@dataclass(frozen=True, slots=True)
class Recognised:
    """What a graph turned out to be.

    Attributes:
        layout: How to feed and read it.
        shape: Of its output for one picture, with the batch.
    """

    layout: Layout
    shape: tuple[int, ...]


def check_interface(session: Session) -> None:
    """See that a graph takes pictures and gives one table.

    Raises:
        PackError: ``wrong_layout``, with what it seems to be.
    """
    image = session.inputs[0] if len(session.inputs) == 1 else None
    taken = image is not None and image.dtype == "float32" and len(image.shape) == 4 and image.shape[1] in {3, None}
    if taken and len(session.outputs) == 1:
        return
    came = f"it takes {_list(session.inputs)} and gives {_list(session.outputs)}"
    likeness = _likeness(session.outputs) if taken else _of_inputs(session.inputs)
    message = (
        f"A detector's graph takes one input of float32 (batch, 3, height, width) and gives one output; {came}. "
        f"{likeness}{_KNOWN}"
    )
    raise PackError("wrong_layout", message)


def recognise(session: Session, wanted: str | None, size: tuple[int, int] | None, classes: int | None) -> Recognised:
    """Run a graph on two pictures and tell its layout.

    Args:
        session: Of a graph that ``check_interface`` has passed.
        wanted: The layout that a manifest says; None tells it from the graph.
        size: Width and height of the input; None if the graph takes any.
        classes: How many classes it is known to have; None if nobody says.

    Raises:
        PackError: ``unknown_layout``, or ``wrong_layout`` with what was found.
    """
    named = None if wanted is None else layout_named(wanted)
    tried, tables = _tables(session, size)
    shape = (1, *tables[0].shape)
    # A table of nothing but zeros is every layout's.
    tables = [table for table in tables if table.any()] or tables[:1]
    problems: dict[str, str] = {}
    found: Layout | None = None
    for layout in recognisable(shape, tried):
        problem = _problem(layout, tables, tried, classes)
        if problem is None and (found is None or layout is named):
            found = layout
        elif problem is not None:
            problems[layout.name] = problem
    if found is not None and named in {None, found}:
        return Recognised(found, shape)
    gives = f"For a picture of {tried[0]}x{tried[1]} this graph gives {shape[1]} rows of {shape[2]}"
    if found is not None:
        msg = f"{gives}, which is the layout {found.name}, not {wanted} as its pack says."
    elif problems:
        alike = "; ".join(f"{name}, but {problem}" for name, problem in problems.items())
        msg = f"{gives}. That has the shape of {alike}. {_KNOWN}"
    else:
        msg = f"{gives}, which is no layout that is known. {_of_table(tables)}{_KNOWN}"
    raise PackError("wrong_layout", msg)


def _tables(session: Session, size: tuple[int, int] | None) -> tuple[tuple[int, int], list[NDArray[np.float32]]]:
    """The size that was tried, and the outputs for a picture with values up to 1 and the same up to 255."""
    sizes = TRIAL_SIZES if size is None else (size,)
    for tried in sizes:
        try:
            outputs = [session.first(_picture(tried) * np.float32(most)) for most in (1, 255)]
        except Exception as error:  # ONNX Runtime's exceptions share no base class
            if tried != sizes[-1]:
                continue
            msg = f"This graph does not run on a picture of {tried[0]}x{tried[1]}: {' '.join(str(error).split())[:200]}"
            raise PackError("wrong_layout", msg) from error
        return tried, [_table(output) for output in _alike(outputs)]
    raise AssertionError(sizes)


def _alike(outputs: list[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
    one, other = (output.shape for output in outputs)
    if one != other:
        msg = (
            f"This graph gives {one} for one picture and {other} for another. How many rows it gives must not depend "
            "on what is seen: export it with a fixed number of boxes."
        )
        raise PackError("wrong_layout", msg)
    return outputs


def _table(output: NDArray[np.float32]) -> NDArray[np.float32]:
    """The output of one picture, as rows and columns of finite numbers."""
    if output.ndim != 3 or len(output) != 1 or 0 in output.shape:
        likeness = ""
        if output.shape[-1:] == (7,):
            likeness = (
                "It seems to be an SSD as of OpenVINO. "
                if output.ndim == 4
                else "It seems to be YOLOv7 exported with its suppression. "
            )
        msg = f"A detector's graph gives one table a picture, (batch, rows, columns); this gives {output.shape}. "
        raise PackError("wrong_layout", f"{msg}{likeness}{_KNOWN}")
    if not np.isfinite(output).all():
        raise PackError("wrong_layout", "This graph gives numbers that are not finite for an ordinary picture.")
    table: NDArray[np.float32] = output[0]
    return table


def _picture(size: tuple[int, int]) -> NDArray[np.float32]:
    """``(1, 3, height, width)`` in 0..1: a coarse pattern, the same every time, that no network takes for nothing."""
    coarse = np.random.default_rng(0).random((1, 3, 8, 8), np.float32)
    rows, columns = (np.arange(side) * 8 // side for side in size[::-1])
    return np.ascontiguousarray(coarse[:, :, rows][:, :, :, columns])


def _problem(
    layout: Layout, tables: Sequence[NDArray[np.float32]], size: tuple[int, int], classes: int | None
) -> str | None:
    """Why no table of this layout can have these values; None if it can, or if the layout does not know.

    ``tables`` are of a picture with values up to 1, and of the same up to 255.
    """
    if not isinstance(layout, CheckedLayout):
        return None
    counted = layout.classes((1, *tables[0].shape))
    # The rows of this one alone can be another family's: YOLOv8 turned on its side, which has one class more.
    if layout.name == "yolox_decoded" and counted != (classes or len(COCO)):
        known = f"not {classes}" if classes else "and no names of classes say so (--classes)"
        return f"it would have {counted} classes, {known}"
    # Of a picture in the range that it wants: what a network makes of another may be anything.
    return layout.problem(tables[0 if layout.unit_range else -1], size)


def _of_inputs(inputs: Sequence[Tensor]) -> str:
    if len(inputs) > 1:
        return "It seems to want the picture's size beside the picture, as RT-DETR of PaddlePaddle does. "
    if inputs and len(inputs[0].shape) == 4 and inputs[0].shape[3] == 3:
        return "It takes its channels last, as graphs from TensorFlow do. "
    return ""


def _likeness(outputs: Sequence[Tensor]) -> str:
    """What a graph of several outputs seems to be."""
    names = " ".join(tensor.name.lower() for tensor in outputs)
    ranks = [len(tensor.shape) for tensor in outputs]
    if any(len(tensor.shape) == 4 and tensor.shape[1] == _MASK_CHANNELS for tensor in outputs):
        return "It seems to draw outlines (YOLO for segmentation); export the network for detection. "
    if "logits" in names or (len(outputs) == 2 and ranks == [3, 3]):
        return "It seems to be of the DETR family. "
    if "num" in names:
        return "It seems to have its suppression built in for TensorRT; export it without. "
    if len(outputs) >= 3 and min(ranks) >= 4:
        return "It seems to be a YOLO whose boxes are not decoded; export it with its decoding. "
    if "boxes" in names or "scores" in names:
        return "It seems to be an SSD, a Faster R-CNN or the like. "
    return ""


def _of_table(tables: Sequence[NDArray[np.float32]]) -> str:
    """What a table of an unknown shape seems to be."""
    boxes = np.concatenate([table[:, :4] for table in tables])
    if tables[0].shape[1] > 6 and 0 < np.abs(boxes).max() <= 2:
        return "Its boxes are fractions of the picture, as those of RT-DETR and DETR. "
    return ""


def _list(tensors: Sequence[Tensor]) -> str:
    return "; ".join(map(str, tensors)) or "nothing"
