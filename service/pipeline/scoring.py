"""From raw scores to the one that counts: calibrate, fuse over heads, smooth causally, calibrate again."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.heads.base import HeadScores
from models.scoring.calibration import Calibration
from models.scoring.smoothing import CausalSmoother
from service.pipeline.profile import Profile
from service.pipeline.samples import Sample, gaps

SMOOTHING_S = 0.35
"""Time constant of the causal smoothing. An exponential weight of 0.25 a frame at 10 frames a second, the
middle of the range that gained a point on Ped2 in the prototype; a step reaches 95 % of its height in 1 s."""


@dataclass(frozen=True, slots=True)
class Fused:
    """The scores of one frame.

    Attributes:
        surprise: Smoothed and calibrated, -log10(p), unclipped.
        raw_surprise: Fused over heads, before smoothing; None when no head could say anything of this frame.
        heads: Each head's surprise.
        objects: ``(N,)``, each object's surprise, the largest over heads.
    """

    surprise: float
    raw_surprise: float | None
    heads: dict[str, float]
    objects: NDArray[np.float64]


class Scorer:
    """One stream's scoring under its profile; keeps the state of the smoothing. Not thread-safe."""

    def __init__(self, profile: Profile, threshold: float | None = None) -> None:
        """Args: threshold, the surprise at which an alert opens; may be set anew at any time."""
        self.profile = profile
        self.threshold = threshold
        self._smoother = CausalSmoother(SMOOTHING_S)

    def reset(self) -> None:
        """Forget the past, after a gap."""
        self._smoother.reset()

    def score(self, heads: Mapping[str, HeadScores], pts: float) -> Fused:
        """Fuse what the heads say of the frame at ``pts`` seconds.

        A frame of which no head can say anything (the first one, a disturbed one) keeps the smoothed value; where
        there is none yet it counts as a median one.
        """
        calibrations = {name: self.profile.heads[name].calibration for name in heads}
        surprises = {name: float(calibrations[name].surprise(scores.frame)) for name, scores in heads.items()}
        objects = [np.asarray(calibrations[name].surprise(scores.objects)) for name, scores in heads.items()]
        informed = [surprises[name] for name, scores in heads.items() if scores.informative]
        raw = max(informed, default=math.nan)
        smooth = self._smoother.update(raw, pts)
        if math.isnan(smooth):
            smooth = max(surprises.values())
        surprise = float(self.profile.fused.surprise(smooth))
        return Fused(surprise, raw if informed else None, surprises, np.max(objects, axis=0))


def calibrate_fused(
    calibrations: Mapping[str, Calibration], held_out: Mapping[str, NDArray[np.float64]], samples: list[Sample]
) -> Calibration:
    """Calibrate the final score on the frames of the enrolment, as if they had been seen live.

    Args:
        calibrations: Each head's.
        held_out: Each head's raw scores of the ``N`` samples, from a fit that had not seen them.
        samples: The ``N`` samples, in order of time within each clip.
    """
    # fmax: a frame that one head says nothing of is judged by the others.
    raw = np.fmax.reduce([np.asarray(calibrations[name].surprise(scores)) for name, scores in held_out.items()])
    starts = gaps(samples)
    smoother = CausalSmoother(SMOOTHING_S)
    smooth = np.empty(len(samples))
    for index, sample in enumerate(samples):
        if starts[index]:
            smoother.reset()
        smooth[index] = smoother.update(float(raw[index]), sample.pts)
    return Calibration.fit(smooth, np.cumsum(starts).tolist())
