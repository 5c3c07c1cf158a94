"""What the pipeline says of one frame."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from models.guidance.captions import Caption
from models.guidance.feedback import FeedbackMatch
from models.guidance.rules import Match
from models.heads.base import Likeness
from models.observation import Objects
from service.frames import PreparedFrame


@dataclass(frozen=True, slots=True)
class ScoredFrame:
    """One frame of one stream after the last stage, with ``N`` objects and ``M`` moving regions that hold none.

    What is said of objects and regions together has ``N + M`` rows, the objects first, in their order.

    Attributes:
        source: The frame and its clocks.
        objects: What was detected and tracked.
        recognised: Whether the detector knows what its objects are.
        surprise: Fused, guided, causally smoothed, calibrated: -log10(p) of p, the share of normal frames that look
            at least this unusual. Unclipped; ranking and thresholds use it. None while not enrolled.
        unguided: The same as if there were no text rules and nothing was taught.
        unsmoothed: ``surprise`` before smoothing and the last calibration; None also for a frame of which nothing
            can be said.
        threshold: Surprise at which an alert opens, None while not enrolled.
        heads: Each head's own surprise, unguided.
        regions: ``(M, 4)`` float32, boxes (x, y, w, h in 0..1), the most unusual first.
        surprises: ``(N + M,)`` float64, guided; NaN where nothing is said.
        unguided_surprises: ``(N + M,)`` float64.
        terms: By name, ``(N + M,)`` float32, how far from normal; NaN where it says nothing.
        sentences: For each term, what alerts say of an object that stands out by it.
        likeness: What the ``N`` objects resemble, where a head or the encoder knows words.
        resembles_from: Cosine from which on an object resembles a phrase; below, that is only the nearest of all.
        captions: ``N + M``, what is known of each in words; empty while not enrolled.
        matches: ``N + M``, the text rules that each matched; empty where the stream has none.
        taught: ``N + M``, the false alarm that each is like; empty where nothing was taught.
        video: ``(N, D)`` float32, their clip features, NaN rows where there is none; None without an encoder.
        encoder: Hash of the encoder's pack.
    """

    source: PreparedFrame
    objects: Objects
    recognised: bool = True
    surprise: float | None = None
    unguided: float | None = None
    unsmoothed: float | None = None
    threshold: float | None = None
    heads: Mapping[str, float] = field(default_factory=dict)
    regions: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 4), np.float32))
    surprises: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    unguided_surprises: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    terms: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    sentences: Mapping[str, str] = field(default_factory=dict)
    likeness: Likeness | None = None
    resembles_from: float = -1.0
    captions: tuple[Caption, ...] = ()
    matches: tuple[tuple[Match, ...], ...] = ()
    taught: tuple[FeedbackMatch | None, ...] = ()
    video: NDArray[np.float32] | None = None
    encoder: str | None = None

    @property
    def score(self) -> float | None:
        """``surprise`` for display, in [0, 1]."""
        return None if self.surprise is None else display(self.surprise)

    @property
    def boxes(self) -> NDArray[np.float32]:
        """``(N + M, 4)`` of objects, then regions."""
        return np.concatenate([self.objects.boxes, self.regions])

    def box(self, index: int) -> tuple[float, float, float, float]:
        """x, y, width and height of an object (or region) of the ``N + M``."""
        count = len(self.objects)
        x, y, width, height = (self.objects.boxes[index] if index < count else self.regions[index - count]).tolist()
        return x, y, width, height

    def label(self, index: int) -> str:
        """What to call an object (or region) of the ``N + M``."""
        return self.objects.label(index) if index < len(self.objects) else REGION


REGION = "motion"
"""Label of a moving region, which no detector named."""

FULL_SCALE = 6.0
"""Surprise shown as score 1: one normal frame in a million, a day at 10 frames a second."""


def display(surprise: float) -> float:
    """A surprise as a score in [0, 1]; clipped for display only."""
    return min(1.0, max(0.0, surprise / FULL_SCALE))
