"""Finding the moments of an enrolment that a person should see, and saying why they stand out."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from models.arrays import Float64, Mask
from models.heads.base import HeadScores
from service.engine.heads import LoadedHead
from service.profiles.moments import Moment, MomentKind
from service.profiles.profile import HeadProfile
from service.profiles.samples import Choice, Sample, Samples, Span, gaps, overlap, within

logger = logging.getLogger(__name__)

MAX_ODD, MAX_UNUSUAL = 20, 6
"""Moments kept of each kind, with their pictures 100 KB a stream. A head leaves out two episodes by each of its terms
at most; of what is normal, six pictures say where the threshold lies."""

JOINED_S = 1.0
"""Odd frames that are no further apart are one moment: a glance of a second is no end of what somebody does."""

UNUSUAL_FROM = 2.0
"""Of what is normal, what one frame in a hundred is: more common moments say nothing of what would be missed."""

APART_S = 10.0
"""Unusual moments are at least so far apart: six pictures of one walk say no more than one of them."""

AROUND = 0.8
"""A moment lasts while the surprise is above this share of its peak, as an alert does."""

PICTURE_WITHIN_S = 3.0
"""A picture that is further from a moment's peak is of something else."""


def find_moments(
    heads: Mapping[str, LoadedHead], profiles: Mapping[str, HeadProfile], samples: Samples, learned: Learned
) -> tuple[Moment, ...]:
    """The moments of an enrolment: odd ones in the order of time, then unusual ones, the most unusual first.

    Args:
        heads: By pack name.
        profiles: What they learned.
        samples: All of the enrolment, with what people said of it.
        learned: What became of its frames.
    """
    looking = _Looking(heads, profiles, samples)
    kept = samples.kept()
    odd = learned.left_out | looking.odd(kept, learned)
    said = list(samples.choices)
    found = [span for span in _spans(kept, odd) if not any(overlap(span, other) for other in said)]
    odd_moments = [looking.odd_moment(span, kept, odd) for span in [*said, *found]]
    stood_out = [moment.span for moment in odd_moments]
    unusual = looking.unusual(kept, learned.surprise, stood_out)
    most = sorted(odd_moments, key=lambda moment: (moment.choice is None, -_rank(moment)))[:MAX_ODD]
    return (*sorted(most, key=lambda moment: moment.span), *unusual)


@dataclass(frozen=True, slots=True)
class Learned:
    """What became of the ``N`` frames that an enrolment kept.

    Attributes:
        left_out: ``(N,)``, left out because a person said so.
        unsaid: By head, ``(N,)``: frames without a raw score, of an odd event or without anything to say.
        surprise: ``(N,)`` float64, final and held out; NaN where nothing is known.
    """

    left_out: Mask
    unsaid: Mapping[str, Mask]
    surprise: Float64


