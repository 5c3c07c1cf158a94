"""Small ONNX graphs that give known answers, for tests of what runs real ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from export.pack_writer import PackWriter
from models.packs import Pack

Dimension = int | str


def write_graph(
    path: Path,
    answer: np.ndarray,
    *,
    size: tuple[Dimension, Dimension] = (64, 64),
    batch: Dimension = "batch",
    shape: Sequence[Dimension] | None = None,
    channel: int = 0,
    threshold: float = 0.0,
    metadata: Mapping[str, str] | None = None,
    dtype: int = TensorProto.FLOAT,
) -> Path:
    """A graph that gives ``answer`` for every picture whose channel's mean is above a threshold, else zeros.

    So what the graph is fed can be told from what it gives: the order of a batch, the colours, the range.

    Args:
        path: Where to write it.
        answer: ``(a, b)`` float32.
        size: Width and height that the input declares.
        batch: What the input and the output declare as their first dimension.
        shape: What the output declares after it; the answer's shape if None.
        channel: Index of the channel that is looked at.
        threshold: Of its mean.
        metadata: Custom properties of the model.
        dtype: Of the input.
    """
    nodes = [
        helper.make_node("Cast", ["images"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Gather", ["floats", "channel"], ["plane"], axis=1),
        helper.make_node("ReduceMean", ["plane"], ["mean"], axes=[1, 2], keepdims=1),
        helper.make_node("Greater", ["mean", "threshold"], ["lit"]),
        helper.make_node("Cast", ["lit"], ["gate"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["gate", "answer"], ["output"]),
    ]
    constants: dict[str, np.ndarray] = {
        "channel": np.array(channel, np.int64),
        "threshold": np.array(threshold, np.float32),
        "answer": answer.astype(np.float32)[None],
    }
    graph = helper.make_graph(
        nodes,
        "known",
        [helper.make_tensor_value_info("images", dtype, [batch, 3, size[1], size[0]])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, [batch, *(shape or answer.shape)])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    helper.set_model_props(model, dict(metadata or {}))
    onnx.save(model, str(path))
    return path


def write_pack(
    packs: Path, name: str, answer: np.ndarray, *, size: tuple[int, int] = (64, 64), layout: str = "yolox"
) -> Pack:
    """A pack of a detector of three classes, of YOLOX unless told, whose graph is that of ``write_graph``."""
    with PackWriter(packs, name) as writer:
        graph = write_graph(packs / ".graph.onnx", answer, size=size)
        facts = writer.add(graph, "graph.onnx")
        graph.unlink()
        return writer.commit(
            {
                "kind": "detector",
                "version": "1",
                "description": "Known answers.",
                "licence": "Apache-2.0",
                "provenance": "a test",
                "layout": layout,
                "graph": facts,
                "input": size,
                "classes": ("person", "bicycle", "car"),
                "confidence": 0.25,
                "overlap": 0.5,
            }
        )


def write_open_graph(path: Path, answer: np.ndarray, rows_a_cell: int) -> Path:
    """A graph of any size, every axis of it open, that gives as many rows of ``answer`` as its input has anchors.

    Args:
        path: Where to write it.
        answer: ``(rows, columns)`` float32, with rows enough for the largest input.
        rows_a_cell: Anchors of each cell of grids with strides 8, 16 and 32.
    """
    integers = {"zero": [0], "one": [1], "rows of 1024": [21 * rows_a_cell], "1024": [1024], "2": [2], "3": [3]}
    nodes = [
        helper.make_node("Shape", ["images"], ["shape"]),
        helper.make_node("Gather", ["shape", "2"], ["height"]),
        helper.make_node("Gather", ["shape", "3"], ["width"]),
        helper.make_node("Gather", ["shape", "zero"], ["batch"]),
        helper.make_node("Mul", ["height", "width"], ["pixels"]),
        helper.make_node("Mul", ["pixels", "rows of 1024"], ["thousands"]),
        helper.make_node("Div", ["thousands", "1024"], ["rows"]),
        helper.make_node("Slice", ["answer", "zero", "rows", "one"], ["cut"]),
        helper.make_node("Concat", ["batch", "one", "one"], ["repeats"], axis=0),
        helper.make_node("Expand", ["cut", "repeats"], ["output"]),
    ]
    constants = [numpy_helper.from_array(np.array(value, np.int64), name) for name, value in integers.items()]
    constants.append(numpy_helper.from_array(answer.astype(np.float32)[None], "answer"))
    float32 = TensorProto.FLOAT
    sides: Sequence[Dimension] = ["batch", 3, "height", "width"]
    graph = helper.make_graph(
        nodes,
        "open",
        [helper.make_tensor_value_info("images", float32, sides)],
        [helper.make_tensor_value_info("output", float32, ["batch", "anchors", "columns"])],
        constants,
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), str(path))
    return path


def write_constants(
    path: Path, outputs: Mapping[str, np.ndarray], *, inputs: Mapping[str, Sequence[Dimension]] | None = None
) -> Path:
    """A graph that gives the same arrays whatever it is fed.

    Args:
        path: Where to write it.
        outputs: By name.
        inputs: Shapes of its inputs by name; one picture of 64x64 if None.
    """
    given = inputs or {"images": [1, 3, 64, 64]}
    nodes = [helper.make_node("Identity", [f"{name} constant"], [name]) for name in outputs]
    graph = helper.make_graph(
        nodes,
        "constants",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in given.items()],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, array.shape) for name, array in outputs.items()],
        [numpy_helper.from_array(array.astype(np.float32), f"{name} constant") for name, array in outputs.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), str(path))
    return path


def write_sum(path: Path, inputs: Mapping[str, tuple[int, Sequence[Dimension]]], *, batch: Dimension = "batch") -> Path:
    """A graph of several inputs whose output ``total`` (batch,) is the sum of their means, item by item.

    Args:
        path: Where to write it.
        inputs: By name: the ``TensorProto`` type, and the shape after the batch.
        batch: What inputs and output declare as their first dimension.
    """
    nodes, partial = [], []
    for name, (_, shape) in inputs.items():
        nodes.append(helper.make_node("Cast", [name], [f"{name} floats"], to=TensorProto.FLOAT))
        axes = list(range(1, len(shape) + 1))
        nodes.append(helper.make_node("ReduceMean", [f"{name} floats"], [f"{name} mean"], axes=axes, keepdims=0))
        partial.append(f"{name} mean")
    nodes.append(helper.make_node("Sum", partial, ["total"]))
    graph = helper.make_graph(
        nodes,
        "sum",
        [helper.make_tensor_value_info(name, dtype, [batch, *shape]) for name, (dtype, shape) in inputs.items()],
        [helper.make_tensor_value_info("total", TensorProto.FLOAT, [batch])],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), str(path))
    return path


def yolox_answer(
    boxes: Sequence[tuple[float, float, float, float]],
    scores: Sequence[float],
    class_ids: Sequence[int],
    *,
    size: tuple[int, int] = (64, 64),
    classes: int = 3,
) -> np.ndarray:
    """``(anchors, 5 + classes)`` that YOLOX would give for boxes x, y, w, h in input pixels.

    Each box is put into the cell of its centre, on the grid of stride 8. Its score is split between objectness and
    class.
    """
    cells = [(size[0] // stride) * (size[1] // stride) for stride in (8, 16, 32)]
    answer = np.zeros((sum(cells), 5 + classes), np.float32)
    for (x, y, width, height), score, class_id in zip(boxes, scores, class_ids, strict=True):
        centre = np.array([x + width / 2, y + height / 2]) / 8
        column, row = np.floor(centre).astype(int)
        cell = row * (size[0] // 8) + column
        answer[cell, :2] = centre - (column, row)
        answer[cell, 2:4] = np.log(np.array([width, height]) / 8)
        answer[cell, 4] = score**0.5
        answer[cell, 5 + class_id] = score**0.5
    return answer


def yolo_answer(
    boxes: Sequence[tuple[float, float, float, float]],
    scores: Sequence[float],
    class_ids: Sequence[int],
    *,
    anchors: int = 84,
    classes: int = 3,
) -> np.ndarray:
    """``(4 + classes, anchors)`` that YOLO11 would give for boxes x, y, w, h in input pixels."""
    answer = np.zeros((4 + classes, anchors), np.float32)
    for index, ((x, y, width, height), score, class_id) in enumerate(zip(boxes, scores, class_ids, strict=True)):
        answer[:4, 5 + 3 * index] = (x + width / 2, y + height / 2, width, height)
        answer[4 + class_id, 5 + 3 * index] = score
    return answer


def yolov5_answer(
    boxes: Sequence[tuple[float, float, float, float]],
    scores: Sequence[float],
    class_ids: Sequence[int],
    *,
    anchors: int = 252,
    classes: int = 3,
) -> np.ndarray:
    """``(anchors, 5 + classes)`` that YOLOv5 would give for boxes x, y, w, h in input pixels."""
    answer = np.zeros((anchors, 5 + classes), np.float32)
    for index, ((x, y, width, height), score, class_id) in enumerate(zip(boxes, scores, class_ids, strict=True)):
        answer[5 + 3 * index, :4] = (x + width / 2, y + height / 2, width, height)
        answer[5 + 3 * index, 4] = answer[5 + 3 * index, 5 + class_id] = score**0.5
    return answer


def yolox_decoded_answer(
    boxes: Sequence[tuple[float, float, float, float]],
    scores: Sequence[float],
    class_ids: Sequence[int],
    *,
    size: tuple[int, int] = (64, 64),
    classes: int = 3,
) -> np.ndarray:
    """``(cells, 5 + classes)`` that YOLOX would give with its decoding: each cell's box, unlikely but for these."""
    answer = yolox_answer(boxes, scores, class_ids, size=size, classes=classes)
    first = 0
    for stride in (8, 16, 32):
        rows, columns = np.mgrid[: size[1] // stride, : size[0] // stride]
        cells = np.stack([columns.ravel(), rows.ravel()], axis=1)
        part = answer[first : first + len(cells)]
        part[:, :2] = (part[:, :2] + cells) * stride
        part[:, 2:4] = np.exp(part[:, 2:4]) * stride
        first += len(cells)
    return answer


def yolo_nms_answer(
    boxes: Sequence[tuple[float, float, float, float]],
    scores: Sequence[float],
    class_ids: Sequence[int],
    *,
    rows: int = 300,
) -> np.ndarray:
    """``(rows, 6)`` that YOLO26 would give for boxes x, y, w, h in input pixels."""
    answer = np.zeros((rows, 6), np.float32)
    for index, ((x, y, width, height), score, class_id) in enumerate(zip(boxes, scores, class_ids, strict=True)):
        answer[index] = (x, y, x + width, y + height, score, class_id)
    return answer
