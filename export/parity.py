"""Whether a graph gives what the network gave that it was made of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime as ort
import torch
from numpy.typing import NDArray
from torch import nn

from models.graph import unsafe_passes
from models.packs import PackError

BOUND = 1e-4
"""Largest relative error of a float32 graph. Sums in another order cost about 3e-7 a layer, and deep transformers
reach 1e-5; a wrong normalisation, a swapped channel or another kind of GELU costs 1e-3 and more."""

SCORES_BOUND = 1e-3
"""Largest difference of a head's scores, which are within 0..2."""

BATCHES = (1, 2, 5, 16)
"""Batch sizes that a graph is checked at: one item, the exporter's own example, and two that it has not seen."""

Array = NDArray[np.generic]
Inputs = Mapping[str, Array]
"""A graph's inputs by name, each ``(N, ...)``."""


_LEAST = 1e-12


class ExportError(PackError):
    """An export that is refused.

    Codes: ``parity``, ``scores``, ``bad_checkpoint``, ``bad_input``, ``missing_extra``.
    """


@dataclass(frozen=True, slots=True)
class Parity:
    """How far a graph is from its network.

    Attributes:
        error: The largest relative error of an item: its largest absolute difference over its largest value.
        cosine: The smallest cosine between an item's two results.
        items: How many were compared.
    """

    error: float
    cosine: float
    items: int


def compare(expected: NDArray[np.floating], got: NDArray[np.floating], least: float = _LEAST) -> Parity:
    """Compare the results of some items.

    Args:
        expected: ``(N, ...)``, N of at least 1.
        got: Likewise. What is not finite is infinitely far.
        least: Errors are relative to the largest value of an item, or to this where that is smaller.
    """
    if expected.shape != got.shape:
        code, message = "parity", f"expected an output of shape {expected.shape}, got {got.shape}"
        raise ExportError(code, message)
    first = expected.reshape(len(expected), -1).astype(np.float64)
    second = got.reshape(len(got), -1).astype(np.float64)
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        return Parity(np.inf, -1.0, len(first))
    largest = np.maximum(np.abs(first).max(axis=1), least)
    lengths = np.maximum(np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1), _LEAST)
    error = float((np.abs(first - second).max(axis=1) / largest).max())
    return Parity(error, float(np.clip(((first * second).sum(axis=1) / lengths).min(), -1, 1)), len(first))


Compare = Callable[[NDArray[np.floating], NDArray[np.floating]], Parity]
"""Compares what a network and its graph give of the same items."""


def check(
    module: nn.Module,
    graph: Path,
    inputs: Sequence[Inputs],
    *,
    bound: float = BOUND,
    batches: Iterable[int] = BATCHES,
    by: Compare = compare,
) -> Parity:
    """Compare a graph with its network, on every set of inputs at every batch size.

    Args:
        module: The network, in evaluation mode; takes the inputs in the order of the mapping.
        graph: What was made of it.
        inputs: Sets of inputs, such as one of random ones and one of real ones.
        bound: Largest relative error.
        batches: Sizes; an input set is repeated where it has fewer items.
        by: What compares two outputs.

    Raises:
        ExportError: ``parity``, naming the graph, the error and the bound.
    """
    found = []
    run = runner(graph)
    for given in inputs:
        for size in batches:
            batch = {name: np.resize(array, (size, *array.shape[1:])) for name, array in given.items()}
            with torch.inference_mode():
                expected = module(*(torch.from_numpy(np.ascontiguousarray(array)) for array in batch.values()))
            found.append(by(expected.numpy(), run(batch)))
    parity = worst(found)
    if not parity.error <= bound:
        code = "parity"
        message = f"expected a relative error of at most {bound:g} of {graph.name}, got {parity.error:.2g}"
        raise ExportError(code, message)
    if not parity.items:
        code, message = "parity", f"expected an output of {graph.name} to compare, got nothing"
        raise ExportError(code, message)
    return parity


def worst(found: Sequence[Parity]) -> Parity:
    """Of several comparisons, the largest error and the smallest cosine."""
    return Parity(
        max(each.error for each in found), min(each.cosine for each in found), sum(each.items for each in found)
    )


def runner(graph: Path) -> Callable[[Inputs], NDArray[np.floating]]:
    """The first output of a graph as a function of its inputs, on the CPU.

    Raises:
        ExportError: ``parity``, if ONNX Runtime does not load it.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 4
    try:
        session = ort.InferenceSession(
            str(graph), options, providers=["CPUExecutionProvider"], disabled_optimizers=unsafe_passes(graph)
        )
    except Exception as error:  # ONNX Runtime's exceptions share no base class
        code, message = "parity", f"expected {graph.name} to load: {' '.join(str(error).split())[:200]}"
        raise ExportError(code, message) from error

    def run(inputs: Inputs) -> NDArray[np.floating]:
        output: NDArray[np.floating] = session.run(None, dict(inputs))[0]
        return output

    return run


def check_scores(expected: NDArray[np.floating], got: NDArray[np.floating], *, bound: float = SCORES_BOUND) -> float:
    """Compare the scores that a head gives for the same clips; their largest difference.

    Raises:
        ExportError: ``scores``.
    """
    difference = float(np.abs(expected.astype(np.float64) - got).max())
    if not difference <= bound:
        code, message = (
            "scores",
            f"expected scores of the head equal to {bound:g}, got a difference of {difference:.2g}",
        )
        raise ExportError(code, message)
    return difference
