"""What false alarms taught: that what looks and moves like their objects is normal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.arrays import Float32, Float64, Index
from models.clustering import spherical_kmeans
from models.guidance.rules import present

RADIUS, RADIUS_BOUNDS = 0.2, (0.05, 0.35)
"""Radius of a taught mode where too little was seen, and what it is held within. In the built-in space clips of one
action in one scene are 0.12 apart (median; cosine distance), three quarters of them within 0.41; 95 % of clips of
another action are farther than 0.49, where the largest radius has faded out."""

_MIN_SAMPLE, _MAX_MODES = 64, 8
_SOFT = 1.25  # radii of a taught mode at which its relief ends


@dataclass(frozen=True, slots=True)
class FeedbackMatch:
    """A false alarm whose object another one is like.

    Attributes:
        alert_id: The false alarm.
        relief: In (0, 1], the share of its surprise that this relieves the object of.
    """

    alert_id: str
    relief: float


@dataclass(frozen=True, slots=True)
class Feedback:
    """Objects of false alarms, each a normal mode.

    Attributes:
        modes: ``(M, D)`` float32 of unit length.
        radii: ``(M,)`` float32, the cosine distance within which an object counts as the same.
        alerts: ``M`` ids, the false alarm that each is of.
    """

    modes: Float32
    radii: Float32
    alerts: tuple[str, ...]

    def relief(self, embeddings: Float32) -> tuple[Float64, Index]:
        """``(N,)`` in [0, 1]: 1 within a mode's radius, falling to 0 at 1.25 of it; and ``(N,)``, by which mode."""
        distances = 1.0 - np.nan_to_num(embeddings) @ self.modes.T
        inside = (_SOFT * self.radii - distances) / ((_SOFT - 1.0) * self.radii)
        relief: Float64 = np.clip(inside.max(axis=1), 0.0, 1.0).astype(np.float64)
        relief[~present(embeddings)] = 0.0
        return relief, inside.argmax(axis=1)

    def matches(self, relief: Float64, modes: Index) -> tuple[FeedbackMatch | None, ...]:
        """``N``, what ``relief`` says of each object; None where it is not relieved."""
        pairs = zip(relief.tolist(), modes.tolist(), strict=True)
        return tuple(FeedbackMatch(self.alerts[mode], share) if share > 0 else None for share, mode in pairs)


def normal_radius(embeddings: Float32) -> float:
    """The cosine distance within which clips of a stream's objects are the same thing.

    Objects are as near to a taught one as normal objects are to the modes they are of, where their clips are grouped
    around modes (spherical k-means) and most (95 %) of them count as near.

    Args:
        embeddings: ``(M, D)`` of unit length, of the stream's recent objects; fewer than 64 say too little, and then
            what is usual over scenes is taken.
    """
    if len(embeddings) < _MIN_SAMPLE:
        return RADIUS
    centres = spherical_kmeans(embeddings, min(_MAX_MODES, len(embeddings) // 16))
    distances = 1.0 - (embeddings @ centres.T).max(axis=1)
    return float(np.clip(np.quantile(distances, 0.95), *RADIUS_BOUNDS))
