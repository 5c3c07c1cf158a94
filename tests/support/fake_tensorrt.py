"""Stands in for TensorRT and the CUDA runtime, which no test machine has.

Classes and methods are those of TensorRT 10's Python API (``test_tensorrt_types.py`` holds them against its stubs). The
"GPU" is memory of this process behind addresses that only the fake's own copies may touch, and a fake engine computes
what its graph says, by ONNX Runtime: what is fed, where it lies and what comes back are all checked for real.
"""

from __future__ import annotations

import ctypes
import itertools
import json
import sys
import threading
from collections.abc import Callable, Iterable
from enum import IntEnum
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Self

import numpy as np
import onnxruntime as ort
import pytest

VERSION = "10.13.0.35"
_TYPES = {"tensor(float)": 0, "tensor(float16)": 1, "tensor(int64)": 8, "tensor(uint8)": 5}
_NUMPY: dict[int, type[np.generic]] = {0: np.float32, 1: np.float16, 8: np.int64, 5: np.uint8}


class World:
    """What the test sets, and what it may look at afterwards.

    Attributes:
        version: TensorRT's.
        steps: That a build reports.
        during_step: Called with each step's number, in the thread that builds.
        parse_errors: What the parser says of any graph.
        build_fails: Whether the builder gives nothing.
        accepts_timings: Whether timing caches of earlier builds fit.
        distort: What becomes of an engine's output.
        run_fails: Whether a run fails.
        memory: Bytes that the GPU has.
        builds: Graphs that were built.
        configs: Each build's flags, profiles and timing cache.
        allocated: Sizes of what is allocated, by address.
        streams: Open streams.
        contexts: Execution contexts that were made.
    """

    def __init__(self) -> None:
        self.version = VERSION
        self.steps = 4
        self.during_step: Callable[[int], None] = lambda step: None
        self.parse_errors: list[str] = []
        self.build_fails = False
        self.accepts_timings = True
        self.distort: Callable[[np.ndarray], np.ndarray] = lambda output: output
        self.run_fails = False
        self.memory = 1 << 30
        self.builds: list[str] = []
        self.configs: list[IBuilderConfig] = []
        self.allocated: dict[int, ctypes.Array[ctypes.c_char]] = {}
        self.streams: set[int] = set()
        self.contexts: list[IExecutionContext] = []
        self.numbers = itertools.count(1)
        self.lock = threading.Lock()

    def view(self, address: int, size: int) -> bytes:
        """Bytes of the fake GPU's memory."""
        assert ctypes.sizeof(self.allocated[address]) >= size
        return ctypes.string_at(address, size)


WORLD = World()


class ILogger:
    INTERNAL_ERROR, ERROR, WARNING, INFO, VERBOSE = range(5)


class Logger(ILogger):
    def __init__(self, min_severity: int = 2) -> None:
        self.min_severity = min_severity


class NetworkDefinitionCreationFlag(IntEnum):
    EXPLICIT_BATCH = 0
    STRONGLY_TYPED = 1


class BuilderFlag(IntEnum):
    TF32 = 6


class MemoryPoolType(IntEnum):
    WORKSPACE = 0


class TensorIOMode(IntEnum):
    NONE = 0
    INPUT = 1
    OUTPUT = 2


class ExecutionContextAllocationStrategy(IntEnum):
    STATIC = 0
    ON_PROFILE_CHANGE = 1


class Dims(tuple[int, ...]):
    def __new__(cls, shape: Iterable[int] = ()) -> Self:
        return super().__new__(cls, shape)


class IHostMemory(bytes):
    pass


class ITensor:
    def __init__(self, node: ort.NodeArg) -> None:
        self.name = node.name
        self.shape = Dims(size if isinstance(size, int) and size > 0 else -1 for size in node.shape)


class INetworkDefinition:
    def __init__(self, flags: int) -> None:
        assert flags == 1 << NetworkDefinitionCreationFlag.STRONGLY_TYPED
        self.model = b""
        self.path = ""
        self.inputs: list[ITensor] = []

    @property
    def num_inputs(self) -> int:
        return len(self.inputs)

    def get_input(self, index: int) -> ITensor:
        return self.inputs[index]


