"""From torch to ONNX: one file, dynamic batch, nothing beside it."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

OPSET = 18
"""ONNX Runtime 1.14 and TensorRT 8.6 read it, and all that our networks need is in it."""


class Crops(nn.Module):
    """A tower that takes normalised RGB planes, made to take crops as they are cut out of a frame.

    ``(B, S, S, 3)`` uint8 BGR to what the tower makes of ``(B, 3, S, S)`` float32 RGB. The service then copies a
    quarter of the bytes to the graph and does no arithmetic of its own, and no two users of a pack can normalise
    differently.
    """

    scale: Tensor
    shift: Tensor

    def __init__(self, tower: nn.Module, mean: Sequence[float], std: Sequence[float]) -> None:
        """Wrap a tower.

        Args:
            tower: ``(B, 3, S, S)`` float32 RGB to features.
            mean: Of each of R, G, B of a picture in 0..1, that it was trained with.
            std: Likewise.
        """
        super().__init__()
        self.tower = tower
        deviation = 255 * torch.tensor(std, dtype=torch.float32)
        self.register_buffer("scale", (1 / deviation).view(1, 3, 1, 1))
        self.register_buffer("shift", (torch.tensor(mean, dtype=torch.float32) * 255 / deviation).view(1, 3, 1, 1))

    def forward(self, crops: Tensor) -> Tensor:
        """See the class."""
        planes = crops.flip(3).permute(0, 3, 1, 2).to(torch.float32)
        features: Tensor = self.tower(planes * self.scale - self.shift)
        return features


class Unit(nn.Module):
    """A tower whose features are made unit length."""

    def __init__(self, tower: nn.Module) -> None:
        super().__init__()
        self.tower = tower

    def forward(self, given: Tensor) -> Tensor:
        """``(B, D)`` of unit length."""
        return nn.functional.normalize(self.tower(given), dim=-1)


def to_onnx(module: nn.Module, inputs: Mapping[str, Tensor], output: str, path: Path) -> Path:
    """Write a network as an ONNX graph whose batch is dynamic and all else fixed.

    Args:
        module: Takes the inputs in their order and gives one tensor ``(B, ...)``. Is left in evaluation mode.
        inputs: By their names in the graph, each ``(B, ...)`` with a batch of at least 2: a batch of 1 would be
            taken for a constant.
        output: Its name in the graph.
        path: Where the graph goes; its weights go into it.

    Raises:
        ValueError: If a batch is smaller than 2.
    """
    if any(len(tensor) < 2 for tensor in inputs.values()):
        msg = "expected example inputs of a batch of at least 2"
        raise ValueError(msg)
    module.eval()
    batch = torch.export.Dim("batch", min=1)
    with _quiet(), torch.no_grad():
        program = torch.onnx.export(
            module,
            tuple(inputs.values()),
            dynamo=True,
            opset_version=OPSET,
            input_names=list(inputs),
            output_names=[output],
            dynamic_shapes=tuple({0: batch} for _ in inputs),
            verbose=False,
        )
    assert program is not None
    _forget(program.model)
    program.save(path, external_data=False)
    return path


def to_onnx_by_tracing(module: nn.Module, name: str, example: NDArray[np.float32], output: str, path: Path) -> Path:
    """Write a network as ``to_onnx`` does, by the older exporter that follows one run of it.

    For networks whose code turns shapes into numbers, as ultralytics' heads do: the newer one then takes the example's
    batch for the only one.

    Args:
        module: Takes one input and gives one tensor ``(B, ...)``. Is left in evaluation mode.
        name: Of the input in the graph.
        example: ``(B, ...)``.
        output: Its name in the graph.
        path: Where the graph goes.
    """
    module.eval()
    given = torch.from_numpy(example)
    with _quiet(), torch.no_grad():
        shape = module(given).shape
        torch.onnx.export(
            module,
            (given,),
            str(path),
            dynamo=False,
            opset_version=OPSET,
            input_names=[name],
            output_names=[output],
            dynamic_axes={name: {0: "batch"}, output: {0: "batch"}},
        )
    model = onnx.load(path)
    dimensions = model.graph.output[0].type.tensor_type.shape.dim
    for dimension, size in list(zip(dimensions, shape, strict=True))[1:]:
        dimension.dim_value = size
    onnx.save(model, path)
    return path


def _forget(model: ir.Model) -> None:
    """Take out where in the source each node came from: half of a small file, and the paths of this machine."""
    for graph in model.graphs():
        graph.metadata_props.clear()
        for node in graph:
            node.metadata_props.clear()
            node.doc_string = None
            for value in node.outputs:
                value.metadata_props.clear()
        for value in (*graph.inputs, *graph.initializers.values()):
            value.metadata_props.clear()
    model.metadata_props.clear()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silence what the exporter says of its own insides, and the fused attention that ONNX has no word for."""
    logger, trace = logging.getLogger("torch.onnx"), logging.getLogger("torch.__trace")
    level, propagates, fused = logger.level, trace.propagate, torch.backends.mha.get_fastpath_enabled()
    logger.setLevel(logging.ERROR)
    trace.propagate = False  # thousands of records, for whoever listens to the root logger
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fused)
        trace.propagate = propagates
        logger.setLevel(level)
