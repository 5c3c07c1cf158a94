"""The terms of the heads that run together, by names that tell them apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from models.guidance.vocabulary import Unusual
from models.heads.base import Term

TermKey = tuple[str, str]
"""Names of a head's pack and of one of its terms."""


class Terms:
    """All that the heads of a stream may find unusual.

    Attributes:
        names: What messages call each: its own name, with its pack's before it (``attributes/speed``) where another
            pack has one of that name too.
        sentences: By these names, what alerts say of an object that stands out by it.
        say: By those that can say how far, what does.
        packs: By these names, the pack that each is of.
    """

    def __init__(self, declared: Mapping[str, Mapping[str, Term]]) -> None:
        """Name them all.

        Args:
            declared: The terms of each head, by its pack's name.
        """
        self._terms = {(pack, name): term for pack, terms in declared.items() for name, term in terms.items()}
        packs = Counter(name for _, name in self._terms)
        self.names: Mapping[TermKey, str] = {
            (pack, name): name if packs[name] == 1 else f"{pack}/{name}" for pack, name in self._terms
        }
        self.sentences: Mapping[str, str] = {self.names[key]: term.sentence for key, term in self._terms.items()}
        self.say: Mapping[str, Callable[[float], str]] = {
            self.names[key]: term.say for key, term in self._terms.items() if term.say is not None
        }
        self.packs: Mapping[str, str] = {self.names[key]: key[0] for key in self._terms}

    def facts(self, evidence: Mapping[TermKey, NDArray[np.float32]], count: int) -> list[tuple[Unusual, ...]]:
        """What is true of each of the first ``count`` objects by the evidence of their terms, ``(N,)`` each."""
        telling = [
            (term.fact, evidence[key] >= term.threshold)
            for key, term in self._terms.items()
            if term.fact is not None and key in evidence
        ]
        return [tuple(dict.fromkeys(fact for fact, holds in telling if holds[index])) for index in range(count)]
