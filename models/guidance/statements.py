"""How surely two texts mean the same, and how surely a rule's text is true of what a caption says.

The first is a calibrated cosine. The second needs more: "people on foot" is no nearer to "a person walking" than to "a
person riding a bicycle", whatever the encoder. So a rule is compared with everything that can be said of objects: it
holds of one if it is nearer to something that is true of it than to anything that is not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from models.arrays import Float32, Index, Mask
from models.guidance.captions import Caption
from models.guidance.vocabulary import PERSON, wordings

SAME, SAME_SLOPE = 0.6, 12.0
"""Cosine at which two sentences are as likely to mean the same as not, and how fast that turns: see ``sameness``."""

TRUE, TRUE_SLOPE = 0.5, 24.0
"""The same for a rule and the nearest of all statements that are true of an object: see ``support``."""

GENERAL = 0.1
"""Taken from the cosine of a statement that is true of every person ("someone"): all that people do is said in such
words, and most of it no caption can say. Of 1,200 phrasings of actions that none can, 3.7 % held of some person
without it and 2.2 % with it, for 0.6 % of the phrasings of those that one can (all-MiniLM-L6-v2)."""

NEAR = 0.6
"""Cosine from which a phrase of the bank says much the same as a statement ("a person sprinting" as "a person
running"), and is then neither true nor false. Of the training phrasings of what captions can say, 87 % hold of the
right person with it and 1.5 % of a wrong one; 77 % and 1.0 % with 0.75 (teacher)."""

MARGIN = 0.1
"""How much nearer a rule must be to something true than to anything false to be wholly sure."""


def sameness(cosines: Float32) -> Float32:
    """How surely two sentences mean the same, from their cosine; in [0, 1], elementwise.

    A logistic curve fitted to pairs of the training phrases: two phrasings of one action (quantiles 5, 50 and 95 % of
    the cosine: 0.20, 0.52, 0.84 under the teacher, 0.21, 0.56, 0.87 under its text tower), and of two actions (-0.06,
    0.14, 0.39 and -0.04, 0.14, 0.41). With as many of each it turns at 0.31 and 0.33, with a slope of 12; of any two
    phrases about cameras one in thirty pairs means the same, which moves it to 0.6.
    """
    return _logistic(cosines, SAME, SAME_SLOPE)


def _logistic(cosines: Float32, middle: float, slope: float) -> Float32:
    return np.asarray(1.0 / (1.0 + np.exp(-slope * (cosines - middle))), np.float32)


@dataclass(frozen=True, slots=True)
class Statements:
    """All that can be said of the objects of a detector, and the phrases of a bank as what may be meant instead.

    Attributes:
        phrases: ``V`` texts.
        features: ``(V, D)`` float32 of unit length, in the space of sentences.
        general: ``(V,)`` bool, what is true of every person.
    """

    phrases: tuple[str, ...]
    features: Float32
    general: Mask
    _facts: dict[str, Index] = field(repr=False)
    _said: int = field(repr=False)
    _near: Mask = field(repr=False)

    @classmethod
    def of(cls, names: Iterable[str], bank: Sequence[str], embed: Callable[[Sequence[str]], Float32]) -> Statements:
        """Encode what can be said.

        Args:
            names: Classes of the detector.
            bank: Phrases of the bank.
            embed: Texts to ``(n, D)`` float32 of unit length.
        """
        facts = {fact: texts for name in names for fact, texts in wordings(name).items()}
        said = tuple(dict.fromkeys(text for texts in facts.values() for text in texts))
        where = {text: index for index, text in enumerate(said)}
        others = tuple(text for text in dict.fromkeys(bank) if text not in where)
        features = embed([*said, *others])
        general = np.array([text in wordings(PERSON)[PERSON] for text in (*said, *others)])
        near = features[: len(said)] @ features[len(said) :].T >= NEAR
        return cls(
            (*said, *others),
            features,
            general,
            {fact: np.array([where[text] for text in texts], np.intp) for fact, texts in facts.items()},
            len(said),
            near & ~general[: len(said), None],
        )

    def compare(self, texts: Float32) -> Float32:
        """``(V, R)`` cosines of all statements with ``(R, D)`` texts, less ``GENERAL`` for general statements."""
        return np.asarray(self.features @ texts.T - GENERAL * self.general[:, None], np.float32)

    def truth(self, caption: Caption) -> NDArray[np.int8]:
        """``(V,)``: 1 what is true of the object, -1 what is not, 0 what may be."""
        truth = np.full(len(self.phrases), -1, np.int8)
        for fact in caption.unknown:
            truth[self._facts.get(fact, np.zeros(0, np.intp))] = 0
        true = np.concatenate([self._facts[fact] for fact in caption.facts])
        truth[self._said :][self._near[true].any(axis=0)] = 0
        truth[true] = 1
        return truth


def support(truth: NDArray[np.integer], cosines: Float32) -> Float32:
    """How surely rules are true of an object: near to something true, and nearer than to anything false.

    The nearest true statement is at a cosine of 0.54, 0.77 (quantiles 5 and 50 %) from phrasings of what captions can
    say, and at 0.25, 0.46 (50 and 95 %) from 2,000 definitions of WordNet, each with the worst of twelve captions of
    people (teacher); the logistic curve between them turns at 0.5 with a slope of 24.

    Args:
        truth: ``(V,)`` of its caption.
        cosines: ``(V, R)`` of all statements with the rules' texts, from ``Statements.compare``.

    Returns:
        ``(R,)`` in [0, 1].
    """
    true, false = cosines[truth > 0].max(axis=0), cosines[truth < 0].max(axis=0)
    sure: Float32 = _logistic(true, TRUE, TRUE_SLOPE) * np.clip(0.5 + (true - false) / (2 * MARGIN), 0.0, 1.0)
    return sure
