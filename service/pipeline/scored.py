"""What the pipeline says of one frame."""

from __future__ import annotations

from dataclasses import dataclass, field

from models.observation import Objects
from service.contracts.score import ScoredObject
from service.contracts.stream import StreamState
from service.ingest.frame import PreparedFrame


@dataclass(frozen=True, slots=True)
class ScoredFrame:
    """One frame of one stream after the last stage.

    Attributes:
        source: The frame and its clocks.
        objects: What was detected and tracked, in the order of the first ``len(objects)`` of ``scored``.
        state: ``LIVE`` when ``surprise`` is a number, ``ENROLLING`` or another state when it is None.
        surprise: Fused, causally smoothed, calibrated: -log10(p) of p, the share of normal frames that look at
            least this unusual. Unclipped; ranking and thresholds use it. None while not enrolled.
        raw_surprise: The same before smoothing; None also for a frame of which nothing can be said.
        threshold: Surprise at which an alert opens, None while not enrolled.
        heads: Each head's own surprise.
        scored: Objects, then moving regions, with their scores, most unusual regions first.
    """

    source: PreparedFrame
    objects: Objects
    state: StreamState
    surprise: float | None = None
    raw_surprise: float | None = None
    threshold: float | None = None
    heads: dict[str, float] = field(default_factory=dict)
    scored: tuple[ScoredObject, ...] = ()

    @property
    def score(self) -> float | None:
        """``surprise`` for display, in [0, 1]."""
        return None if self.surprise is None else display(self.surprise)


FULL_SCALE = 6.0
"""Surprise shown as score 1: one normal frame in a million, a day at 10 frames a second."""


def display(surprise: float) -> float:
    """A surprise as a score in [0, 1]; clipped for display only."""
    return min(1.0, max(0.0, surprise / FULL_SCALE))
