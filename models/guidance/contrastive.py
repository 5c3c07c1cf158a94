"""Rules matched by contrast: the default method.

The bare cosine of a clip and a text is badly calibrated and differs from scene to scene, so it is never looked at.
Three things are asked instead:

* Which phrases of the encoder's bank mean the same as the rule? That is text against text, which is reliable
  (``Reading.weights``); a text that means none of them moves nothing.
* How much nearer is the object's clip to those phrases than to all others (``Contrast``), and is that more than is
  usual for the objects of this stream (``Baseline``)?
* Is the rule true of what is said of the object, its caption (``models.guidance.statements``)?
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from models.arrays import Float32, Float64, Floating, Index, Mask
from models.guidance.caption_support import CaptionSupport
from models.guidance.effect import LIFT, Effect
from models.guidance.embedded_bank import EmbeddedBank
from models.guidance.matcher import Similarities
from models.guidance.rules import Seen, present
from models.guidance.statements import Statements
from models.guidance.text_reader import Reading

MATCH_FROM, MATCH_FULL = 0.5, 0.8
"""Similarities at which a rule begins to act and at which it acts in full; linear between. What is less likely
than not stays as it is: from 0.35 to 0.65, somebody who lay was relieved of a quarter as a cyclist. Chosen on scenes
that nothing is tested on, where 95 % of the frames with somebody who sweeps alert under an anomaly rule, and 2 % of
the others (docs/decisions/0009-guidance.md)."""

_MIN_BASELINE = 32  # clips; fewer say nothing of what is usual
_MIN_SPREAD = 0.5  # logits; a stream of one walker would else make a walker's every gesture exceptional
_WEIGHT = 0.5  # logits per deviation
_EXPECTED, _BOUND = 2.0, 3.0  # deviations at which a match lies, and how many more count; of fewer, all down to none
_EPSILON = 1e-4
_SAME, _OTHER = 0.5, 0.1  # how far a phrase must and may mean the same as a rule, to speak for it and against it
_BEST = 12  # phrases that a clip is nearest to


@dataclass(frozen=True, slots=True)
class Contrast:
    """For each of ``R`` rules, the phrases that mean the same and those that mean something else.

    A clip's evidence for a rule is the posterior of the best phrase of the first against the best of the second.
    Sums over each were tried and are worse: of a softmax over 438 phrases, a clip's own meaning holds from 0.1 to 0.7
    of the mass, as the temperature is and as many phrases happen to be near, and no one threshold fits: 46 % of 683
    wordings that training uses matched simulated clips of what they name, with the best against the best 80 %. With
    the built-in encoder, on 480 clips of its training worlds, 81 % do, and of other actions' clips 4 % match as well,
    most of them of actions that share a phrase (a person bending down, picking something up).

    Attributes:
        same: ``(R, S)`` intp, indices of the first kind, filled up with repetitions.
        other: ``(R, K)`` bool, which are of the second kind.
        sure: ``(R,)`` float32, how surely the text means anything of the bank; 0 of a rule without ``same``.
    """

    same: Index
    other: Mask
    sure: Float32

    @classmethod
    def of(cls, weights: Float32, trained: Mask | None = None) -> Contrast:
        """From ``(R, K)``, how far each phrase means the same as each rule. What is between belongs to neither.

        Args:
            weights: Of the rules.
            trained: ``(K,)``, the phrases that clips can speak for; None is all.
        """
        others = weights < _OTHER
        if trained is not None:
            weights = np.where(trained, weights, np.float32(0.0))
        most = max(1, int((weights >= _SAME).sum(axis=1).max(initial=0)))
        same = np.argsort(-weights, axis=1, kind="stable")[:, :most]
        taken = np.take_along_axis(weights, same, axis=1) >= _SAME
        same = np.where(taken, same, same[:, :1])
        return cls(same, others, np.where(taken[:, 0], weights.max(axis=1), 0.0).astype(np.float32))

    def evidence(self, cosines: Float32, temperature: float) -> Float32:
        """``(N, R)`` float32 in [0, 1], of ``(N, K)`` cosines."""
        best = cosines[:, self.same].max(axis=2)
        # The best other phrase is almost always among a clip's few best ones.
        few = min(_BEST, cosines.shape[1])
        top = np.argpartition(-cosines, few - 1, axis=1)[:, :few]
        values = np.take_along_axis(cosines, top, axis=1)
        counts = self.other.T[top]
        rival = np.where(counts, values[:, :, None], np.float32(-np.inf)).max(axis=1)
        rival = np.where(np.isneginf(rival), values.min(axis=1, keepdims=True), rival)
        return np.asarray(self.sure * _sigmoid((best - rival) / temperature), np.float32)


@dataclass(frozen=True, slots=True)
class Baseline:
    """How strongly the stream's own recent objects resemble each of ``R`` rules, in logits.

    Attributes:
        median: ``(R,)`` float32.
        spread: ``(R,)`` float32, the standard deviation estimated from the median absolute one.
    """

    median: Float32
    spread: Float32

    @classmethod
    def of(cls, evidence: Float32) -> Baseline:
        """From ``(M, R)`` evidence of ``M`` recent objects."""
        logits = _logit(evidence)
        median = np.median(logits, axis=0)
        spread = 1.4826 * np.median(np.abs(logits - median), axis=0)
        return cls(median, np.maximum(spread, np.float32(_MIN_SPREAD)))

    def adjust(self, evidence: Float32) -> Float32:
        """``(N, R)`` evidence, raised where it is exceptional for this stream and lowered where it is usual.

        A match is expected to lie two deviations above the rest; each deviation more or less moves the logit by 0.5,
        at most by 1.5 up and by 1 down: evidence above 0.83 still acts in full where everybody matches.
        """
        logits = _logit(evidence)
        deviations = (logits - self.median) / self.spread - _EXPECTED
        return _sigmoid(logits + _WEIGHT * np.clip(deviations, -_EXPECTED, _BOUND))


@dataclass(frozen=True, slots=True)
class Contrastive:
    """``R`` rules matched by contrast. A ``models.guidance.matcher.Matcher``.

    Attributes:
        contrast: Of the rules.
        captions: How surely they are true of captions; None leaves clips as the only evidence.
        bank: Of the stream's encoder; None leaves captions as the only evidence.
        baseline: What its objects are like, once enough were seen.
    """

    contrast: Contrast
    captions: CaptionSupport | None = None
    bank: EmbeddedBank | None = None
    baseline: Baseline | None = None

    @classmethod
    def of(cls, readings: Sequence[Reading], statements: Statements | None, bank: EmbeddedBank | None) -> Contrastive:
        """Compile rules; arguments as for ``Guide.compile``, with at least one reading."""
        weights = np.stack([reading.weights for reading in readings])
        contrast = Contrast.of(weights, None if bank is None else bank.trained)
        return cls(contrast, None if statements is None else CaptionSupport(statements, readings), bank)

    def match(self, seen: Seen) -> Similarities:
        """The better of what the clip and the caption say; from ``MATCH_FROM`` on a rule acts."""
        similarity = image = self._image(seen)
        firm = image
        if self.captions is not None:
            similarity = np.maximum(image, self.captions(seen.captions))
            firm = self.captions.firm(seen.captions)
        gate = np.clip((similarity - MATCH_FROM) / (MATCH_FULL - MATCH_FROM), 0.0, 1.0)
        by_image = image >= similarity
        return Similarities(similarity, by_image, gate, ~by_image & (firm < MATCH_FROM))

    def effect(self, weights: Float32, similarity: Float32, surprise: Float64) -> Effect:
        """Relief and lift in proportion to the weight; the similarity has its say in that, and surprise has none."""
        return Effect(weights, LIFT * weights)

    def tuned(self, embeddings: Float32, surprise: Float64) -> Contrastive:
        """Against what clips of recent objects are like, where there are at least 32; else nothing is usual."""
        if self.bank is None or len(embeddings) < _MIN_BASELINE:
            return replace(self, baseline=None)
        evidence = self.contrast.evidence(self.bank.cosines(embeddings), self.bank.temperature)
        return replace(self, baseline=Baseline.of(evidence))

    def _image(self, seen: Seen) -> Float32:
        """``(N, R)`` calibrated evidence of the clips; 0 where there is none."""
        there = present(seen.embeddings)
        if self.bank is None or not there.any():
            return np.zeros((len(seen), len(self.contrast.sure)), np.float32)
        cosines = self.bank.cosines(seen.embeddings) if seen.cosines is None else seen.cosines
        evidence = self.contrast.evidence(cosines, self.bank.temperature)
        if self.baseline is not None:
            evidence = np.where(evidence > 0, self.baseline.adjust(evidence), 0.0)
        return np.asarray(evidence * there[:, None], np.float32)


def _logit(share: Floating) -> Float32:
    return np.asarray(np.log(share + _EPSILON) - np.log(1.0 + _EPSILON - share), np.float32)


def _sigmoid(logits: Floating) -> Float32:
    return np.asarray(1.0 / (1.0 + np.exp(-logits)), np.float32)