class ParserError:
    def __init__(self, text: str) -> None:
        self.text = text

    def desc(self) -> str:
        return self.text


class OnnxParser:
    def __init__(self, network: INetworkDefinition, logger: ILogger) -> None:
        assert isinstance(logger, ILogger)
        self.network = network
        self.num_errors = 0

    def parse_from_file(self, model: str) -> bool:
        self.network.model = Path(model).read_bytes()
        self.network.path = model
        self.network.inputs = [ITensor(node) for node in _session(self.network.model).get_inputs()]
        self.num_errors = len(WORLD.parse_errors)
        return not WORLD.parse_errors

    def get_error(self, index: int) -> ParserError:
        return ParserError(WORLD.parse_errors[index])


class IOptimizationProfile:
    def __init__(self) -> None:
        self.shapes: dict[str, tuple[Dims, Dims, Dims]] = {}

    def set_shape(self, input: str, min: Dims, opt: Dims, max: Dims) -> None:  # noqa: A002
        assert isinstance(min, Dims)
        self.shapes[input] = (min, opt, max)


class ITimingCache:
    def __init__(self, content: bytes) -> None:
        self.content = content

    def serialize(self) -> IHostMemory:
        return IHostMemory(self.content + b"timed ")


class IProgressMonitor:
    def __init__(self) -> None:
        self.initialised = True

    def phase_start(self, phase_name: str, parent_phase: str | None, num_steps: int) -> None:
        """As the subclass says."""

    def phase_finish(self, phase_name: str) -> None:
        """As the subclass says."""

    def step_complete(self, phase_name: str, step: int) -> bool:
        """As the subclass says."""
        return True


class IBuilderConfig:
    def __init__(self) -> None:
        self.progress_monitor: IProgressMonitor | None = None
        self.profiles: list[IOptimizationProfile] = []
        self.cleared: set[BuilderFlag] = set()
        self.limits: dict[MemoryPoolType, int] = {}
        self.timings: ITimingCache | None = None

    def set_memory_pool_limit(self, pool: MemoryPoolType, pool_size: int) -> None:
        self.limits[pool] = pool_size

    def clear_flag(self, flag: BuilderFlag) -> None:
        self.cleared.add(flag)

    def add_optimization_profile(self, profile: IOptimizationProfile) -> int:
        self.profiles.append(profile)
        return len(self.profiles) - 1

    def create_timing_cache(self, serialized_timing_cache: bytes) -> ITimingCache:
        return ITimingCache(bytes(serialized_timing_cache))

    def set_timing_cache(self, cache: ITimingCache, ignore_mismatch: bool) -> bool:
        assert not ignore_mismatch
        if cache.content and not WORLD.accepts_timings:
            return False
        self.timings = cache
        return True

    def get_timing_cache(self) -> ITimingCache | None:
        return self.timings


class Builder:
    def __init__(self, logger: ILogger) -> None:
        assert isinstance(logger, ILogger)

    def create_network(self, flags: int = 0) -> INetworkDefinition:
        return INetworkDefinition(flags)

    def create_builder_config(self) -> IBuilderConfig:
        return IBuilderConfig()

    def create_optimization_profile(self) -> IOptimizationProfile:
        return IOptimizationProfile()

    def build_serialized_network(self, network: INetworkDefinition, config: IBuilderConfig) -> IHostMemory | None:
        WORLD.builds.append(network.path)
        WORLD.configs.append(config)
        monitor = config.progress_monitor
        assert monitor is not None
        assert monitor.initialised
        monitor.phase_start("Building Engine", None, 2)
        for step in range(2):
            monitor.phase_start("Timing", "Building Engine", WORLD.steps)
            for inner in range(WORLD.steps):
                WORLD.during_step(step * WORLD.steps + inner)
                if not monitor.step_complete("Timing", inner):
                    return None
            monitor.phase_finish("Timing")
            monitor.step_complete("Building Engine", step)
        monitor.phase_finish("Building Engine")
        if WORLD.build_fails:
            return None
        profiles = [{name: list(shapes[2]) for name, shapes in profile.shapes.items()} for profile in config.profiles]
        head = json.dumps({"version": WORLD.version, "profiles": profiles}).encode()
        return IHostMemory(head + b"\n" + network.model)


