"""The distribution `acme_heads`, two heads that this project knows nothing of, and the packs that go with it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

from export.pack_writer import PackWriter
from models.packs import Pack

SITE = Path(__file__).parent / "acme"
"""The folder that the distribution is installed in: with it on ``sys.path``, its entry points are found."""

FLOWS, CELL, REACH = 15, 4, 8
RECENT = 0.6
"""What a flow weighs over the one after it."""


def write_acme_packs(packs: Path) -> None:
    """Write the packs ``surges`` and ``looks``."""
    _write_pack(packs, "surges", "frame", "flow", _flow_graph(), {"stride": 2})
    _write_pack(packs, "looks", "object", "crops", _crops_graph(), {})


def _write_pack(
    packs: Path, name: str, view: str, role: str, model: onnx.ModelProto, parameters: dict[str, object]
) -> Pack:
    graph = packs.parent / f"{role}.onnx"
    onnx.save(model, str(graph))
    with PackWriter(packs, name) as writer:
        return writer.commit(
            {
                "kind": "head",
                "head": name,
                "view": view,
                "version": "1",
                "description": "A head of another distribution.",
                "licence": "Apache-2.0",
                "provenance": "Made by a test.",
                "parameters": parameters,
                "graphs": {role: writer.add(graph, f"{role}.onnx")},
            }
        )


def _flow_graph() -> onnx.ModelProto:
    """Flow (N, 15, 48, 64, 2) to how much moves in each cell, the newest flows most: heat (N, 12, 16), peak (N,)."""
    recent = RECENT ** np.arange(FLOWS)[::-1]
    weights = np.ones((1, FLOWS, REACH, REACH)) * (recent / recent.sum())[None, :, None, None] / REACH**2
    constants = {"weights": weights.astype(np.float32), "last": np.array([-1]), "one": np.array([1])}
    nodes = [
        helper.make_node("Mul", ["flow", "flow"], ["squares"]),
        helper.make_node("ReduceSum", ["squares", "last"], ["square"], keepdims=0),
        helper.make_node("Sqrt", ["square"], ["speed"]),
        helper.make_node("Conv", ["speed", "weights"], ["cells"], strides=[CELL] * 2, pads=[2, 2, 2, 2]),
        helper.make_node("Squeeze", ["cells", "one"], ["heat"]),
        helper.make_node("ReduceMax", ["heat"], ["peak"], axes=[1, 2], keepdims=0),
    ]
    inputs = [helper.make_tensor_value_info("flow", TensorProto.FLOAT, ["batch", FLOWS, 48, 64, 2])]
    outputs = [
        helper.make_tensor_value_info("heat", TensorProto.FLOAT, ["batch", 12, 16]),
        helper.make_tensor_value_info("peak", TensorProto.FLOAT, ["batch"]),
    ]
    return _model(nodes, inputs, outputs, constants)


def _crops_graph() -> onnx.ModelProto:
    """Crops (N, 7, 64, 64, 3) to the mean and the spread of their colours over place and time: look (N, 6)."""
    constants = {"scale": np.array(255, np.float32)}
    nodes = [
        helper.make_node("Cast", ["crops"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Div", ["floats", "scale"], ["colours"]),
        helper.make_node("ReduceMean", ["colours"], ["middle"], axes=[1, 2, 3], keepdims=1),
        helper.make_node("ReduceMean", ["colours"], ["mean"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("Sub", ["colours", "middle"], ["away"]),
        helper.make_node("Abs", ["away"], ["far"]),
        helper.make_node("ReduceMean", ["far"], ["spread"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("Concat", ["mean", "spread"], ["look"], axis=1),
    ]
    inputs = [helper.make_tensor_value_info("crops", TensorProto.UINT8, ["batch", 7, 64, 64, 3])]
    outputs = [helper.make_tensor_value_info("look", TensorProto.FLOAT, ["batch", 6])]
    return _model(nodes, inputs, outputs, constants)


def _model(
    nodes: list[NodeProto],
    inputs: list[ValueInfoProto],
    outputs: list[ValueInfoProto],
    constants: dict[str, np.ndarray],
) -> onnx.ModelProto:
    given = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "acme", inputs, outputs, given)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
