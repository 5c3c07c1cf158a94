"""Learning a profile from a stream's own normal frames: no gradient step, no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from models.heads.base import Head
from models.scoring.calibration import Calibration
from service.pipeline.scoring import calibrate_fused
from service.profiles.profile import HeadProfile, Profile
from service.profiles.samples import Samples

MIN_FRAMES = 50
"""Fewer normal frames than this say nothing about a quantile worth alerting on (5 s at 10 frames a second)."""


class EnrolmentError(ValueError):
    """A profile cannot be learned from what was seen; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class LoadedHead:
    """A head with the pack that it came from."""

    head: Head
    pack: str
    pack_hash: str


def fit_profile(
    heads: Mapping[str, LoadedHead], samples: Samples, detector: str, encoder: str | None, origin: str
) -> Profile:
    """Learn what is normal.

    Args:
        heads: By pack name, the heads whose features the samples hold.
        samples: Normal frames; an odd event among them is tolerated.
        detector: Name of the detector that found their objects.
        encoder: Name and hash of the encoder that the heads need, or None.
        origin: Where they come from, in words.

    Raises:
        EnrolmentError: If the samples do not suffice.
    """
    kept = samples.kept()
    if len(kept) < MIN_FRAMES:
        msg = f"expected at least {MIN_FRAMES} normal frames to learn from, got {len(kept)}"
        raise EnrolmentError(msg)
    clips = [sample.clip for sample in kept]
    profiles: dict[str, HeadProfile] = {}
    held_out = {}
    for name, loaded in heads.items():
        try:
            fitted = loaded.head.fit([sample.features[name] for sample in kept], clips)
        except ValueError as error:
            msg = f"head {loaded.head.name}: {error}"
            raise EnrolmentError(msg) from error
        profiles[name] = HeadProfile(name, loaded.pack_hash, fitted.arrays, Calibration.fit(fitted.raw, fitted.clips))
        held_out[name] = fitted.raw
    fused = calibrate_fused({name: head.calibration for name, head in profiles.items()}, held_out, kept)
    now = datetime.now(UTC)
    return Profile(profiles, fused, detector, now, origin, samples.frames, samples.seconds, samples, encoder)
