"""Learning a profile from a stream's own normal frames: no gradient step, no torch."""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from models.arrays import Arrays, Float64, Mask
from models.heads.base import Fitted, Head
from models.inputs import stands_s
from models.scoring.calibration import Calibration
from models.scoring.smoothing import hold, smooth_series
from models.scoring.trial import NormalTrial, trial_of
from service.engine.heads import LoadedHead
from service.profiles.finding import Learned, find_moments
from service.profiles.profile import HeadProfile, Profile
from service.profiles.samples import Choice, Sample, Samples, gaps

Scalar = TypeVar("Scalar", bound=np.generic)

MIN_FRAMES = 50
"""Fewer normal frames than this say nothing about a quantile worth alerting on (5 s at 10 frames a second)."""


class EnrolmentError(ValueError):
    """A profile cannot be learned from what was seen; the message says what is missing."""


def fit_profile(
    heads: Mapping[str, LoadedHead],
    samples: Samples,
    detector: str,
    encoders: Sequence[str],
    origin: str,
    pose: str | None = None,
    appearance: str | None = None,
    *,
    moments: bool = True,
) -> Profile:
    """Learn what is normal.

    Args:
        heads: By pack name, the heads whose features the samples hold.
        samples: Normal frames; an odd event among them is tolerated.
        detector: Name of the detector that found their objects.
        encoders: Name and hash of each encoder that the heads need.
        origin: Where they come from, in words.
        pose: Name and hash of the pose estimator that found their keypoints; None without one.
        appearance: Likewise, of the network that said how their objects look.
        moments: Look for what a person should see of them; a profile for the time being needs none.

    Raises:
        EnrolmentError: If the samples do not suffice.
    """
    everything = samples.kept()
    left_out = samples.chosen(everything, Choice.LEAVE_OUT)
    kept = [sample for sample, without in zip(everything, left_out, strict=True) if not without]
    normal = samples.chosen(kept, Choice.KEEP)
    if len(kept) < MIN_FRAMES:
        msg = f"{len(kept)} normal frames are too few to learn from; at least {MIN_FRAMES} are needed"
        raise EnrolmentError(msg)
    recordings = [sample.recording for sample in kept]
    profiles: dict[str, HeadProfile] = {}
    held_out = {}
    for name, loaded in heads.items():
        try:
            fitted = _fit(loaded.head, [sample.features[name] for sample in kept], recordings, normal)
        except ValueError as error:
            msg = f"head {loaded.head.name}: {error}"
            raise EnrolmentError(msg) from error
        profiles[name] = HeadProfile(
            name, loaded.pack_hash, fitted.arrays, Calibration.fit(fitted.raw, fitted.recordings)
        )
        held_out[name] = fitted.raw
    stands = {name: stands_s(loaded.head.inputs) for name, loaded in heads.items()}
    calibrations = {name: head.calibration for name, head in profiles.items()}
    fused, final, trial = calibrate_fused(calibrations, held_out, kept, stands)
    learned = Learned(
        left_out,
        {name: _spread(np.isnan(raw), ~left_out, fill=False) for name, raw in held_out.items()},
        _spread(final, ~left_out, fill=math.nan),
    )
    return Profile(
        heads=profiles,
        fused=fused,
        detector=detector,
        created_at=datetime.now(UTC),
        origin=origin,
        frames=samples.frames,
        seconds=samples.seconds,
        samples=samples,
        encoders=tuple(encoders),
        pose=pose,
        appearance=appearance,
        trial=trial,
        moments=find_moments(heads, profiles, samples, learned) if moments else (),
        objects=samples.objects,
        recordings=samples.recordings,
    )


def _fit(head: Head, features: Sequence[Arrays], recordings: Sequence[int], normal: Mask) -> Fitted:
    """Let a head learn; it is told what a person said is normal if anybody did.

    Heads of other distributions that were made before people could say so go on judging that alone.
    """
    if normal.any() and "normal" in inspect.signature(head.fit).parameters:
        return head.fit(features, recordings, normal=normal)
    return head.fit(features, recordings)


def _spread(values: NDArray[Scalar], there: Mask, fill: float) -> NDArray[Scalar]:
    """``(N,)``: the values where they are of, ``fill`` elsewhere."""
    spread = np.full(len(there), fill, values.dtype)
    spread[there] = values
    return spread


def calibrate_fused(
    calibrations: Mapping[str, Calibration],
    held_out: Mapping[str, Float64],
    samples: list[Sample],
    stands: Mapping[str, float],
) -> tuple[Calibration, Float64, NormalTrial]:
    """Calibrate the final score on the frames of the enrolment, as if they had been seen live, and try it on them.

    Args:
        calibrations: Each head's.
        held_out: Each head's raw scores of the ``N`` samples, from a fit that had not seen them.
        samples: The ``N`` samples, in order of time within each recording.
        stands: For each head the seconds for which its last word holds, as ``models.inputs.stands_s`` has it.

    Returns:
        The calibration, the final surprise of each sample under it, ``(N,)``, and what was tried.
    """
    epochs, pts = np.cumsum(gaps(samples), dtype=np.int64), np.array([sample.pts for sample in samples])
    said = [
        hold(np.asarray(calibrations[name].surprise(scores)), pts, epochs, stands[name])
        for name, scores in held_out.items()
    ]
    # fmax: a frame that one head says nothing of is judged by the others.
    smooth = smooth_series(np.fmax.reduce(said), pts, epochs)
    fused = Calibration.fit(smooth, epochs.tolist())
    final = np.asarray(fused.surprise(smooth), np.float64)
    return fused, final, trial_of(final, pts, epochs)
