"""How surely rules are true of what captions say, remembered: a stream repeats its captions."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache, partial

import numpy as np

from models.arrays import Float32, Index
from models.guidance.captions import Caption
from models.guidance.statements import Statements, support
from models.guidance.text_reader import Reading

MAX_CAPTIONS = 4096
"""Remembered with their support, the last ones that were asked for; at 50 rules 2 MB."""


class CaptionSupport:
    """How surely each of ``R`` rules is true of an object, by its caption.

    The one owner of what is remembered. Thread-safe, as ``functools.lru_cache`` is: two threads that ask for a new
    caption at once both compute it, to the same values, which nobody may write to.
    """

    def __init__(self, statements: Statements, readings: Sequence[Reading]) -> None:
        """Compare the rules with everything that can be said.

        Args:
            statements: What captions say, with features in the space of the readings' sentences.
            readings: Of ``R`` rules, at least one.
        """
        cosines = statements.compare(np.concatenate([reading.sentences for reading in readings]))
        self._rules = len(readings)
        self._remembered = lru_cache(MAX_CAPTIONS)(partial(_support, statements, cosines, first_clauses(readings)))

    def __call__(self, captions: Sequence[Caption | None]) -> Float32:
        """``(N, R)`` float32 in [0, 1], of ``N`` captions, at least one; 0 where nothing is said."""
        return self._of(captions, 0)

    def firm(self, captions: Sequence[Caption | None]) -> Float32:
        """The same without what the captions only guess."""
        return self._of(captions, 1)

    def _of(self, captions: Sequence[Caption | None], way: int) -> Float32:
        nothing = np.zeros(self._rules, np.float32)
        return np.stack([nothing if caption is None else self._remembered(caption)[way] for caption in captions])


def first_clauses(readings: Sequence[Reading]) -> Index:
    """``(R,)``, where the clauses of each rule begin among those of all."""
    return np.cumsum([0, *(len(reading.sentences) for reading in readings[:-1])])


def best_clauses(values: Float32, first: Index) -> Float32:
    """``(N, R)``: of ``(N, C)``, the best of each rule's clauses, which begin at ``first``."""
    return np.asarray(np.maximum.reduceat(values, first, axis=1), np.float32)


def _support(statements: Statements, cosines: Float32, first: Index, caption: Caption) -> Float32:
    """``(2, R)``: with the caption's guesses, and without."""
    ways = [caption, caption.firm()] if caption.guesses else [caption]
    values = np.stack([support(statements.truth(way), cosines) for way in ways])
    found = np.broadcast_to(best_clauses(values, first), (2, len(first)))
    found.setflags(write=False)
    return found
