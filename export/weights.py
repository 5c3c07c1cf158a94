"""Weights of a graph stored as 8-bit integers: a quarter of the bytes, computed with in float32.

Each row of a matrix (each output of a linear layer, each token of a table) has its own scale. Round the network first
(``round_weights``) and the graph holds exactly what torch computes with: parity stays that of float32, and what
rounding costs is measured on the network itself.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

_ONE = "one"
_LEVELS = 127
_LEAST = 1024
"""Smaller tensors stay as they are: nothing is won."""


def round_weights(network: nn.Module) -> None:
    """Round every matrix of a network, in place, to what 8 bits and a scale a row can hold."""
    with torch.no_grad():
        for weight in network.parameters():
            if weight.ndim == 2 and weight.numel() >= _LEAST:
                scale = _scale(weight)
                weight.copy_((weight / scale).round() * scale)


def _scale(weight: Tensor) -> Tensor:
    """``(rows, 1)``; rounded to 8 bits a second time, a row finds the same scale again."""
    return weight.abs().amax(1, keepdim=True).clamp(min=1e-12) / _LEVELS


def store_as_int8(source: Path, target: Path) -> Path:
    """Write a graph with the matrices that ``round_weights`` has rounded as 8-bit integers.

    A matrix is rounded by rows or, where the exporter has transposed it, by columns; others are left in float32.
    """
    model = onnx.load(source)
    kept, nodes = [], []
    for tensor in model.graph.initializer:
        weight = numpy_helper.to_array(tensor)
        found = _levels(weight) if tensor.data_type == TensorProto.FLOAT and weight.ndim == 2 else None
        if found is None:
            kept.append(tensor)
            continue
        levels, scale = found
        name = tensor.name
        kept.append(numpy_helper.from_array(levels, f"{name}.levels"))
        kept.append(numpy_helper.from_array(scale, f"{name}.scale"))
        # Scaled in a second step: ONNX Runtime would fuse a scaled matrix with the product behind it into one that
        # rounds the other side too, an error of 1e-3.
        nodes.append(helper.make_node("DequantizeLinear", [f"{name}.levels", _ONE], [f"{name}.whole"]))
        nodes.append(helper.make_node("Mul", [f"{name}.whole", f"{name}.scale"], [name]))
    if nodes:
        kept.append(numpy_helper.from_array(np.array(1.0, np.float32), _ONE))
    body = [*nodes, *model.graph.node]
    del model.graph.initializer[:], model.graph.node[:], model.graph.value_info[:]
    model.graph.initializer.extend(kept)
    model.graph.node.extend(body)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, target)
    return target


def _levels(weight: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]] | None:
    """Integers, and scales that spread over them, if the matrix is on such a grid."""
    if weight.size < _LEAST:
        return None
    for axis in (0, 1):
        largest = np.abs(weight).max(axis=1 - axis, keepdims=True)
        scale = np.maximum(largest, np.float32(1e-12)) / np.float32(_LEVELS)
        levels = np.round(weight / scale)
        if np.allclose(levels * scale, weight, rtol=0, atol=1e-6 * float(largest.max())):
            return levels.astype(np.int8), scale.astype(np.float32)
    return None
