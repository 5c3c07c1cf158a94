"""A joint space of object clips and words that runs: the graphs of an encoder pack."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from models.arrays import Float32
from models.embedding import embed_clips
from models.guidance.bank import Bank, Phrase
from models.packs import EncoderManifest, Pack, PackError, Precision
from service.engine.engine_queue import EngineQueue
from service.engine.session import Session

FRAMES = 9
"""Frames of a clip where the pack has no temporal tower to say so (Gao et al., Scene-adaptive SVAD, section 4.2)."""

INTERVAL_S = 0.12
"""Seconds between them, likewise: nine frames then see one second, a stride and a half of a walker."""

MAX_TEXTS = 4096
"""Texts whose features are remembered: 6 MB at 384 numbers. Captions and rules repeat; typed words are few."""


class TextEncoder:
    """Words into a joint space, each text once. Thread-safe.

    Attributes:
        dim: ``D``, of the space.
        bank: The pack's phrases.
    """

    def __init__(
        self, pack: Pack, threads: int = 0, precision: Precision = "fp32", engines: EngineQueue | None = None
    ) -> None:
        """Load the text tower of an encoder pack.

        Args:
            pack: Verified.
            threads: Of one run on the CPU; 0 picks by cores.
            precision: Of the graph, where the pack has it.
            engines: Build a TensorRT engine for it.

        Raises:
            PackError: ``pack_kind``, if it is a pack of another kind; ``bad_graph`` or ``bad_tokenizer``.
        """
        manifest = pack.manifest_of(EncoderManifest)
        self.dim = manifest.dim
        phrases = pack.phrases()
        features = np.asarray(pack.arrays("bank")["features"], np.float32)
        self.bank = Bank.of(phrases, features)
        self._tokenizer = _tokenizer(pack, manifest)
        self._session = Session(pack.file(manifest.text.at(precision)), threads, engines)
        self._lock = threading.Lock()
        self._known: OrderedDict[str, Float32] = OrderedDict()

    def embed(self, texts: Sequence[str]) -> Float32:
        """``(B, D)`` features of unit length. What exceeds the tower's length is cut off."""
        wanted = dict.fromkeys(texts)
        with self._lock:
            found = {text: self._known[text] for text in wanted if text in self._known}
            for text in found:
                self._known.move_to_end(text)
        new = [text for text in wanted if text not in found]
        if new:
            found.update(zip(new, self._run(new), strict=True))
            with self._lock:
                self._known.update((text, found[text]) for text in new)
                while len(self._known) > MAX_TEXTS:
                    self._known.popitem(last=False)
        return np.stack([found[text] for text in texts]) if texts else np.zeros((0, self.dim), np.float32)

    def extend_bank(self, phrases: Sequence[Phrase]) -> None:
        """Put more phrases behind the bank's own, read by this tower. Before anyone uses the bank.

        Raises:
            ValueError: They would be too many.
        """
        texts = [each.text for each in phrases]
        self.bank = self.bank.extended(texts, [each.kind for each in phrases], self.embed(texts))

    def close(self) -> None:
        """Free the graph. Idempotent."""
        self._session.close()

    def _run(self, texts: Sequence[str]) -> Float32:
        encoded = self._tokenizer.encode_batch(list(texts))
        features: Float32 = self._session.first(np.array([each.ids for each in encoded], np.int64))
        return features


class JointEncoder:
    """Crops, clips and words into one space. Thread-safe; holds no state of any stream.

    Attributes:
        name: The pack's.
        hash: The pack's: features of two encoders of one name may differ.
        dim: ``D``, of the space.
        size: Side of the square crops in pixels.
        context: A box is made square by its longer side and enlarged by this before it is cut out.
        frames: ``T``, frames of a clip.
        interval_s: Seconds between them.
        temperature: Cosines are divided by it before a softmax over phrases.
        sentence: Whether the cosine of two texts says how alike they are in meaning.
        names_from: Cosine of a clip with a phrase from which on it is named by it; None for never.
        text: Its text tower, which holds its phrases.
    """

    def __init__(
        self, pack: Pack, threads: int = 0, precision: Precision = "fp32", engines: EngineQueue | None = None
    ) -> None:
        """Load an encoder pack. Arguments and errors as ``TextEncoder``."""
        manifest = pack.manifest_of(EncoderManifest)
        self.name, self.hash = pack.name, pack.hash
        self.dim, self.temperature, self.sentence = manifest.dim, manifest.temperature, manifest.sentence
        self.names_from = manifest.names_from
        self.size, self.context = manifest.image.size, manifest.image.context
        temporal = manifest.temporal
        self.frames = FRAMES if temporal is None else temporal.frames
        self.interval_s = INTERVAL_S if temporal is None else temporal.interval_s
        self._geometry = temporal is not None and temporal.geometry
        self._image = Session(pack.file(manifest.image.at(precision)), threads, engines)
        self._temporal = None if temporal is None else Session(pack.file(temporal.at(precision)), threads, engines)
        self.text = TextEncoder(pack, threads, precision, engines)

    @property
    def bank(self) -> Bank:
        """Its phrases."""
        return self.text.bank

    def extend_bank(self, phrases: Sequence[Phrase]) -> None:
        """Put more phrases behind the bank's own; see ``TextEncoder.extend_bank``."""
        self.text.extend_bank(phrases)

    def __str__(self) -> str:
        """What profiles remember it by."""
        return f"{self.name} {self.hash[:12]}"

    def embed_crops(self, crops: NDArray[np.uint8]) -> Float32:
        """Features ``(B, F)`` of crops ``(B, S, S, 3)``, BGR, B of at least 1: the image tower."""
        features: Float32 = self._image.first(crops)
        return features

    def embed_clips(self, frames: Float32, geometry: Float32) -> Float32:
        """Embeddings ``(B, D)`` of track clips, of unit length.

        Args:
            frames: ``(B, T, F)`` features of an object's crops, oldest first, B of at least 1.
            geometry: ``(B, T, 5)`` as ``models.crops.geometry`` gives it; not looked at by towers that take none.
        """
        temporal = self._temporal
        fuse = None if temporal is None else lambda inputs: temporal.run(inputs)["clip"]
        return embed_clips(frames, geometry if self._geometry else None, fuse)

    def embed_texts(self, texts: Sequence[str]) -> Float32:
        """``(B, D)`` features of unit length, each text computed once."""
        return self.text.embed(texts)

    def close(self) -> None:
        """Free the graphs. Idempotent."""
        self._image.close()
        if self._temporal is not None:
            self._temporal.close()
        self.text.close()


def _tokenizer(pack: Pack, manifest: EncoderManifest) -> Tokenizer:
    try:
        return Tokenizer.from_file(str(pack.file(manifest.text.tokenizer)))
    except Exception as error:  # the library raises bare exceptions
        code, message = "bad_tokenizer", f"expected a tokenizer in {manifest.text.tokenizer.file}: {error}"
        raise PackError(code, message) from error
