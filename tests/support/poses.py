"""A pose estimator and an appearance network that need no weights, and the graphs of the families that are known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from export.pack_writer import PackWriter
from models.arrays import Float32, Image
from models.inputs import KEYPOINTS
from models.packs import Pack
from service.engine.pose import FoundPeople

_HEAD, _SHOULDERS = [(0.5, 0.05)] * 5, [(0.3, 0.2), (0.7, 0.2)]
_ELBOWS, _WRISTS = [(0.2, 0.35), (0.8, 0.35)], [(0.2, 0.5), (0.8, 0.5)]
_HIPS, _KNEES, _ANKLES = [(0.4, 0.5), (0.6, 0.5)], [(0.4, 0.75), (0.6, 0.75)], [(0.4, 0.97), (0.6, 0.97)]

STICK = np.array([*_HEAD, *_SHOULDERS, *_ELBOWS, *_WRISTS, *_HIPS, *_KNEES, *_ANKLES], np.float32)
"""``(17, 2)`` a standing person as shares of its box."""


def stick(box: Sequence[float] | Float32, confidence: float = 0.9) -> Float32:
    """``(17, 3)`` a standing person who fills a box."""
    x, y, width, height = box
    places = STICK * (width, height) + (x, y)
    return np.concatenate([places, np.full((len(KEYPOINTS), 1), confidence)], axis=1).astype(np.float32)


class StickPose:
    """Finds whoever it is told of in every picture, or a standing person in each box; counts what it is asked."""

    name, identity = "stick", "stick 1"

    def __init__(self, *, whole: bool = False) -> None:
        self.whole = whole
        self.people: list[Float32] = []
        """Of an estimator of whole pictures: what it finds."""
        self.asked: list[list[int]] = []
        """For each call, the boxes of each picture."""
        self.closed = 0

    def estimate(self, pictures: Sequence[Image], boxes: Sequence[Float32]) -> list[FoundPeople]:
        """What it was told."""
        self.asked.append([len(each) for each in boxes])
        if self.whole:
            return [_people(self.people) for _ in pictures]
        return [_people([stick(box) for box in each]) for each in boxes]

    def close(self) -> None:
        """Count it."""
        self.closed += 1


class ColourAppearance:
    """The mean colour of a box, as a unit vector; counts what it is asked."""

    name, identity, dim = "colour", "colour 1", 3

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.closed = 0

    def cut(self, picture: Image, box: Float32) -> Image:
        """One pixel of the middle."""
        rows, columns = picture.shape[:2]
        x, y = int((box[0] + box[2] / 2) * columns), int((box[1] + box[3] / 2) * rows)
        return picture[y : y + 1, x : x + 1]

    def embed(self, crops: NDArray[np.uint8]) -> Float32:
        """Its colour."""
        self.asked.append(len(crops))
        colours = crops.reshape(len(crops), 3).astype(np.float32)
        unit: Float32 = colours / np.maximum(np.linalg.norm(colours, axis=1, keepdims=True), 1e-6)
        return unit

    def close(self) -> None:
        """Count it."""
        self.closed += 1


def stick_people(*boxes: Sequence[float]) -> FoundPeople:
    """Standing people who fill these boxes."""
    return _people([stick(box) for box in boxes])


def _people(found: Sequence[Float32]) -> FoundPeople:
    points = np.stack(found) if found else np.zeros((0, len(KEYPOINTS), 3), np.float32)
    return FoundPeople(points, points[:, :, 2].mean(axis=1))


def write_pose_graph(
    path: Path, inputs: tuple[int, Sequence[int | str]], answers: Mapping[str, np.ndarray], *, batch: int | str = 1
) -> Path:
    """A graph that gives the same for every picture that is not all dark, and zeros for that.

    Args:
        path: Where to write it.
        inputs: ONNX type and shape behind the batch of what it takes.
        answers: By output, what it gives for one picture, without the batch.
        batch: What it declares as its first dimension.
    """
    (kind, shape), given = inputs, list(answers.items())
    nodes = [
        helper.make_node("Cast", ["image"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMax", ["floats"], ["light"], axes=list(range(1, 1 + len(shape))), keepdims=0),
        helper.make_node("Greater", ["light", "dark"], ["lit"]),
        helper.make_node("Cast", ["lit"], ["gate"], to=TensorProto.FLOAT),
    ]
    constants: dict[str, np.ndarray] = {"dark": np.array(0.0, np.float32)}
    for name, answer in given:
        constants[f"{name} answer"] = answer.astype(np.float32)[None]
        constants[f"{name} shape"] = np.array([-1, *[1] * answer.ndim], np.int64)
        nodes += [
            helper.make_node("Reshape", ["gate", f"{name} shape"], [f"{name} gate"]),
            helper.make_node("Mul", [f"{name} gate", f"{name} answer"], [name]),
        ]
    graph = helper.make_graph(
        nodes,
        "poses",
        [helper.make_tensor_value_info("image", kind, [batch, *shape])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, [batch, *each.shape]) for name, each in given],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, str(path))
    return path


def movenet(points: Float32) -> np.ndarray:
    """``(17, 3)`` x, y and confidence as fractions of the input, as MoveNet gives them: y first."""
    return points[:, [1, 0, 2]]


def multipose(path: Path, people: Sequence[Float32], score: float = 0.8) -> Path:
    """MoveNet MultiPose that always sees these people (fractions of the input), where anything is to be seen."""
    table = np.zeros((6, 56), np.float32)
    for row, points in zip(table, people, strict=False):
        row[:51], row[55] = movenet(points).ravel(), score
    return write_pose_graph(path, (TensorProto.INT32, (64, 64, 3)), {"people": table})


def singlepose(path: Path, points: Float32) -> Path:
    """MoveNet SinglePose that always sees this person."""
    return write_pose_graph(path, (TensorProto.UINT8, (48, 48, 3)), {"person": movenet(points)[None]})


def rtmpose(path: Path, bins: Sequence[tuple[int, int]], *, size: tuple[int, int] = (24, 32)) -> Path:
    """RTMPose that always sees its joints in these bins."""
    across, down = (np.zeros((17, 2 * side), np.float32) for side in size)
    for joint, (x, y) in enumerate(bins):
        across[joint, x], down[joint, y] = 0.9, 0.7
    planes = (TensorProto.FLOAT, (3, size[1], size[0]))
    return write_pose_graph(path, planes, {"simcc_x": across, "simcc_y": down}, batch="batch")


def yolo_pose(path: Path, table: np.ndarray) -> Path:
    """A pose network of YOLO over 64x64 pixels that always gives this table."""
    return write_pose_graph(path, (TensorProto.FLOAT, (3, 64, 64)), {"output0": table}, batch="batch")


def write_pose_pack(packs: Path, name: str) -> Pack:
    """A pack of MoveNet MultiPose that sees one standing person in the middle of every picture."""
    with PackWriter(packs, name) as writer:
        graph = multipose(packs / ".graph.onnx", [stick((0.4, 0.2, 0.2, 0.6))])
        facts = writer.add(graph, "graph.onnx")
        graph.unlink()
        return writer.commit(
            {
                "kind": "pose",
                "version": "1",
                "description": "A stick.",
                "licence": "Apache-2.0",
                "provenance": "made by hand",
                "layout": "movenet-multipose",
                "graph": facts,
            }
        )
