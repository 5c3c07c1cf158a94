"""Detectors, encoders, heads and languages that are loaded once and shared by all streams that name them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from typing import TypeVar

from models.guidance.bank import read_phrases
from models.guidance.language import Language
from models.packs import Pack, PackLibrary
from service.engine.detectors import load_pack_detector
from service.engine.detectors.base import Detector
from service.engine.encoder import JointEncoder, TextEncoder
from service.engine.engine_queue import EngineQueue
from service.engine.heads import LoadedHead, open_head
from service.errors import BAD_BANK, PACK_KIND, InvalidInput
from service.metrics import Metrics
from service.pipeline.stages import EncoderNames, Stages
from service.settings import Settings

logger = logging.getLogger(__name__)

SENTENCES = "words"
"""The pack whose text tower understands text rules where the stream's own encoder cannot compare sentences."""


_Encoder = TypeVar("_Encoder", JointEncoder, TextEncoder)


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
        self._heads: dict[str, LoadedHead] = {}
        self._encoders: dict[str, JointEncoder] = {}
        self._stages: dict[tuple[str, ...], Stages] = {}
        self._reading = threading.Lock()
        self._sentences: TextEncoder | None = None
        self._languages: dict[tuple[Detector, JointEncoder | None], Language] = {}

    def get(self, detector: str, packs: Sequence[str], encoder: str | None = None) -> Stages:
        """The stages of this detector, these packs and an encoder, loaded if need be.

        Args:
            detector: A pack's name.
            packs: Names of heads' packs.
            encoder: What text rules look through: a pack's name, ``none``, or None for the first one that the heads
                need, else the one of the settings. Heads get what they need whatever this says.

        Raises:
            models.packs.PackError: If a pack is unknown or does not verify.
            InvalidInput: If a pack is of another kind, or a head looks at what nobody gathers.
        """
        with self._lock:
            heads = {name: self._head(name) for name in packs}
            names = EncoderNames.chosen(heads, encoder, self._settings.encoder)
            # By hash, so that a pack that was replaced on disk is loaded anew by the next stream that names it.
            hashes = [self._library.get(name).hash for name in (detector, *packs, *names.others)]
            key = (*hashes, "" if names.ruled is None else self._library.get(names.ruled).hash)
            if key not in self._stages:
                self._stages[key] = Stages(
                    self._detector(detector),
                    heads,
                    None if names.ruled is None else self._encoder(names.ruled),
                    self._observe,
                    [self._encoder(name) for name in names.others],
                )
            return self._stages[key]

    def language(self, stages: Stages) -> Language | None:
        """What the rules of streams of these stages are read with; None if it cannot be had, and the log says why.

        Made when it is first asked for: to encode a bank takes a second.
        """
        key = stages.detector, stages.encoder
        with self._reading:
            if key not in self._languages:
                try:
                    self._languages[key] = Language.of(stages.detector.names, stages.encoder, self._load_sentences)
                except Exception:  # whatever is wrong with the words, the camera is watched without them
                    logger.exception("text rules cannot be read")
                    return None
            return self._languages[key]

    def close(self) -> None:
        """Free the detectors, heads and encoders."""
        with self._lock, self._reading:
            opened: list[Detector | LoadedHead | JointEncoder] = [
                *self._detectors.values(),
                *self._heads.values(),
                *self._encoders.values(),
            ]
            for each in opened:
                each.close()
            if self._sentences is not None:
                self._sentences.close()
                self._sentences = None
            self._detectors.clear()
            self._heads.clear()
            self._encoders.clear()
            self._stages.clear()
            self._languages.clear()

    def _detector(self, name: str) -> Detector:
        key = self._library.get(name).hash
        if key not in self._detectors:
            self._detectors[key] = load_pack_detector(name, self._library, self._settings.threads, self._engines)
        return self._detectors[key]

    def _head(self, name: str) -> LoadedHead:
        pack = self._library.get(name)
        if pack.hash not in self._heads:
            self._heads[pack.hash] = open_head(pack, self._settings.threads, self._engines)
        return self._heads[pack.hash]

    def _encoder(self, name: str) -> JointEncoder:
        pack = self._library.get(name)
        if pack.hash not in self._encoders:
            self._encoders[pack.hash] = load_encoder(pack, self._settings, self._engines)
        return self._encoders[pack.hash]

    def _load_sentences(self) -> TextEncoder:
        if self._sentences is None:
            self._sentences = load_sentences(self._library, self._settings, self._engines)
        return self._sentences

    def _observe(self, stage: str, seconds: float) -> None:
        self._metrics.stage_seconds.labels(stage).observe(seconds)


def load_encoder(pack: Pack, settings: Settings, engines: EngineQueue | None = None) -> JointEncoder:
    """Load the encoder of a pack; ``engines`` build TensorRT engines for its graphs.

    Raises:
        PackError: If its graphs do not run.
        InvalidInput: If it is no encoder's, or the operator's phrases (``settings.bank_file``) cannot be used.
    """
    if pack.kind != "encoder":
        msg = f"expected a pack of kind encoder, got {pack.name!r} of kind {pack.kind}"
        raise InvalidInput(PACK_KIND, msg)
    return _extended(JointEncoder(pack, settings.threads, settings.encoder_precision, engines), settings)


def load_sentences(library: PackLibrary, settings: Settings, engines: EngineQueue | None = None) -> TextEncoder:
    """Load what compares sentences where a stream's own encoder cannot; arguments and errors as ``load_encoder``."""
    pack = library.get(SENTENCES)
    return _extended(TextEncoder(pack, settings.threads, settings.encoder_precision, engines), settings)


def _extended(encoder: _Encoder, settings: Settings) -> _Encoder:
    """With the operator's phrases in its bank; it is closed if they cannot be used."""
    if settings.bank_file is not None:
        try:
            encoder.extend_bank(read_phrases(settings.bank_file))
        except (OSError, ValueError) as error:
            encoder.close()
            raise InvalidInput(BAD_BANK, f"bank_file: {error}") from error
    return encoder
