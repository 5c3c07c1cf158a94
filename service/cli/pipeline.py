"""The pipeline that the commands without a server share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from models.pack import PackLibrary
from service.engine.detectors import load_detector
from service.pipeline.offline import OfflinePipeline
from service.pipeline.pool import load_pack_head
from service.pipeline.stages import Stages
from service.settings import Settings


@contextmanager
def build_pipeline(settings: Settings, detector: str, packs: Sequence[str], fps: float) -> Iterator[OfflinePipeline]:
    """A pipeline with this detector and the heads of these packs; closes the detector at the end."""
    library = PackLibrary([settings.packs_path])
    heads = {name: load_pack_head(library, name) for name in packs}
    loaded = load_detector(detector, library, settings.threads)
    try:
        yield OfflinePipeline(Stages(loaded, heads), fps=fps)
    finally:
        loaded.close()
