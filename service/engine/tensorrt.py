"""Runs TensorRT engines: contexts and buffers are made once, a run copies in, computes and copies out.

TensorRT is given nothing but addresses, so the CUDA runtime is called for memory and a stream; ``cuda.bindings`` is
NVIDIA's own binding of it, and what its samples use. Written against TensorRT 10 and 11; needs a GPU to run.
"""

from __future__ import annotations

import ctypes
import functools
import importlib
import threading
from contextlib import ExitStack
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from models.runtime import Batch

if TYPE_CHECKING:
    import tensorrt as trt


class EngineError(RuntimeError):
    """An engine, or the GPU under it, that does not do what it should; the message says what."""


@dataclass(frozen=True, slots=True)
class Gpu:
    """The GPU that engines are built for and run on.

    Attributes:
        name: As its driver calls it.
        capability: Its compute capability, such as ``9.0``.
        memory: In bytes.
        driver: The newest CUDA version that the driver knows, such as ``13.0``.
    """

    name: str
    capability: str
    memory: int
    driver: str


def find_gpu() -> Gpu | None:
    """The first GPU that CUDA shows this process, or None if it shows none."""
    try:
        cuda = _cuda()
        found = _check(cuda.cudaGetDeviceProperties(0))
        version = int(_check(cuda.cudaDriverGetVersion()))
    except (ImportError, EngineError):
        return None
    driver = f"{version // 1000}.{version % 1000 // 10}"
    return Gpu(found.name.decode(), f"{found.major}.{found.minor}", int(found.totalGlobalMem), driver)


@dataclass(frozen=True, slots=True)
class _Buffer:
    """Memory of one input or output for one batch size: pinned on the host, and its twin on the GPU."""

    host: NDArray[Any]
    address: int


@dataclass(frozen=True, slots=True)
class _Profile:
    """What runs batches of one size. Two contexts never share a profile, so that each keeps its addresses."""

    context: trt.IExecutionContext
    inputs: dict[str, _Buffer]
    outputs: dict[str, _Buffer]


