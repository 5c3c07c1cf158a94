"""TensorRT engines from ONNX graphs, built once for each GPU and kept.

Networks are strongly typed: an engine computes in the types that the graph was exported and measured in, so float16 and
int8 (quantise and dequantise nodes) come from the export, never from a flag here. TensorRT 11 knows no other way, and
deprecates the flags since 10.12. Written against TensorRT 10's Python API; needs a GPU to run.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import logging
import os
import tempfile
import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from models.packs import file_hash

if TYPE_CHECKING:
    import tensorrt as trt

Precision = Literal["tf32", "fp32"]
"""What products of float32 are computed in, on GPUs that have TF32. It keeps 10 bits of a factor, as float16 does, and
is what ONNX Runtime's CUDA provider takes too."""

Report = Callable[[float], None]
"""Told the share that is done, 0 to 1, from any thread."""

KEPT = 32
"""Engines in the cache; those unused longest go. A pack has at most three graphs, and an update of TensorRT or of a
driver orphans what was built before."""

_WORKSPACE = 2 << 30  # what serves while an engine is built needs its memory too
_SUFFIX = ".engine"
_log = logging.getLogger(__name__)


class BuildError(RuntimeError):
    """An engine that could not be built; the message says why."""


class BuildCancelled(BuildError):
    """A build that was given up on request."""


@dataclass(frozen=True, slots=True)
class EngineKey:
    """What an engine is good for. Any other machine, version or graph needs its own.

    Attributes:
        gpu: The GPU's name.
        capability: Its compute capability, such as ``9.0``.
        tensorrt: TensorRT's version.
        graph: sha256 of the ONNX file.
        precision: As in ``Precision``.
        batches: Batch sizes, each with an optimisation profile of its own. With the graph, whose other dimensions are
            fixed, they say every shape.
    """

    gpu: str
    capability: str
    tensorrt: str
    graph: str
    precision: Precision
    batches: tuple[int, ...]

    @property
    def digest(self) -> str:
        """The key as a file name's stem."""
        return hashlib.sha256(_json(self).encode()).hexdigest()[:32]


class EngineBuilder:
    """Builds engines for one GPU, and keeps them in a folder. Thread-safe; one build at a time is the caller's care."""

    def __init__(
        self, folder: Path, gpu: str, capability: str, batches: Sequence[int], precision: Precision = "tf32"
    ) -> None:
        """Prepare; nothing is read or written yet.

        Args:
            folder: The cache, made when something is put in.
            gpu: The name of the GPU that builds and runs.
            capability: Its compute capability.
            batches: Batch sizes that the service runs.
            precision: As in ``Precision``.

        Raises:
            BuildError: If TensorRT is not installed.
        """
        version = self.usable()
        if version is None:
            msg = "expected TensorRT 10.9 or newer, found none: pip install 'watchword[tensorrt]'"
            raise BuildError(msg)
        self._folder = folder
        self._machine = gpu, capability, version
        self._batches = tuple(sorted(batches))
        self._precision: Precision = precision

    @staticmethod
    def usable() -> str | None:
        """TensorRT's version, or None if it is not installed.

        An import alone proves nothing: the package of type stubs leaves an empty namespace of that name.
        """
        try:
            import tensorrt as trt

            return trt.__version__ if hasattr(trt, "Builder") else None
        except (ImportError, AttributeError, OSError):  # OSError: its libraries do not load
            return None

    def key(self, graph: Path) -> EngineKey:
        """The key of a graph's engine."""
        return EngineKey(*self._machine, file_hash(graph), self._precision, self._batches)

    def cached(self, graph: Path) -> bytes | None:
        """The serialised engine of a graph, if one was built before and is whole."""
        return self._read(self.key(graph))

    def forget(self, graph: Path) -> None:
        """Drop the engine of a graph, which TensorRT would not load."""
        self._path(self.key(graph)).unlink(missing_ok=True)

    def build(self, graph: Path, report: Report, cancelled: threading.Event) -> bytes:
        """Build the engine of a graph and keep it. Takes minutes, and the GPU.

        Args:
            graph: An ONNX file, of fixed dimensions but for the batch.
            report: Told how far it is.
            cancelled: Ends the build soon after it is set.

        Returns:
            The serialised engine.

        Raises:
            BuildError: If TensorRT cannot build it.
            BuildCancelled: If it was cancelled.
        """
        key = self.key(graph)
        timing = self._folder / f"timing-{hashlib.sha256(_json(self._machine).encode()).hexdigest()[:16]}.cache"
        known = timing.read_bytes() if timing.is_file() else b""
        engine, timings = _build(graph, key, known, report, cancelled)
        # An engine that cannot be kept still runs; it will be built again at the next start.
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            _replace(timing, timings)
            head = {"key": asdict(key), "sha256": hashlib.sha256(engine).hexdigest()}
            _replace(self._path(key), _json(head).encode() + b"\n" + engine)
            self._prune()
        except OSError as error:
            _log.warning("the engine of %s cannot be kept in %s: %s", graph.name, self._folder, error)
        return engine

    def _path(self, key: EngineKey) -> Path:
        return self._folder / f"{key.digest}{_SUFFIX}"

    def _read(self, key: EngineKey) -> bytes | None:
        path = self._path(key)
        try:
            head, _, engine = path.read_bytes().partition(b"\n")
            told = json.loads(head)
            whole = told == {"key": json.loads(_json(key)), "sha256": hashlib.sha256(engine).hexdigest()}
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            _log.warning("the engine %s cannot be read and is built anew: %s", path.name, error)
            return None
        if not whole:
            _log.warning("the engine %s is damaged or of another machine, and is built anew", path.name)
            return None
        with contextlib.suppress(OSError):
            os.utime(path)
        return engine

    def _prune(self) -> None:
        engines = sorted(self._folder.glob(f"*{_SUFFIX}"), key=lambda path: path.stat().st_mtime)
        for path in engines[:-KEPT]:
            path.unlink(missing_ok=True)


