"""An ONNX graph that runs: by ONNX Runtime on the CPU or on a GPU, or by a TensorRT engine once that is built."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from models.graph import Tensor, unsafe_passes
from models.packs import PackError
from models.runtime import Batch
from service.engine.engine_queue import EngineQueue, EngineRequest, RunningEngine

BUCKETS = (16, 8, 4, 2, 1)
"""Batch sizes that a graph is run with. Memory pools grow with every new shape and never shrink
(microsoft/onnxruntime#24376, #9509), so there are few shapes."""

_MAX_THREADS = 4  # small graphs gain nothing beyond
_MAX_GRAPH = 2**31
_TOLERANCE = 0.02  # of the largest value: float16 keeps three digits, and sums lose one
_AGREEMENT = 0.9  # of the values: equal scores may come in another order


_DTYPES = {"float": "float32", "double": "float64"}  # where ONNX Runtime's word is not numpy's


class Session:
    """A ``models.runtime.Graph``, run on batches of any size. Its ``run`` may be called from any thread.

    With a queue of engines it serves by ONNX Runtime until its engine is there, tries that on one batch beside ONNX
    Runtime, and then leaves the work to it. Callers see no difference but speed.
    """

    def __init__(self, path: Path, threads: int = 0, engines: EngineQueue | None = None) -> None:
        """Load a graph.

        Args:
            path: An ``.onnx`` file.
            threads: For one run on the CPU; 0 picks by the cores this process may use.
            engines: Builds a TensorRT engine for it, if its dimensions are fixed but for the batch.

        Raises:
            PackError: ``bad_graph``, if it is no graph that ONNX Runtime can load.
        """
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads or min(_MAX_THREADS, len(os.sched_getaffinity(0)))
        options.inter_op_num_threads = 1
        options.log_severity_level = 4  # errors come as exceptions
        # Threads that spin between two runs slow whatever runs beside them: optical flow from 4.6 to 7.5 ms.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session: ort.InferenceSession | None = _load(path, options)
        # What it runs on, not what was asked for: without a GPU or cuDNN, ONNX Runtime takes the CPU and goes on.
        self.on_gpu = "CUDAExecutionProvider" in self._session.get_providers()
        self.inputs = tuple(map(_tensor, self._session.get_inputs()))
        self.outputs = tuple(map(_tensor, self._session.get_outputs()))
        self.metadata: dict[str, str] = dict(self._session.get_modelmeta().custom_metadata_map)
        self._closed = False
        self._engine: RunningEngine | None = None
        fixed = all(None not in tensor.shape[1:] for tensor in self.inputs)
        self._request: EngineRequest | None = engines.request(path) if engines is not None and fixed else None

    @property
    def backend(self) -> str:
        """What runs it now: ``TensorRT``, or ONNX Runtime's provider, such as ``CUDA`` or ``CPU``."""
        return "TensorRT" if self._engine is not None else "CUDA" if self.on_gpu else "CPU"

    @property
    def refusal(self) -> str:
        """Why it stays with ONNX Runtime for good, where an engine was asked for; else empty."""
        return "" if self._request is None else self._request.reason

    def run(self, inputs: Batch) -> Batch:
        """All outputs of a batch; see ``Graph.run``.

        Raises:
            ValueError: If that is not what the graph takes.
            RuntimeError: If the session is closed.
        """
        if self._closed:
            msg = "expected an open session, got a closed one"
            raise RuntimeError(msg)
        total = self._checked(inputs)
        session = self._session  # before the engine: a thread that finds no engine still has this
        engine = self._engine or self._tried(inputs, total)
        parts = []
        for start, count, size in _plan(total, self.inputs[0].shape[0], pad=self.on_gpu or engine is not None):
            part = {name: _cut(array, start, count, size) for name, array in inputs.items()}
            answer = self._answer(session, part) if engine is None else engine.run(part)
            parts.append({name: array[:count] for name, array in answer.items()})
        return parts[0] if len(parts) == 1 else _joined(parts)

    def first(self, batch: NDArray[Any]) -> NDArray[Any]:
        """The first output of a graph of one input, for a batch ``(N, ...)`` of it. Errors as ``run``."""
        return self.run({self.inputs[0].name: batch})[self.outputs[0].name]

    def close(self) -> None:
        """Free the graph, its engine and their memory. Idempotent."""
        self._closed = True
        if self._request is not None:
            self._request.withdraw()
        if self._engine is not None:
            self._engine.close()
        self._session = None

    def _answer(self, session: ort.InferenceSession | None, inputs: Batch) -> Batch:
        """ONNX Runtime's."""
        if session is None:
            msg = "expected an open session, got a closed one"
            raise RuntimeError(msg)
        names = [output.name for output in self.outputs]
        return dict(zip(names, session.run(names, dict(inputs)), strict=True))

    def _tried(self, inputs: Batch, total: int) -> RunningEngine | None:
        """The engine, if it has just come and agrees with ONNX Runtime on the first items of a real batch.

        Engines are built on the machine that runs them, where nothing else has measured them.
        """
        request, session = self._request, self._session
        engine = None if request is None else request.take()
        if request is None or engine is None:
            return None
        _, count, size = next(_plan(total, self.inputs[0].shape[0], pad=True))
        part = {name: _cut(array, 0, count, size) for name, array in inputs.items()}
        try:
            ours, theirs = engine.run(part), self._answer(session, part)
            agree = all(_agree(ours[name][:count], array[:count]) for name, array in theirs.items())
            problem = None if agree else "its engine computes something else than ONNX Runtime"
        except Exception as error:  # of either: an engine that was taken must not be lost
            problem = f"its engine could not be tried: {error}"
        if problem is not None:
            engine.close()
            request.refuse(problem)
            return None
        self._engine, self._session = engine, None
        if self._closed:
            engine.close()
        return engine

    def _checked(self, inputs: Batch) -> int:
        """How many items they hold."""
        if inputs.keys() == {tensor.name for tensor in self.inputs} and all(
            _accepts(tensor, inputs[tensor.name]) for tensor in self.inputs
        ):
            counts = {len(array) for array in inputs.values()}
            if len(counts) == 1 and 0 not in counts:
                return counts.pop()
        came = "; ".join(f"{name} {array.shape} {array.dtype}" for name, array in inputs.items())
        msg = f"expected a batch of {'; '.join(map(str, self.inputs))}; got {came or 'nothing'}"
        raise ValueError(msg)


def _accepts(tensor: Tensor, array: NDArray[Any]) -> bool:
    """Whether an array is of the type of a tensor, and of its shape but for the batch, which is first."""
    return (
        array.dtype.name == tensor.dtype
        and array.ndim == len(tensor.shape)
        and all(size in {None, got} for size, got in zip(tensor.shape[1:], array.shape[1:], strict=True))
    )


def _joined(parts: Sequence[Batch]) -> Batch:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _agree(ours: NDArray[Any], theirs: NDArray[Any]) -> bool:
    """Whether two outputs are of one function, but for rounding."""
    if ours.shape != theirs.shape or not np.isfinite(ours).all():
        return False
    close = np.abs(ours - theirs) <= _TOLERANCE * np.abs(theirs).max()
    return bool(close.mean() >= _AGREEMENT)


def _cut(array: NDArray[Any], start: int, count: int, size: int) -> NDArray[Any]:
    """``count`` items from ``start``, filled up with zeros to ``size``."""
    part = array[start : start + count]
    if size == count:
        return part
    return np.concatenate([part, np.zeros((size - count, *part.shape[1:]), part.dtype)])


def _plan(count: int, fixed: int | None, *, pad: bool) -> Iterator[tuple[int, int, int]]:
    """How to run a batch: (first item, items, batch size of the run).

    A graph with a fixed batch is filled up to it. Else the CPU takes exact buckets, since it computes every item of
    padding in full; a GPU hardly notices them, and pays for each run instead.
    """
    start = 0
    while start < count:
        left = count - start
        if fixed is not None:
            size = fixed
        elif pad:
            size = min((bucket for bucket in BUCKETS if bucket >= left), default=BUCKETS[0])
        else:
            size = max(bucket for bucket in BUCKETS if bucket <= left)
        yield start, min(size, left), size
        start += size


def _load(path: Path, options: ort.SessionOptions) -> ort.InferenceSession:
    if not path.is_file():
        code, message = "missing_file", f"expected an ONNX graph at {path.name}, found no file"
        raise PackError(code, message)
    if not 0 < path.stat().st_size < _MAX_GRAPH:
        code, message = (
            "bad_graph",
            f"expected an ONNX graph below 2 GiB in {path.name}, got {path.stat().st_size} bytes",
        )
        raise PackError(code, message)
    cuda = ("CUDAExecutionProvider", {"arena_extend_strategy": "kSameAsRequested"})
    has_cuda = cuda[0] in ort.get_available_providers()
    providers = [*([cuda] if has_cuda else []), "CPUExecutionProvider"]
    try:
        return ort.InferenceSession(str(path), options, providers=providers, disabled_optimizers=unsafe_passes(path))
    except Exception as error:  # ONNX Runtime's exceptions share no base class
        reason = " ".join(str(error).replace(str(path), path.name).split())[:200]
        code, message = "bad_graph", f"expected an ONNX graph in {path.name}, got what ONNX Runtime refuses: {reason}"
        raise PackError(code, message) from error


def _tensor(node: ort.NodeArg) -> Tensor:
    shape = tuple(size if isinstance(size, int) and size > 0 else None for size in node.shape)
    dtype = node.type.removeprefix("tensor(").removesuffix(")")
    return Tensor(node.name, _DTYPES.get(dtype, dtype), shape)
