"""The pipeline that the commands without a server share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from models.pack import PackLibrary
from service.engine.detectors import load_detector
from service.live_stream import DEFAULT_ALERTS_PER_DAY
from service.pipeline.offline import OfflinePipeline
from service.pipeline.pool import load_pack_head
from service.pipeline.profile import Profile
from service.pipeline.scored import display
from service.settings import Settings


@contextmanager
def build_pipeline(settings: Settings, detector: str, packs: Sequence[str], fps: float) -> Iterator[OfflinePipeline]:
    """A pipeline with this detector and the heads of these packs; closes the detector at the end."""
    library = PackLibrary([settings.packs_path])
    heads = {name: load_pack_head(library, name) for name in packs}
    loaded = load_detector(detector, library, settings.threads)
    try:
        yield OfflinePipeline(loaded, heads, fps=fps)
    finally:
        loaded.close()


def alert_threshold(profile: Profile, alerts_per_day: float = DEFAULT_ALERTS_PER_DAY) -> float:
    """The surprise that normal footage exceeds so often a day."""
    return profile.fused.threshold(alerts_per_day, profile.frames / max(profile.seconds, 1e-9))


def display_threshold(profile: Profile) -> float:
    """The same as a score in [0, 1]."""
    return display(alert_threshold(profile))
