"""TensorRT for the commands. What builds engines lies above the service, and is found by entry point."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from service.engine.engine_queue import EngineQueue, EngineSource
    from service.settings import Settings

BUILDERS = "watchword.engine_builders"
"""Group of entry points, each named after the engine that it builds."""

Precision = Literal["tf32", "fp32"]
"""What products of float32 are computed in."""


class EngineBuilderKind(Protocol):
    """A kind of source of engines, and whether this machine has what it needs."""

    def usable(self) -> str | None:
        """What builds, with its version; None if it is not installed."""
        ...

    def __call__(
        self, folder: Path, gpu: str, capability: str, batches: Sequence[int], precision: Precision, /
    ) -> EngineSource:
        """A source of engines for one GPU.

        Args:
            folder: Where engines are kept.
            gpu: The name of the GPU that builds and runs.
            capability: Its compute capability, such as ``9.0``.
            batches: Batch sizes that the service runs.
            precision: As in ``Precision``.
        """
        ...


def open_engines(settings: Settings) -> tuple[EngineQueue | None, str]:
    """What builds engines on this machine, the caller's to close; or None. And in words, what or why not."""
    from service.engine.engine_queue import EngineQueue
    from service.engine.session import BUCKETS
    from service.engine.tensorrt import Engine, find_gpu
    from service.extensions import extension

    if settings.tensorrt == "off":
        return None, "off (WATCHWORD_TENSORRT)"
    builder: EngineBuilderKind | None = extension(BUILDERS, "tensorrt")
    version = None if builder is None else builder.usable()
    if builder is None or version is None:
        return None, "not installed"
    gpu = find_gpu()
    if gpu is None:
        return None, f"{version}, but CUDA shows no GPU"
    precision: Precision = "fp32" if settings.tensorrt == "fp32" else "tf32"
    source = builder(settings.engines_path, gpu.name, gpu.capability, BUCKETS, precision)
    return EngineQueue(source, Engine), f"{version} on {gpu.name}, products of float32 in {precision}"
