"""TensorRT for the commands: what builds engines is ``export``'s, what runs them the service's."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from service.engine.engine_queue import EngineQueue
    from service.settings import Settings


def open_engines(settings: Settings) -> tuple[EngineQueue | None, str]:
    """What builds engines on this machine, the caller's to close; or None. And in words, what or why not."""
    from export.tensorrt import EngineBuilder, Precision, usable
    from service.engine.engine_queue import EngineQueue
    from service.engine.session import BUCKETS
    from service.engine.tensorrt import Engine, find_gpu

    if settings.tensorrt == "off":
        return None, "off (WATCHWORD_TENSORRT)"
    version = usable()
    if version is None:
        return None, "not installed"
    gpu = find_gpu()
    if gpu is None:
        return None, f"{version}, but CUDA shows no GPU"
    precision: Precision = "fp32" if settings.tensorrt == "fp32" else "tf32"
    builder = EngineBuilder(settings.engines_path, gpu.name, gpu.capability, BUCKETS, precision)
    return EngineQueue(builder, Engine), f"{version} on {gpu.name}, products of float32 in {precision}"
