"""Detectors and heads that are loaded once and shared by all streams that name them."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from models.heads import load_head
from models.pack import HeadManifest, PackLibrary
from service.engine.detectors import load_pack_detector
from service.engine.detectors.base import Detector
from service.errors import InvalidInput
from service.metrics import Metrics
from service.pipeline.enrolment import LoadedHead
from service.pipeline.stages import Stages


class StagesPool:
    """Stages by detector and packs. Loading takes a lock, so that nothing is loaded twice."""

    def __init__(self, library: PackLibrary, metrics: Metrics, threads: int = 0) -> None:
        """Args: threads, of an inference session; 0 picks by cores."""
        self._library = library
        self._metrics = metrics
        self._threads = threads
        self._lock = threading.Lock()
        self._detectors: dict[str, Detector] = {}
        self._stages: dict[tuple[str, ...], Stages] = {}

    def get(self, detector: str, packs: Sequence[str]) -> Stages:
        """The stages of this detector and these packs, loaded if need be.

        Raises:
            models.pack.PackError: If a pack is unknown or does not verify.
            InvalidInput: If a pack is of another kind.
        """
        with self._lock:
            # By hash, so that a pack that was replaced on disk is loaded anew by the next stream that names it.
            key = tuple(self._library.get(name).hash for name in (detector, *packs))
            if key not in self._stages:
                heads = {name: load_pack_head(self._library, name) for name in packs}
                self._stages[key] = Stages(self._detector(detector), heads, self._observe)
            return self._stages[key]

    def close(self) -> None:
        """Free the detectors."""
        with self._lock:
            for detector in self._detectors.values():
                detector.close()
            self._detectors.clear()
            self._stages.clear()

    def _detector(self, name: str) -> Detector:
        key = self._library.get(name).hash
        if key not in self._detectors:
            self._detectors[key] = load_pack_detector(name, self._library, self._threads)
        return self._detectors[key]

    def _observe(self, stage: str, seconds: float) -> None:
        self._metrics.stage_seconds.labels(stage).observe(seconds)


def load_pack_head(library: PackLibrary, name: str) -> LoadedHead:
    """Load the head of a pack.

    Raises:
        models.pack.PackError: If the pack is unknown or does not verify.
        InvalidInput: If it is not a head's, or the head does not take what the pack holds.
    """
    pack = library.get(name)
    if not isinstance(pack.manifest, HeadManifest):
        code, msg = "pack_kind", f"expected a pack of kind head, got {name!r} of kind {pack.kind}"
        raise InvalidInput(code, msg)
    try:
        return LoadedHead(load_head(pack), name, pack.hash)
    except ValueError as error:
        raise InvalidInput("bad_pack", f"pack {name}: {error}") from error
