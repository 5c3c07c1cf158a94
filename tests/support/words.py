"""A small language with known meanings: what rules are understood with where no encoder is needed to test them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from models.scoring.guidance import Floats, Seen, Space
from service.language import Language

PHRASES = ("riding a bicycle", "cycling along", "walking", "running", "two people fighting", "an empty street")
MEANINGS = {
    **dict.fromkeys(("riding a bicycle", "cycling along", "bicycles are normal here", "a cyclist"), 0),
    **dict.fromkeys(("walking", "people on foot", "a pedestrian"), 1),
    **dict.fromkeys(("running", "a jogger"), 2),
    **dict.fromkeys(("two people fighting", "a brawl"), 3),
    "an empty street": 4,
    **dict.fromkeys(("the sky is blue", "the price of bread"), 5),
}
"""Texts by what they mean; of the last meaning no phrase of the bank is."""

DIM = 16
TEMPERATURE = 0.1
ENCODER = "an encoder's hash"


def sentences(texts: Sequence[str]) -> Floats:
    """``(n, DIM)``: texts of one meaning have a cosine of about 0.9, others of about 0."""
    rows = np.zeros((len(texts), DIM), np.float32)
    for row, text in zip(rows, texts, strict=True):
        row[MEANINGS[text]] = 1.0
        row[8 + sum(text.encode()) % (DIM - 8)] = 0.3
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def sameness(cosines: Floats) -> Floats:
    """1 from a cosine of 0.8, 0 below 0.4."""
    return np.clip((np.asarray(cosines, np.float32) - 0.4) / 0.4, 0.0, 1.0)


def language(*, encoder: bool = True) -> Language:
    """The language, with an encoder whose clips are looks of the same meanings, or without."""
    bank = sentences(PHRASES)
    words = Language(PHRASES, bank, sentences, sameness, sameness)
    if not encoder:
        return words
    return replace(words, space=Space(bank, TEMPERATURE), embed_clip_text=sentences, encoder=ENCODER)


def clip(text: str, seed: int = 0, noise: float = 0.2) -> Floats:
    """``(DIM,)``: what an object looks like that does this."""
    row = np.zeros(DIM)
    row[MEANINGS[text]] = 1.0
    row += noise * np.random.default_rng(seed).normal(size=DIM) / np.sqrt(DIM)
    return (row / np.linalg.norm(row)).astype(np.float32)


def seen(
    *objects: tuple[str, float],
    captions: Sequence[str] | None = None,
    feet: Sequence[tuple[float, float]] | None = None,
    encoder: bool = True,
) -> Seen:
    """A frame's objects.

    Args:
        objects: What each does, in a text of ``MEANINGS`` (nothing is known of an empty one), and its surprise.
        captions: Of each; nothing is said by default.
        feet: Where each stands; side by side by default.
        encoder: Whether there are clips.
    """
    count = len(objects)
    places = feet or [((index + 0.5) / max(count, 1), 0.5) for index in range(count)]
    boxes = np.array([(x - 0.02, y - 0.2, 0.04, 0.2) for x, y in places], np.float32).reshape(-1, 4)
    video = np.full((count, DIM if encoder else 0), np.nan, np.float32)
    for index, (text, _) in enumerate(objects):
        if text and encoder:
            video[index] = clip(text, index)
    said = list(captions or [""] * count)
    features = np.full((count, DIM), np.nan, np.float32)
    for index, text in enumerate(said):
        if text:
            features[index] = sentences([text])[0]
    return Seen(boxes, video, tuple(said), features, np.array([surprise for _, surprise in objects], np.float64))
