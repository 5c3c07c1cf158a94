"""What a stream promises of its alerts, from its profile and its settings."""

from __future__ import annotations

from models.scoring.calibration import SECONDS_PER_DAY
from service.contracts.promise import PromiseOut
from service.pipeline.scored import display
from service.profiles.moments import MomentKind
from service.profiles.profile import Profile
from service.profiles.rates import poisson_bounds

MEASURED_INCIDENTS = 3.0
"""A rate is measured where so many incidents would have been expected in what was seen: none in that much footage is
then less than one chance in twenty, exp(-3)."""


def promise_of(profile: Profile, threshold: float, fps: float) -> PromiseOut:
    """What a stream promises.

    Args:
        profile: What it has learned.
        threshold: The surprise at which an alert opens.
        fps: Frames scored a second, at most.
    """
    hours = profile.seconds / 3600
    incidents = sum(moment.kind is MomentKind.UNUSUAL and moment.surprise >= threshold for moment in profile.moments)
    rate = min(profile.frames / max(profile.seconds, 1e-9), fps)
    expected = 10.0**-threshold * SECONDS_PER_DAY * rate * profile.fused.extremal_index
    low, high = poisson_bounds(incidents)
    per_day = 24 / hours if hours > 0 else 0.0
    return PromiseOut(
        threshold=display(threshold),
        kind="measured" if expected * hours / 24 >= MEASURED_INCIDENTS else "guess",
        alerts_per_day=round(expected, 4),
        low=round(low * per_day, 4),
        high=round(high * per_day, 4) if per_day else None,
        hours=round(hours, 4),
        incidents=incidents,
        frames=profile.frames,
        objects=profile.objects or None,
        recordings=profile.recordings,
    )
