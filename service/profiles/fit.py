"""Learning a profile from a stream's own normal frames: no gradient step, no torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import numpy as np

from models.arrays import Float64
from models.inputs import stands_s
from models.scoring.calibration import Calibration
from models.scoring.smoothing import hold, smooth_series
from service.engine.heads import LoadedHead
from service.profiles.profile import HeadProfile, Profile
from service.profiles.samples import Sample, Samples, gaps

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

    Raises:
        EnrolmentError: If the samples do not suffice.
    """
    kept = samples.kept()
    if len(kept) < MIN_FRAMES:
        msg = f"{len(kept)} normal frames are too few to learn from; at least {MIN_FRAMES} are needed"
        raise EnrolmentError(msg)
    recordings = [sample.recording for sample in kept]
    profiles: dict[str, HeadProfile] = {}
    held_out = {}
    for name, loaded in heads.items():
        try:
            fitted = loaded.head.fit([sample.features[name] for sample in kept], recordings)
        except ValueError as error:
            msg = f"head {loaded.head.name}: {error}"
            raise EnrolmentError(msg) from error
        profiles[name] = HeadProfile(
            name, loaded.pack_hash, fitted.arrays, Calibration.fit(fitted.raw, fitted.recordings)
        )
        held_out[name] = fitted.raw
    stands = {name: stands_s(loaded.head.inputs) for name, loaded in heads.items()}
    fused = calibrate_fused({name: head.calibration for name, head in profiles.items()}, held_out, kept, stands)
    now = datetime.now(UTC)
    return Profile(
        profiles,
        fused,
        detector,
        now,
        origin,
        samples.frames,
        samples.seconds,
        samples,
        tuple(encoders),
        pose,
        appearance,
    )


def calibrate_fused(
    calibrations: Mapping[str, Calibration],
    held_out: Mapping[str, Float64],
    samples: list[Sample],
    stands: Mapping[str, float],
) -> Calibration:
    """Calibrate the final score on the frames of the enrolment, as if they had been seen live.

    Args:
        calibrations: Each head's.
        held_out: Each head's raw scores of the ``N`` samples, from a fit that had not seen them.
        samples: The ``N`` samples, in order of time within each recording.
        stands: For each head the seconds for which its last word holds, as ``models.inputs.stands_s`` has it.
    """
    epochs, pts = np.cumsum(gaps(samples), dtype=np.int64), np.array([sample.pts for sample in samples])
    said = [
        hold(np.asarray(calibrations[name].surprise(scores)), pts, epochs, stands[name])
        for name, scores in held_out.items()
    ]
    # fmax: a frame that one head says nothing of is judged by the others.
    smooth = smooth_series(np.fmax.reduce(said), pts, epochs)
    return Calibration.fit(smooth, epochs.tolist())