class Engine:
    """A deserialised engine. Thread-safe: runs go one after the other, since they share the GPU anyway."""

    def __init__(self, serialized: bytes) -> None:
        """Load an engine and all it needs to run.

        Args:
            serialized: What an ``EngineSource`` gave.

        Raises:
            EngineError: If TensorRT refuses it, or the GPU has too little memory.
        """
        import tensorrt as trt

        self._cuda = _cuda()
        self._lock = threading.Lock()
        self._owned = ExitStack()
        self._profiles: dict[int, _Profile] = {}
        try:
            self._runtime = trt.Runtime(_logger())
            self._owned.callback(setattr, self, "_runtime", None)
            engine = self._runtime.deserialize_cuda_engine(serialized)
            if engine is None:
                msg = "TensorRT refuses the engine: it is damaged, or of another version or GPU"
                raise EngineError(msg)
            self._stream = _check(self._cuda.cudaStreamCreateWithFlags(self._cuda.cudaStreamNonBlocking))
            self._owned.callback(self._cuda.cudaStreamDestroy, self._stream)
            for index in range(engine.num_optimization_profiles):
                batch, profile = self._profile(engine, index)
                self._profiles[batch] = profile
        except BaseException:
            self._free()
            raise

    @property
    def batches(self) -> tuple[int, ...]:
        """The batch sizes that it runs."""
        return tuple(sorted(self._profiles))

    def run(self, inputs: Batch) -> Batch:
        """All outputs of a batch.

        Args:
            inputs: By name, each ``(N, ...)`` of the type and shape that the graph says, N one of ``batches``.

        Returns:
            By name, each ``(N, ...)``, copies.

        Raises:
            EngineError: If the run fails, or the engine is closed.
        """
        kind = self._cuda.cudaMemcpyKind
        with self._lock:
            profile = self._profiles.get(len(next(iter(inputs.values()))))
            if profile is None:
                msg = f"expected a batch of {self.batches or 'an open engine'}, got inputs {_shapes(inputs)}"
                raise EngineError(msg)
            for name, buffer in profile.inputs.items():
                np.copyto(buffer.host, inputs[name], casting="no")
                self._copy(buffer.address, buffer.host.ctypes.data, buffer.host.nbytes, kind.cudaMemcpyHostToDevice)
            if not profile.context.execute_async_v3(int(self._stream)):
                msg = "TensorRT could not run a batch; the log says why"
                raise EngineError(msg)
            for buffer in profile.outputs.values():
                self._copy(buffer.host.ctypes.data, buffer.address, buffer.host.nbytes, kind.cudaMemcpyDeviceToHost)
            _check(self._cuda.cudaStreamSynchronize(self._stream))
            return {name: buffer.host.copy() for name, buffer in profile.outputs.items()}

    def close(self) -> None:
        """Free the engine and its memory on both sides, when a run in progress is done. Idempotent."""
        with self._lock:
            self._free()

    def _free(self) -> None:
        self._profiles.clear()  # contexts go before what they point to
        self._owned.close()

    def _copy(self, target: int, source: int, size: int, kind: object) -> None:
        _check(self._cuda.cudaMemcpyAsync(target, source, size, kind, self._stream))

    def _profile(self, engine: trt.ICudaEngine, index: int) -> tuple[int, _Profile]:
        """The batch size of an optimisation profile, and what runs it."""
        import tensorrt as trt

        # Each context takes the memory of its own batch size, not that of the largest.
        context = engine.create_execution_context(trt.ExecutionContextAllocationStrategy.ON_PROFILE_CHANGE)
        if context is None or not context.set_optimization_profile_async(index, int(self._stream)):
            msg = f"the GPU has too little memory for profile {index} of the engine"
            raise EngineError(msg)
        _check(self._cuda.cudaStreamSynchronize(self._stream))
        names = [engine.get_tensor_name(number) for number in range(engine.num_io_tensors)]
        inputs = [name for name in names if engine.get_tensor_mode(name) == trt.TensorIOMode.INPUT]
        for name in inputs:
            if -1 in engine.get_tensor_shape(name)[:]:
                context.set_input_shape(name, engine.get_tensor_profile_shape(name, index)[-1])
        buffers = {name: self._buffer(engine, context, name) for name in names}
        return len(buffers[inputs[0]].host), _Profile(
            context,
            {name: buffers[name] for name in inputs},
            {name: buffer for name, buffer in buffers.items() if name not in inputs},
        )

    def _buffer(self, engine: trt.ICudaEngine, context: trt.IExecutionContext, name: str) -> _Buffer:
        import tensorrt as trt

        shape = context.get_tensor_shape(name)[:]
        if -1 in shape:
            msg = f"expected {name} of a size that the batch fixes, got {shape}"
            raise EngineError(msg)
        dtype = np.dtype(trt.nptype(engine.get_tensor_dtype(name)))
        size = max(1, prod(shape)) * dtype.itemsize
        pinned = int(_check(self._cuda.cudaMallocHost(size)))
        self._owned.callback(self._cuda.cudaFreeHost, pinned)
        address = int(_check(self._cuda.cudaMalloc(size)))
        self._owned.callback(self._cuda.cudaFree, address)
        context.set_tensor_address(name, address)
        bytes_of = (ctypes.c_uint8 * size).from_address(pinned)
        return _Buffer(np.frombuffer(bytes_of, dtype, prod(shape)).reshape(shape), address)


def _shapes(arrays: Batch) -> str:
    return "; ".join(f"{name} {array.shape} {array.dtype}" for name, array in arrays.items())


def _cuda() -> Any:
    """The CUDA runtime; imported when a GPU is asked for, since most machines have none."""
    return importlib.import_module("cuda.bindings.runtime")


def _check(answer: tuple[Any, ...]) -> Any:
    """The value of a CUDA call, if it succeeded."""
    error, *values = answer
    if int(error):
        text = _cuda().cudaGetErrorString(error)[1]
        msg = f"CUDA: {text.decode() if isinstance(text, bytes) else text}"
        raise EngineError(msg)
    return values[0] if values else None


@functools.cache
def _logger() -> trt.ILogger:
    """One for the process: TensorRT keeps using the first it was given, and it must outlive every object."""
    import tensorrt as trt

    return trt.Logger(trt.Logger.WARNING)
