"""Rules by equation 10 of Gao, Yang and Huang, Scene-adaptive SVAD (section 3.5), for comparison.

With ``c`` the cosine of an object's embedding and the rule's text, ``s`` the object's surprise, and S_min and S_max
the least and the greatest surprise of the stream's objects lately, a rule matches where ``c > THRESHOLD``, and

    s' = s - GAMMA * S_max * (c - THRESHOLD)    if it says normal,
    s' = s + THETA * S_min * (c - THRESHOLD)    if it says anomaly.

Captions are not looked at, nor what is usual.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from models.arrays import Float32, Float64, Index
from models.guidance.caption_support import best_clauses, first_clauses
from models.guidance.effect import Effect
from models.guidance.matcher import Similarities
from models.guidance.rules import Seen, present
from models.guidance.text_reader import Reading

THRESHOLD, THETA, GAMMA = 0.3, 5.0, 5.0
"""The paper gives none of them. In the built-in space clips have a cosine of 0.55 (median) with a wording of what they
show, and 95 % of them below 0.22 with one of anything else; 5 then takes away a whole S_max."""


@dataclass(frozen=True, slots=True)
class Equation10:
    """``R`` rules under equation 10. A ``models.guidance.matcher.Matcher``.

    Attributes:
        texts: ``(D, C)`` float32, all clauses of the rules in the space of clips; None without an encoder, and then
            nothing matches.
        first: ``(R,)``, where the clauses of each rule begin.
        span: S_min and S_max.
    """

    texts: Float32 | None
    first: Index
    span: tuple[float, float] = (0.0, 0.0)

    @classmethod
    def of(cls, readings: Sequence[Reading]) -> Equation10:
        """Compile rules, at least one."""
        texts = [reading.texts for reading in readings if reading.texts is not None]
        whole = np.concatenate(texts).T if len(texts) == len(readings) else None
        return cls(whole, first_clauses(readings))

    def match(self, seen: Seen) -> Similarities:
        """The bare cosine, clipped to [0, 1]; a rule acts in full above ``THRESHOLD``, and not at all below."""
        similarity = self._cosines(seen)
        yes, no = np.ones(similarity.shape, np.bool_), np.zeros(similarity.shape, np.bool_)
        return Similarities(similarity, yes, (similarity > THRESHOLD).astype(np.float32), no)

    def effect(self, weights: Float32, similarity: Float32, surprise: Float64) -> Effect:
        """The equation's fall as a share of the surprise, and what its rise leads to, each by the rule's weight."""
        before = surprise[:, None]
        lowest, highest = self.span
        excess = similarity - THRESHOLD
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            fall = np.where(before > 0, GAMMA * highest * excess / before, 0.0)
        return Effect(weights * np.clip(fall, 0.0, 1.0), before + weights * THETA * lowest * excess)

    def tuned(self, embeddings: Float32, surprise: Float64) -> Equation10:
        """With S_min and S_max of these surprises; 0 where there are none."""
        return replace(self, span=(float(surprise.min()), float(surprise.max())) if len(surprise) else (0.0, 0.0))

    def _cosines(self, seen: Seen) -> Float32:
        """``(N, R)``, of each clip with the nearest clause of each rule; 0 where there is none."""
        there = present(seen.embeddings)
        if self.texts is None or not there.any():
            return np.zeros((len(seen), len(self.first)), np.float32)
        cosines = np.clip(np.nan_to_num(seen.embeddings) @ self.texts, 0.0, 1.0)
        return np.asarray(best_clauses(cosines, self.first) * there[:, None], np.float32)