class Runtime:
    def __init__(self, logger: ILogger) -> None:
        assert isinstance(logger, ILogger)

    def deserialize_cuda_engine(self, serialized_engine: bytes) -> ICudaEngine | None:
        try:
            head, _, model = serialized_engine.partition(b"\n")
            told = json.loads(head)
        except ValueError:
            return None
        return ICudaEngine(told["profiles"], model) if told["version"] == WORLD.version else None


class ICudaEngine:
    def __init__(self, profiles: list[dict[str, list[int]]], model: bytes) -> None:
        self.profiles = profiles
        self.session = _session(model)
        self.inputs = {node.name: node for node in self.session.get_inputs()}
        self.outputs = {node.name: node for node in self.session.get_outputs()}
        self.names: list[str] = [*self.outputs, *self.inputs]  # not the graph's order: TensorRT promises none

    @property
    def num_optimization_profiles(self) -> int:
        return max(1, len(self.profiles))

    @property
    def num_io_tensors(self) -> int:
        return len(self.names)

    def get_tensor_name(self, index: int) -> str:
        return self.names[index]

    def get_tensor_mode(self, name: str) -> TensorIOMode:
        return TensorIOMode.INPUT if name in self.inputs else TensorIOMode.OUTPUT

    def get_tensor_shape(self, name: str) -> Dims:
        return ITensor(self.inputs.get(name) or self.outputs[name]).shape

    def get_tensor_profile_shape(self, name: str, profile_index: int) -> list[Dims]:
        return [Dims(self.profiles[profile_index][name])] * 3

    def get_tensor_dtype(self, name: str) -> int:
        return _TYPES[(self.inputs.get(name) or self.outputs[name]).type]

    def create_execution_context(self, strategy: ExecutionContextAllocationStrategy) -> IExecutionContext:
        assert strategy is ExecutionContextAllocationStrategy.ON_PROFILE_CHANGE
        context = IExecutionContext(self)
        WORLD.contexts.append(context)
        return context


class IExecutionContext:
    def __init__(self, engine: ICudaEngine) -> None:
        self.engine = engine
        self.profile = 0
        self.shapes: dict[str, Dims] = {}
        self.addresses: dict[str, int] = {}

    def set_optimization_profile_async(self, profile_index: int, stream_handle: int) -> bool:
        assert stream_handle in WORLD.streams
        self.profile = profile_index
        return True

    def set_input_shape(self, name: str, shape: Iterable[int]) -> bool:
        self.shapes[name] = Dims(shape)
        return True

    def set_tensor_address(self, name: str, memory: int) -> bool:
        assert memory in WORLD.allocated
        self.addresses[name] = memory
        return True

    def get_tensor_shape(self, name: str) -> Dims:
        shape = self.engine.get_tensor_shape(name)
        if name in self.engine.inputs:
            return self.shapes.get(name, shape)
        first = next(self.get_tensor_shape(known) for known in self.engine.inputs)
        return Dims((first[0] if shape[0] == -1 else shape[0], *shape[1:]))

    def execute_async_v3(self, stream_handle: int) -> bool:
        assert stream_handle in WORLD.streams
        assert self.addresses.keys() == set(self.engine.names)
        if WORLD.run_fails:
            return False
        feed: dict[str, np.ndarray] = {}
        for name in self.engine.inputs:
            dtype, shape = np.dtype(nptype(self.engine.get_tensor_dtype(name))), self.get_tensor_shape(name)
            raw = WORLD.view(self.addresses[name], dtype.itemsize * int(np.prod(shape)))
            feed[name] = np.frombuffer(raw, dtype).reshape(shape)
        for name, output in zip(self.engine.outputs, self.engine.session.run(None, feed), strict=True):
            content = np.ascontiguousarray(WORLD.distort(output)).tobytes()
            assert len(content) <= ctypes.sizeof(WORLD.allocated[self.addresses[name]])
            ctypes.memmove(self.addresses[name], content, len(content))
        return True


