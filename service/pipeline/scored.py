"""What the pipeline says of one frame."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from models.arrays import Float32, Float64, Index, Mask
from models.guidance.captions import SOMETHING, Caption
from models.guidance.feedback import FeedbackMatch
from models.guidance.rules import Match
from models.heads.base import Likeness
from models.observation import UNTRACKED, Objects
from service.frames import PreparedFrame
from service.pipeline.culprit import Blame

REGION = "motion"
"""Label of a moving region, which no detector named."""

FULL_SCALE = 6.0
"""Surprise shown as score 1: one normal frame in a million, a day at 10 frames a second."""


@dataclass(frozen=True, slots=True)
class ScoredObjects:
    """The ``K`` objects and moving regions of one frame: objects first, in their order, then the regions.

    Attributes:
        boxes: ``(K, 4)`` float32, x, y (top left), width and height as fractions of the picture.
        labels: ``K`` class names, ``REGION`` for a region.
        track_ids: ``(K,)`` int64, ``UNTRACKED`` where no confirmed track holds it.
        regions: ``(K,)`` bool, which are moving regions that hold no object; the most unusual first among them.
        surprise: ``(K,)`` float64, text rules applied; NaN where nothing is said.
        unguided: ``(K,)`` float64, as if there were no text rules and nothing was taught.
        terms: By name, ``(K,)`` float32, how far from normal; NaN where it says nothing.
        measures: By name of terms that say how far, ``(K,)`` float32, as people understand it; NaN where none is known.
        leading: ``K``, the pack whose head finds each most unusual, None for none; empty where nothing is known.
        captions: ``K``, what is known of each in words; None while not enrolled.
        matches: ``K``, the text rules that each matched.
        feedback: ``K``, the false alarm that each is like; None for none.
        embeddings: ``(K, D)`` float32, of their clips, NaN rows where there is none; None without an encoder.
        likeness: What each resembles, where a head or the encoder knows words; of ``K`` rows.
        postures: ``(K, 6)`` float32 confidences of ``models.posture.POSTURES``, NaN where nobody can tell; None while
            not enrolled.
    """

    boxes: Float32
    labels: tuple[str, ...]
    track_ids: Index
    regions: Mask
    surprise: Float64
    unguided: Float64
    terms: Mapping[str, Float32] = field(default_factory=dict)
    measures: Mapping[str, Float32] = field(default_factory=dict)
    leading: tuple[str | None, ...] = ()
    captions: tuple[Caption | None, ...] = ()
    matches: tuple[tuple[Match, ...], ...] = ()
    feedback: tuple[FeedbackMatch | None, ...] = ()
    embeddings: Float32 | None = None
    likeness: Likeness | None = None
    postures: Float32 | None = None

    def __len__(self) -> int:
        return len(self.boxes)

    def __getitem__(self, keep: Mask | Index | slice) -> ScoredObjects:
        """The chosen rows, by mask, indices or slice."""
        rows = np.arange(len(self))[keep].tolist()
        return ScoredObjects(
            self.boxes[keep],
            tuple(self.labels[row] for row in rows),
            self.track_ids[keep],
            self.regions[keep],
            self.surprise[keep],
            self.unguided[keep],
            {name: values[keep] for name, values in self.terms.items()},
            {name: values[keep] for name, values in self.measures.items()},
            tuple(self.leading[row] for row in rows) if self.leading else (),
            tuple(self.captions[row] for row in rows),
            tuple(self.matches[row] for row in rows),
            tuple(self.feedback[row] for row in rows),
            None if self.embeddings is None else self.embeddings[keep],
            None if self.likeness is None else self.likeness[keep],
            None if self.postures is None else self.postures[keep],
        )

    def with_region(self, box: Float32, surprise: float) -> ScoredObjects:
        """With a moving region behind them, of which only is known how unusual it is.

        Args:
            box: ``(4,)``.
            surprise: Of it.
        """
        return ScoredObjects(
            np.concatenate([self.boxes, box[None]]),
            (*self.labels, REGION),
            np.append(self.track_ids, UNTRACKED),
            np.append(self.regions, True),
            np.append(self.surprise, surprise),
            np.append(self.unguided, surprise),
            {name: np.append(values, np.float32(np.nan)) for name, values in self.terms.items()},
            {name: np.append(values, np.float32(np.nan)) for name, values in self.measures.items()},
            (*self.leading, None) if self.leading else (),
            (*self.captions, SOMETHING),
            (*self.matches, ()),
            (*self.feedback, None),
            None if self.embeddings is None else with_nothing(self.embeddings, 1),
            None if self.likeness is None else self.likeness.extended(1),
            None if self.postures is None else with_nothing(self.postures, 1),
        )

    @classmethod
    def unscored(cls, objects: Objects, embeddings: Float32 | None) -> ScoredObjects:
        """The objects of a frame whose stream is not enrolled: nothing is said of them."""
        count = len(objects)
        nothing = np.full(count, np.nan)
        return cls(
            objects.boxes,
            labels_of(objects),
            objects.track_ids,
            np.zeros(count, np.bool_),
            nothing,
            nothing,
            captions=(None,) * count,
            matches=((),) * count,
            feedback=(None,) * count,
            embeddings=embeddings,
        )


@dataclass(frozen=True, slots=True)
class Legend:
    """What the stages know once, and every frame is read with.

    Attributes:
        recognised: Whether the detector knows what its objects are.
        sentences: For each term, what alerts say of an object that stands out by it.
        say: For terms that can say how far, what does, of their measures.
        packs: For each term, the pack that it is of.
        resembles_from: Cosine from which on an object resembles a phrase, measured on real footage; infinite where
            nothing was measured, or no such bar is good.
        encoder: Hash of the pack that the embeddings are of; None without one.
    """

    recognised: bool = True
    sentences: Mapping[str, str] = field(default_factory=dict)
    say: Mapping[str, Callable[[float], str]] = field(default_factory=dict)
    packs: Mapping[str, str] = field(default_factory=dict)
    resembles_from: float = math.inf
    encoder: str | None = None


@dataclass(frozen=True, slots=True)
class ScoredFrame:
    """One frame of one stream after the last stage.

    Attributes:
        source: The frame and its clocks.
        objects: Its objects and moving regions.
        legend: What they are read with.
        surprise: Fused, guided, causally smoothed, calibrated: -log10(p) of p, the share of normal frames that look
            at least this unusual. Unclipped; ranking and thresholds use it. None while not enrolled.
        unguided: The same as if there were no text rules and nothing was taught.
        unsmoothed: ``surprise`` before smoothing and the last calibration; None also for a frame of which nothing
            can be said.
        threshold: Surprise at which an alert opens, None while not enrolled.
        blame: Which of ``objects`` made ``surprise``.
        heads: Each head's own surprise, unguided.
        heat: ``(h, w)`` float32 in [0, 1] over the picture, how much of the surprise comes from where; None where the
            head that makes it does not tell.
        covers: First and last presentation time, in seconds, of the frames that the surprise speaks of; None for this
            frame alone.
    """

    source: PreparedFrame
    objects: ScoredObjects
    legend: Legend = Legend()
    surprise: float | None = None
    unguided: float | None = None
    unsmoothed: float | None = None
    threshold: float | None = None
    blame: Blame = field(default_factory=Blame.none)
    heads: Mapping[str, float] = field(default_factory=dict)
    heat: Float32 | None = None
    covers: tuple[float, float] | None = None

    @property
    def believable(self) -> bool:
        """Whether it can be part of an incident: what stands out is no hole of what the background began with.

        A detector that knows what its objects are finds none in a hole.
        """
        return self.legend.recognised or not self.source.ghostly

    @property
    def score(self) -> float | None:
        """``surprise`` for display, in [0, 1]."""
        return None if self.surprise is None else display(self.surprise)


def labels_of(objects: Objects, regions: int = 0) -> tuple[str, ...]:
    """What to call objects, and moving regions behind them."""
    return (*map(objects.label, range(len(objects))), *(REGION,) * regions)


def tracks_of(objects: Objects, regions: int = 0) -> Index:
    """Track ids of objects, and of moving regions behind them, which have none."""
    return np.append(objects.track_ids, np.full(regions, UNTRACKED, np.int64))


def with_nothing(values: Float32, count: int) -> Float32:
    """``(N + count, D)``: what is known of objects, with NaN rows behind for moving regions."""
    return np.concatenate([values, np.full((count, values.shape[1]), np.nan, np.float32)])


def display(surprise: float) -> float:
    """A surprise as a score in [0, 1]; clipped for display only."""
    return min(1.0, max(0.0, surprise / FULL_SCALE))