class _Looking:
    """Looks at frames again with what was learned."""

    def __init__(self, heads: Mapping[str, LoadedHead], profiles: Mapping[str, HeadProfile], samples: Samples) -> None:
        self._heads = heads
        self._profiles = profiles
        self._samples = samples
        self._pictured: dict[int, list[tuple[float, bytes]]] = {}
        for sample in samples.kept():
            if sample.picture is not None:
                self._pictured.setdefault(sample.recording, []).append((sample.pts, sample.picture))

    def odd(self, kept: Sequence[Sample], learned: Learned) -> Mask:
        """``(N,)``, frames that some head left out although it has something to say of them."""
        odd = np.zeros(len(kept), np.bool_)
        for name, unsaid in learned.unsaid.items():
            for index in np.flatnonzero(unsaid & ~odd).tolist():
                scores = self._score(name, kept[index])
                odd[index] = scores is not None and scores.informative
        return odd

    def odd_moment(self, span: Span, kept: Sequence[Sample], odd: Mask) -> Moment:
        """What is to be said of a stretch that stands out, or of which a person said something."""
        choice = self._samples.choices.get(span)
        inside = np.flatnonzero(within(kept, span)).tolist()
        surprises = [self._surprise(kept[index]) for index in inside]
        known = [value for value in surprises if not math.isnan(value)]
        surprise = max(known, default=math.nan)
        peak = kept[inside[surprises.index(surprise)]] if known else None
        return self._moment(span, MomentKind.ODD, not inside or bool(odd[inside].mean() >= 0.5), choice, peak, surprise)

    def unusual(self, kept: Sequence[Sample], surprise: Float64, taken: Sequence[Span]) -> list[Moment]:
        """The most unusual moments of what was learned, apart from each other and from those that are shown anyway."""
        left = np.where(np.isnan(surprise), -np.inf, surprise)
        starts = gaps(kept) if kept else np.zeros(0, np.bool_)
        for span in taken:
            left[within(kept, span)] = -np.inf
        moments: list[Moment] = []
        while len(moments) < MAX_UNUSUAL and len(left) and left.max() >= UNUSUAL_FROM:
            at = int(left.argmax())
            span = _around(kept, surprise, starts, at)
            moments.append(self._moment(span, MomentKind.UNUSUAL, False, None, kept[at], float(surprise[at])))
            left[within(kept, Span(span.recording, span.begin - APART_S, span.end + APART_S))] = -np.inf
        return moments

    def _moment(
        self,
        span: Span,
        kind: MomentKind,
        left_out: bool,
        choice: Choice | None,
        peak: Sample | None,
        surprise: float,
    ) -> Moment:
        recording = self._samples.name_of(span.recording)
        pts = (span.begin + span.end) / 2 if peak is None else peak.pts
        return Moment(
            span=span,
            kind=kind,
            left_out=left_out,
            choice=choice,
            recording=recording,
            at=math.nan if recording or peak is None else peak.at,
            peak=pts,
            surprise=surprise,
            why="" if peak is None else self._why(peak),
            picture=self._picture(span, pts),
        )

    def _surprise(self, sample: Sample) -> float:
        """What the heads say of a frame, before smoothing; NaN if none says anything."""
        said = {name: self._score(name, sample) for name in self._heads}
        return max(
            (
                float(self._profiles[name].calibration.surprise(scores.frame))
                for name, scores in said.items()
                if scores is not None and scores.informative
            ),
            default=math.nan,
        )

    def _why(self, sample: Sample) -> str:
        """The sentence of the term by which a frame stands out most, of the head that finds it most unusual."""
        best, sentence = 0.0, ""
        for name, loaded in self._heads.items():
            scores = self._score(name, sample)
            if scores is None or not scores.informative:
                continue
            surprise = float(self._profiles[name].calibration.surprise(scores.frame))
            term = _leading(scores)
            if term in loaded.head.terms and surprise > best:
                best, sentence = surprise, loaded.head.terms[term].sentence
        return sentence

    def _score(self, name: str, sample: Sample) -> HeadScores | None:
        try:
            return self._heads[name].head.score(sample.features[name], self._profiles[name].arrays)
        except Exception:  # a head of another distribution must not cost people what was learned
            logger.exception("head %s does not score what it was fitted to", name)
            return None

    def _picture(self, span: Span, pts: float) -> bytes:
        """The picture nearest to a moment's peak, of the moment itself if there is one."""
        near = [one for one in self._pictured.get(span.recording, []) if abs(one[0] - pts) <= PICTURE_WITHIN_S]
        of_it = [one for one in near if span.begin <= one[0] <= span.end]
        return min(of_it or near, key=lambda one: abs(one[0] - pts), default=(0.0, b""))[1]


def _leading(scores: HeadScores) -> str:
    """The term with the most evidence, of objects and regions; empty if none has any."""
    best, leading = 0.0, ""
    for terms in (scores.terms, scores.region_terms):
        for name, evidence in terms.items():
            most = float(np.nan_to_num(np.asarray(evidence, np.float64), nan=0.0).max(initial=0.0))
            if most > best:
                best, leading = most, name
    return leading


def _spans(kept: Sequence[Sample], odd: Mask) -> Iterator[Span]:
    """The stretches that odd frames make."""
    first = last = None
    for index in np.flatnonzero(odd).tolist():
        sample = kept[index]
        if first is not None and last is not None:
            if sample.recording == last.recording and 0 <= sample.pts - last.pts <= JOINED_S:
                last = sample
                continue
            yield Span(first.recording, first.pts, last.pts)
        first = last = sample
    if first is not None and last is not None:
        yield Span(first.recording, first.pts, last.pts)


def _around(kept: Sequence[Sample], surprise: Float64, starts: Mask, at: int) -> Span:
    """The stretch around a peak in which the surprise stays near it."""
    least = AROUND * surprise[at]
    first = last = at
    while not starts[first] and surprise[first - 1] >= least:
        first -= 1
    while last + 1 < len(kept) and not starts[last + 1] and surprise[last + 1] >= least:
        last += 1
    return Span(kept[at].recording, kept[first].pts, kept[last].pts)


def _rank(moment: Moment) -> float:
    return -1.0 if math.isnan(moment.surprise) else moment.surprise