def nptype(trt_type: int) -> type[np.generic]:
    return _NUMPY[trt_type]


def _session(model: bytes) -> ort.InferenceSession:
    return ort.InferenceSession(model, providers=["CPUExecutionProvider"])


class CudaError(IntEnum):
    cudaSuccess = 0  # noqa: N815
    cudaErrorMemoryAllocation = 2  # noqa: N815


def _cuda_runtime() -> ModuleType:
    """A module like ``cuda.bindings.runtime``: every function gives an error and its values."""
    cuda = ModuleType("cuda.bindings.runtime")

    def allocate(size: int) -> tuple[CudaError, int | None]:
        with WORLD.lock:
            if sum(map(ctypes.sizeof, WORLD.allocated.values())) + size > WORLD.memory:
                return (CudaError.cudaErrorMemoryAllocation, None)
            block = ctypes.create_string_buffer(size)
            WORLD.allocated[ctypes.addressof(block)] = block
            return (CudaError.cudaSuccess, ctypes.addressof(block))

    def free(address: int) -> tuple[CudaError]:
        with WORLD.lock:
            del WORLD.allocated[address]
        return (CudaError.cudaSuccess,)

    def create_stream(flags: int) -> tuple[CudaError, int]:
        stream = next(WORLD.numbers)
        WORLD.streams.add(stream)
        return (CudaError.cudaSuccess, stream)

    def destroy_stream(stream: int) -> tuple[CudaError]:
        WORLD.streams.remove(stream)
        return (CudaError.cudaSuccess,)

    def copy(target: int, source: int, size: int, kind: int, stream: int) -> tuple[CudaError]:
        assert stream in WORLD.streams
        known = {address: ctypes.sizeof(block) for address, block in WORLD.allocated.items()}
        assert known[target] >= size
        assert known[source] >= size
        ctypes.memmove(target, source, size)
        return (CudaError.cudaSuccess,)

    properties = SimpleNamespace(name=b"Fake GPU", major=9, minor=0, totalGlobalMem=8 << 30)
    functions = {
        "cudaMalloc": allocate,
        "cudaMallocHost": allocate,
        "cudaFree": free,
        "cudaFreeHost": free,
        "cudaStreamCreateWithFlags": create_stream,
        "cudaStreamDestroy": destroy_stream,
        "cudaStreamSynchronize": lambda stream: (CudaError.cudaSuccess,),
        "cudaMemcpyAsync": copy,
        "cudaGetDeviceProperties": lambda device: (CudaError.cudaSuccess, properties),
        "cudaDriverGetVersion": lambda: (CudaError.cudaSuccess, 12080),
        "cudaGetErrorString": lambda error: (CudaError.cudaSuccess, error.name.encode()),
        "cudaStreamNonBlocking": 1,
        "cudaMemcpyKind": SimpleNamespace(cudaMemcpyHostToDevice=1, cudaMemcpyDeviceToHost=2),
    }
    vars(cuda).update(functions)
    return cuda


def install(monkeypatch: pytest.MonkeyPatch) -> World:
    """Put both modules in the place of the real ones, for one test."""
    monkeypatch.setattr(sys.modules[__name__], "WORLD", World())
    trt = ModuleType("tensorrt")
    vars(trt).update({name: value for name, value in globals().items() if isinstance(value, type) or name == "nptype"})
    vars(trt)["__version__"] = WORLD.version
    monkeypatch.setitem(sys.modules, "tensorrt", trt)
    monkeypatch.setitem(sys.modules, "cuda.bindings.runtime", _cuda_runtime())
    return WORLD
