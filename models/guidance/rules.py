"""What a rule in words is, and what it sees: the objects of a frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from models.arrays import Float32, Float64, Mask
from models.guidance.captions import Caption
from models.guidance.polygon import Polygon

Verdict = Literal["normal", "anomaly"]
Method = Literal["contrastive", "equation10"]
Evidence = Literal["image", "caption", "posture"]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    Attributes:
        id: Of the rule.
        text: As it was typed.
        verdict: What a matching object is said to be.
        strength: How far a match moves a score, in [0, 1].
        polygon: Corners of the zone that it is for, as fractions of the picture; None is everywhere.
        method: How it is matched.
        scheduled: Whether it is for some hours only.
        edited_at: When what it says or does was last changed, Unix seconds.
    """

    id: str
    text: str
    verdict: Verdict
    strength: float = 1.0
    polygon: Polygon | None = None
    method: Method = "contrastive"
    scheduled: bool = False
    edited_at: float = 0.0

    @property
    def precedence(self) -> tuple[bool, bool, float, bool, str]:
        """Of rules that contradict each other, that with the greatest counts.

        The more specific one first: one for a zone before one for everywhere, one for some hours before one for
        always. Then the newer before the older, and an anomaly before what is normal, for a missed alert is worse.
        """
        return self.polygon is not None, self.scheduled, self.edited_at, self.verdict == "anomaly", self.id


@dataclass(frozen=True, slots=True)
class Seen:
    """The ``N`` objects of a frame (or of many frames) as rules see them.

    Attributes:
        boxes: ``(N, 4)`` float32, x, y, w, h as fractions of the picture.
        embeddings: ``(N, D)`` float32, embeddings of unit length; NaN rows where there is none.
        captions: What is said of each; None where nothing is.
        surprise: ``(N,)`` float64, -log10(p), at least 0; NaN where nothing is known, which counts as 0.
        cosines: ``(N, K)`` float32, ``EmbeddedBank.cosines`` of ``embeddings`` where they are known already; else None.
    """

    boxes: Float32
    embeddings: Float32
    captions: tuple[Caption | None, ...]
    surprise: Float64
    cosines: Float32 | None = None

    def __len__(self) -> int:
        return len(self.boxes)


@dataclass(frozen=True, slots=True)
class Match:
    """A rule that matched an object.

    Attributes:
        rule_id: Whose.
        text: The rule's.
        verdict: The rule's.
        similarity: In [0, 1], calibrated; under equation 10 the cosine, clipped.
        evidence: What matched: the object's clip, its caption, or what that guesses of a posture.
    """

    rule_id: str
    text: str
    verdict: Verdict
    similarity: float
    evidence: Evidence


def present(embeddings: Float32) -> Mask:
    """``(N,)``, which of ``(N, D)`` embeddings there are: others are NaN, or D is 0."""
    return np.asarray(~np.isnan(embeddings[:, :1]).any(axis=1) & (embeddings.shape[1] > 0), np.bool_)