class BuildProgress:
    """How far a build is, from the tree of phases that TensorRT tells of. Thread-safe, and never falls.

    TensorRT gives each phase a number of steps; a phase within another is a part of that one's present step.
    """

    def __init__(self, report: Report) -> None:
        """Begin at nothing.

        Args:
            report: Told every new share.
        """
        self._report = report
        self._lock = threading.Lock()
        self._phases: dict[str, tuple[str | None, int, int]] = {}
        self._share = 0.0

    def start(self, phase: str, parent: str | None, steps: int) -> None:
        """A phase begins."""
        with self._lock:
            self._phases[phase] = (parent, 0, max(1, steps))

    def step(self, phase: str, step: int) -> None:
        """A step of a phase is done; they count from 0."""
        with self._lock:
            if phase in self._phases:
                parent, _, steps = self._phases[phase]
                self._phases[phase] = (parent, min(step + 1, steps), steps)
            share = max((self._of(name) for name, (parent, *_) in self._phases.items() if parent is None), default=0.0)
            if share <= self._share:
                return
            self._share = share
        self._report(share)

    def finish(self, phase: str) -> None:
        """A phase is over."""
        with self._lock:
            self._phases.pop(phase, None)

    def _of(self, phase: str) -> float:
        _, done, steps = self._phases[phase]
        inner = max((self._of(name) for name, (parent, *_) in self._phases.items() if parent == phase), default=0.0)
        return min(1.0, (done + inner) / steps)


def _build(
    graph: Path, key: EngineKey, timings: bytes, report: Report, cancelled: threading.Event
) -> tuple[bytes, bytes]:
    """The serialised engine, and the timing cache with what was timed for it."""
    import tensorrt as trt

    builder = trt.Builder(_logger())
    network = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    parser = trt.OnnxParser(network, _logger())
    if not parser.parse_from_file(str(graph)):
        reasons = "; ".join(parser.get_error(index).desc() for index in range(parser.num_errors))
        msg = f"expected a graph of what TensorRT knows in {graph.name}, got: {reasons[:500] or 'no reason'}"
        raise BuildError(msg)
    config = builder.create_builder_config()
    config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, _WORKSPACE)
    if key.precision == "fp32":
        config.clear_flag(trt.BuilderFlag.TF32)
    _add_profiles(builder, network, config, key.batches)
    # One of another driver is refused by TensorRT, and begun anew.
    if not config.set_timing_cache(config.create_timing_cache(timings), ignore_mismatch=False):
        config.set_timing_cache(config.create_timing_cache(b""), ignore_mismatch=False)
    monitor = _monitor(BuildProgress(report), cancelled)
    config.progress_monitor = monitor
    engine = builder.build_serialized_network(network, config)
    if cancelled.is_set():
        msg = f"the build of {graph.name} was cancelled"
        raise BuildCancelled(msg)
    if engine is None:
        msg = f"TensorRT could not build {graph.name}; the log says why"
        raise BuildError(msg)
    return bytes(engine), bytes(config.get_timing_cache().serialize())


def _add_profiles(
    builder: trt.Builder, network: trt.INetworkDefinition, config: trt.IBuilderConfig, batches: Sequence[int]
) -> None:
    """One optimisation profile a batch size, so that each gets the kernels that are fastest for it."""
    import tensorrt as trt

    inputs = [network.get_input(index) for index in range(network.num_inputs)]
    shapes: dict[str, tuple[int, ...]] = {tensor.name: tensor.shape[:] for tensor in inputs}
    if any(-1 in shape[1:] for shape in shapes.values()):
        given = "; ".join(f"{name} {shape}" for name, shape in shapes.items())
        msg = f"expected inputs of fixed dimensions but for the batch, got {given}"
        raise BuildError(msg)
    if all(shape[0] != -1 for shape in shapes.values()):
        return
    for batch in batches:
        profile = builder.create_optimization_profile()
        for name, shape in shapes.items():
            sizes = trt.Dims([batch if shape[0] == -1 else shape[0], *shape[1:]])
            profile.set_shape(name, sizes, sizes, sizes)
        if config.add_optimization_profile(profile) < 0:
            msg = f"TensorRT refuses batches of {batch} of {'; '.join(shapes)}"
            raise BuildError(msg)


def _monitor(progress: BuildProgress, cancelled: threading.Event) -> trt.IProgressMonitor:
    import tensorrt as trt

    class Monitor(trt.IProgressMonitor):  # type: ignore[misc]  # Any where its stubs are not read
        def __init__(self) -> None:
            trt.IProgressMonitor.__init__(self)

        def phase_start(self, phase_name: str, parent_phase: str | None, num_steps: int) -> None:
            progress.start(phase_name, parent_phase, num_steps)

        def phase_finish(self, phase_name: str) -> None:
            progress.finish(phase_name)

        def step_complete(self, phase_name: str, step: int) -> bool:
            progress.step(phase_name, step)
            return not cancelled.is_set()

    return Monitor()


@functools.cache
def _logger() -> trt.ILogger:
    """One for the process: TensorRT keeps using the first it was given, and it must outlive every object."""
    import tensorrt as trt

    return trt.Logger(trt.Logger.WARNING)


def _json(value: object) -> str:
    return json.dumps(asdict(value) if isinstance(value, EngineKey) else value, sort_keys=True)


def _replace(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    descriptor, name = tempfile.mkstemp(prefix=".new-", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
