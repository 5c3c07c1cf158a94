"""Skeletons as shapes: where joints lie relative to the body, whatever its place and size, and which were seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.arrays import Float64, Index, Mask
from models.inputs import KEYPOINTS
from models.posture import HIPS, SHOULDERS, TRUNK, tilted

JOINTS = len(KEYPOINTS)

SEEN = 0.15
"""Confidence from which a joint counts as seen; less than postures ask (``models.posture.SEEN``), as shapes are
compared over all joints, and one alone decides nothing. MoveNet gives joints that are in the picture a median of 0.6
and those behind something or beyond the border one of 0.05 (the normal activities of the hall where people fall)."""

MIN_SEEN = 6
"""Joints below which a skeleton says nothing of a posture: a head with shoulders is in any."""


@dataclass(frozen=True, slots=True)
class Shapes:
    """``N`` skeletons relative to their bodies.

    Attributes:
        joints: ``(N, 17, 2)`` places relative to the trunk, in body sizes (x right, y down); 0 where not seen.
        seen: ``(N, 17)`` float64, 1 for a joint that was seen, else 0: a missing one is left out, never filled in.
        centres: ``(N, 2)`` of the trunk, in picture heights.
        sizes: ``(N,)`` root mean square distance of the joints from the trunk, in picture heights.
    """

    joints: Float64
    seen: Float64
    centres: Float64
    sizes: Float64

    def __len__(self) -> int:
        return len(self.sizes)

    def __getitem__(self, keep: Mask | Index | slice) -> Shapes:
        """Of the chosen ones, by mask, indices or slice."""
        return Shapes(self.joints[keep], self.seen[keep], self.centres[keep], self.sizes[keep])

    @property
    def known(self) -> Mask:
        """``(N,)`` whether enough was seen to judge the posture."""
        return np.asarray(self.seen.sum(axis=1) >= MIN_SEEN, bool)

    @classmethod
    def of(cls, skeletons: Float64, aspects: Float64) -> Shapes:
        """Shapes of skeletons.

        Args:
            skeletons: ``(N, 17, 3)`` x and y in fractions of the picture, and confidence; NaN where there is none.
            aspects: ``(N,)`` width over height of the picture of each.
        """
        confident = np.nan_to_num(skeletons[..., 2]) >= SEEN
        places = np.nan_to_num(skeletons[..., :2])
        places[..., 0] *= aspects[:, None]
        seen = confident.astype(np.float64)
        trunk = np.zeros_like(seen)
        trunk[:, TRUNK] = seen[:, TRUNK]  # what a shape is centred on
        # Without a shoulder or hip, the middle of what was seen has to do.
        about = np.where(trunk.any(axis=1, keepdims=True), trunk, seen)
        centres = _mean(places, about)
        relative = (places - centres[:, None]) * seen[..., None]
        squared = (relative**2).sum(axis=2)
        sizes = np.sqrt(squared.sum(axis=1) / np.maximum(seen.sum(axis=1), 1.0))
        return cls(relative / np.maximum(sizes, 1e-6)[:, None, None], seen, centres, sizes)


def tilts(shapes: Shapes) -> Float64:
    """``(N,)`` of the torsos, see ``models.posture.tilted``; NaN where no shoulder or no hip was seen."""
    upper, lower = (_mean(shapes.joints[:, part], shapes.seen[:, part]) for part in (SHOULDERS, HIPS))
    has = np.asarray(shapes.seen[:, SHOULDERS].any(axis=1) & shapes.seen[:, HIPS].any(axis=1), bool)
    return np.where(has, [tilted(*between) for between in (lower - upper).tolist()], np.nan)


def _mean(places: Float64, weights: Float64) -> Float64:
    """``(N, 2)`` weighted means of ``(N, K, 2)`` places."""
    mean: Float64 = (places * weights[..., None]).sum(axis=1) / np.maximum(weights.sum(axis=1), 1.0)[:, None]
    return mean
