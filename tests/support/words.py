"""A small language with known meanings: what rules are understood with where no encoder is needed to test them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from models.arrays import Float32
from models.guidance.captions import Caption
from models.guidance.embedded_bank import EmbeddedBank
from models.guidance.language import Language
from models.guidance.rules import Seen
from models.guidance.statements import Statements
from models.guidance.text_reader import TextReader
from service.pipeline.context import UnguidedFrame

PHRASES = ("riding a bicycle", "cycling along", "walking", "running", "two people fighting", "an empty street")
KINDS = ("action", "action", "action", "action", "action", "background")
NAMES = ("person", "bicycle", "car")
"""Classes of the detector."""

MEANINGS = (("bicycl", "bike", "cycli"), ("walk", "foot", "pedestrian", "passer"), ("run", "jog"), ("fight", "brawl"))
"""What texts with these parts of words mean; any other text means something of its own."""

CYCLIST = Caption("a person riding a bicycle", ("person", "rides bicycle"))
WALKER = Caption("a person walking", ("person", "person walking"))

DIM = 64
TEMPERATURE = 0.1
ENCODER = "an encoder's hash"


@cache
def _sentence(text: str) -> Float32:
    random = np.random.default_rng(int.from_bytes(hashlib.sha256(text.casefold().encode()).digest()[:8], "big"))
    own = random.normal(size=DIM)
    own[: len(MEANINGS)] = 0.0
    own /= np.linalg.norm(own)
    meant = [index for index, parts in enumerate(MEANINGS) if any(part in text.casefold() for part in parts)]
    row = own if not meant else 0.3 * own + np.eye(DIM)[meant].sum(axis=0)
    return np.asarray(row / np.linalg.norm(row), np.float32)


def sentences(texts: Sequence[str]) -> Float32:
    """``(n, DIM)``: texts of one meaning have a cosine of about 0.9, others of about 0."""
    return np.stack([_sentence(text) for text in texts])


@cache
def language(*, encoder: bool = True, untrained: str = "") -> Language:
    """The language, with an encoder whose clips are looks of the same meanings, or without.

    Args:
        encoder: Whether there is one.
        untrained: Phrases with this in them are of what it learned no clips of.
    """
    reader, statements = TextReader.of(PHRASES, KINDS, sentences), Statements.of(NAMES, PHRASES, sentences)
    words = Language(PHRASES, reader, statements)
    if not encoder:
        return words
    trained = np.array([not untrained or untrained not in phrase for phrase in PHRASES])
    bank = EmbeddedBank(sentences(PHRASES), TEMPERATURE, trained)
    return replace(words, bank=bank, embed_beside_clips=sentences)


def clip(text: str, seed: int = 0, noise: float = 0.4) -> Float32:
    """``(DIM,)``: what an object looks like that does this."""
    row = sentences([text])[0] + noise * np.random.default_rng(seed).normal(size=DIM) / np.sqrt(DIM)
    return np.asarray(row / np.linalg.norm(row), np.float32)


def seen(
    *objects: tuple[str, float],
    captions: Sequence[Caption | None] | None = None,
    feet: Sequence[tuple[float, float]] | None = None,
    encoder: bool = True,
) -> Seen:
    """A frame's objects.

    Args:
        objects: What each does (nothing is known of an empty text), and its surprise.
        captions: Of each; nothing is said by default.
        feet: Where each stands; side by side by default.
        encoder: Whether there are clips.
    """
    count = len(objects)
    places = feet or [((index + 0.5) / max(count, 1), 0.5) for index in range(count)]
    boxes = np.array([(x - 0.02, y - 0.2, 0.04, 0.2) for x, y in places], np.float32).reshape(-1, 4)
    embeddings = np.full((count, DIM if encoder else 0), np.nan, np.float32)
    for index, (text, _) in enumerate(objects):
        if text and encoder:
            embeddings[index] = clip(text, index)
    said = tuple(captions or [None] * count)
    return Seen(boxes, embeddings, said, np.array([surprise for _, surprise in objects], np.float64))


def unguided_frame(seen: Seen, surprise: float, at: float, image: NDArray[np.uint8] | None = None) -> UnguidedFrame:
    """The frame at ``at`` seconds of a stream without a gap, in which persons 1 to N are seen; calm is 0.3."""
    count = len(seen)
    return UnguidedFrame(seen, surprise, 0.3, at, at, 0, range(1, count + 1), ["person"] * count, image)
