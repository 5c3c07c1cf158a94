"""Detectors, heads, encoders, other networks and languages: loaded once, shared by all streams that name them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from typing import TypeVar

from models.guidance.bank import read_phrases
from models.guidance.language import Language
from models.packs import Pack, PackLibrary
from service.engine.appearance import AppearanceNetwork, appearance_of
from service.engine.detectors import load_pack_detector
from service.engine.detectors.base import Detector
from service.engine.encoder import JointEncoder, TextEncoder
from service.engine.engine_queue import EngineQueue
from service.engine.heads import LoadedHead, open_head
from service.engine.pose import PoseEstimator, pose_of
from service.errors import BAD_BANK, PACK_KIND, InvalidInput
from service.metrics import Metrics
from service.pipeline.stages import EncoderNames, Stages
from service.settings import Settings

logger = logging.getLogger(__name__)

NOTHING = "none"
"""What a stream, a command or the settings say in place of the name of a pose or appearance pack to have none."""

SENTENCES = "words"
"""The pack whose text tower understands text rules where the stream's own encoder cannot compare sentences."""


_Encoder = TypeVar("_Encoder", JointEncoder, TextEncoder)


class StagesPool:
    """Stages by detector, packs and networks. Loading takes a lock, so that nothing is loaded twice."""

    def __init__(
        self, library: PackLibrary, metrics: Metrics, settings: Settings, engines: EngineQueue | None = None
    ) -> None:
        """Nothing is loaded yet.

        Args:
            library: Where packs are.
            metrics: Told how long stages take.
            settings: Of them the default encoder, pose and appearance, and how graphs run.
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
        self._poses: dict[str, PoseEstimator] = {}
        self._appearances: dict[str, AppearanceNetwork] = {}
        self._stages: dict[tuple[str, ...], Stages] = {}
        self._reading = threading.Lock()
        self._sentences: TextEncoder | None = None
        self._languages: dict[tuple[Detector, JointEncoder | None], Language] = {}

    def get(
        self,
        detector: str,
        packs: Sequence[str],
        encoder: str | None = None,
        pose: str | None = None,
        appearance: str | None = None,
    ) -> Stages:
        """The stages of this detector, these packs and networks, loaded if need be.

        Args:
            detector: A pack's name.
            packs: Names of heads' packs.
            encoder: What text rules look through: a pack's name, ``none``, or None for the first one that the heads
                need, else the one of the settings. Heads get what they need whatever this says.
            pose: What finds people's keypoints: a pack's name, ``none``, or None for the one of the settings.
            appearance: What says how objects look, likewise.

        Raises:
            models.packs.PackError: If a pack is unknown or does not verify.
            InvalidInput: If a pack is of another kind, or a head looks at what nobody gathers.
        """
        with self._lock:
            heads = {name: self._head(name) for name in packs}
            names = EncoderNames.chosen(heads, encoder, self._settings.encoder)
            # By hash, so that a pack that was replaced on disk is loaded anew by the next stream that names it.
            hashes = [self._library.get(name).hash for name in (detector, *packs, *names.others)]
            optional = names.ruled, _chosen(pose, self._settings.pose), _chosen(appearance, self._settings.appearance)
            key = (*hashes, *("" if name is None else self._library.get(name).hash for name in optional))
            if key not in self._stages:
                ruled, poser, network = optional
                self._stages[key] = Stages(
                    self._detector(detector),
                    heads,
                    None if ruled is None else self._encoder(ruled),
                    self._observe,
                    [self._encoder(name) for name in names.others],
                    pose=None if poser is None else self._pose(poser),
                    appearance=None if network is None else self._appearance(network),
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
        """Free the detectors, heads, encoders and other networks."""
        with self._lock, self._reading:
            opened: list[Detector | LoadedHead | JointEncoder | PoseEstimator | AppearanceNetwork] = [
                *self._detectors.values(),
                *self._heads.values(),
                *self._encoders.values(),
                *self._poses.values(),
                *self._appearances.values(),
            ]
            for each in opened:
                each.close()
            if self._sentences is not None:
                self._sentences.close()
                self._sentences = None
            self._detectors.clear()
            self._heads.clear()
            self._encoders.clear()
            self._poses.clear()
            self._appearances.clear()
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

    def _pose(self, name: str) -> PoseEstimator:
        pack = self._library.get(name)
        if pack.hash not in self._poses:
            self._poses[pack.hash] = pose_of(pack, self._settings.threads, self._engines)
        return self._poses[pack.hash]

    def _appearance(self, name: str) -> AppearanceNetwork:
        pack = self._library.get(name)
        if pack.hash not in self._appearances:
            self._appearances[pack.hash] = appearance_of(pack, self._settings.threads, self._engines)
        return self._appearances[pack.hash]

    def _load_sentences(self) -> TextEncoder:
        if self._sentences is None:
            self._sentences = load_sentences(self._library, self._settings, self._engines)
        return self._sentences

    def _observe(self, stage: str, seconds: float) -> None:
        self._metrics.stage_seconds.labels(stage).observe(seconds)


def _chosen(wanted: str | None, default: str) -> str | None:
    """The name of a pack, or None where a stream or the settings want none."""
    name = wanted or default
    return None if name == NOTHING else name


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
