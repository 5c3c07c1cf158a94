"""Detectors, encoders and heads that are loaded once and shared by all streams that name them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence

from models.heads import load_head
from models.pack import HeadManifest, Pack, PackError, PackLibrary
from models.scoring.bank import read_phrases
from service.engine.detectors import load_pack_detector
from service.engine.detectors.base import Detector
from service.engine.encoder import JointEncoder, TextEncoder
from service.engine.engine_queue import EngineQueue
from service.errors import InvalidInput
from service.metrics import Metrics
from service.pipeline.enrolment import LoadedHead
from service.pipeline.stages import Stages, needed_encoder
from service.settings import Settings

logger = logging.getLogger(__name__)

SENTENCES = "words"
"""The encoder whose text tower understands text rules: in its space, cosines of sentences mean something."""

NO_ENCODER = "none"
"""What a stream or the settings say in place of an encoder's name to have none."""


class StagesPool:
    """Stages by detector, packs and encoder. Loading takes a lock, so that nothing is loaded twice."""

    def __init__(
        self, library: PackLibrary, metrics: Metrics, settings: Settings, engines: EngineQueue | None = None
    ) -> None:
        """Nothing is loaded yet.

        Args:
            library: Where packs are.
            metrics: Told how long stages take.
            settings: Of them the default encoder, and how graphs run.
            engines: Build TensorRT engines for graphs.
        """
        self._library = library
        self._metrics = metrics
        self._settings = settings
        self._engines = engines
        self._lock = threading.Lock()
        self._detectors: dict[str, Detector] = {}
        self._encoders: dict[str, JointEncoder] = {}
        self._text: TextEncoder | None = None
        self._stages: dict[tuple[str, ...], Stages] = {}

    def get(self, detector: str, packs: Sequence[str], encoder: str | None = None) -> Stages:
        """The stages of this detector, these packs and an encoder, loaded if need be.

        Args:
            detector: A pack's name.
            packs: Names of heads' packs.
            encoder: A pack's name, ``none``, or None for the one that the heads need, else the one of the settings.

        Raises:
            models.pack.PackError: If a pack is unknown or does not verify.
            InvalidInput: If a pack is of another kind, or the heads need another encoder than this.
        """
        with self._lock:
            heads = {name: load_pack_head(self._library, name) for name in packs}
            chosen = encoder or needed_encoder(heads) or self._settings.encoder
            names = (detector, *packs) if chosen == NO_ENCODER else (detector, *packs, chosen)
            # By hash, so that a pack that was replaced on disk is loaded anew by the next stream that names it.
            key = tuple(self._library.get(name).hash for name in names)
            if key not in self._stages:
                loaded = None if chosen == NO_ENCODER else self._encoder(chosen)
                self._stages[key] = Stages(
                    self._detector(detector), heads, loaded, self._sentences(loaded), self._observe
                )
            return self._stages[key]

    def close(self) -> None:
        """Free the detectors and encoders."""
        with self._lock:
            for detector in self._detectors.values():
                detector.close()
            for encoder in self._encoders.values():
                encoder.close()
            if self._text is not None:
                self._text.close()
                self._text = None
            self._detectors.clear()
            self._encoders.clear()
            self._stages.clear()

    def _detector(self, name: str) -> Detector:
        key = self._library.get(name).hash
        if key not in self._detectors:
            self._detectors[key] = load_pack_detector(name, self._library, self._settings.threads, self._engines)
        return self._detectors[key]

    def _encoder(self, name: str) -> JointEncoder:
        pack = self._library.get(name)
        if pack.hash not in self._encoders:
            self._encoders[pack.hash] = load_encoder(pack, self._settings, self._engines)
        return self._encoders[pack.hash]

    def _sentences(self, encoder: JointEncoder | None) -> TextEncoder | None:
        """What compares sentences: the built-in encoder's text tower, whatever sees the clips."""
        if encoder is not None and encoder.name == SENTENCES:
            return encoder.text
        if self._text is None:
            settings = self._settings
            try:
                pack = self._library.get(SENTENCES)
                self._text = TextEncoder(pack, settings.threads, settings.encoder_precision, self._engines)
            except PackError as error:  # cameras run on
                logger.warning("text rules cannot be understood: %s", error)
        return self._text

    def _observe(self, stage: str, seconds: float) -> None:
        self._metrics.stage_seconds.labels(stage).observe(seconds)


def load_encoder(pack: Pack, settings: Settings, engines: EngineQueue | None = None) -> JointEncoder:
    """Load the encoder of a pack; ``engines`` build TensorRT engines for its graphs.

    Raises:
        PackError: If its graphs do not run.
        InvalidInput: If it is no encoder's, or the operator's phrases (``settings.bank_file``) cannot be used.
    """
    if pack.kind != "encoder":
        code, msg = "pack_kind", f"expected a pack of kind encoder, got {pack.name!r} of kind {pack.kind}"
        raise InvalidInput(code, msg)
    encoder = JointEncoder(pack, settings.threads, settings.encoder_precision, engines)
    if settings.bank_file is not None:
        try:
            encoder.extend_bank(read_phrases(settings.bank_file))
        except (OSError, ValueError) as error:
            encoder.close()
            raise InvalidInput("bad_bank", f"bank_file: {error}") from error
    return encoder


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
