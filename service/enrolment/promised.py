"""What a stream promises of its alerts, from its profile and its settings."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from models.scoring.calibration import SECONDS_PER_DAY
from service.contracts.promise import PromiseOut
from service.pipeline.scored import display
from service.profiles.moments import MomentKind
from service.profiles.profile import Profile
from service.profiles.rates import poisson_bounds


@dataclass(frozen=True, slots=True)
class _Promised:
    """What is expected at a threshold: alerts a day with their interval, and the footage that says so."""

    expected: float | None
    low: float
    high: float
    hours: float
    incidents: int
    kind: str


def promise_of(profile: Profile, wish: float | None, threshold: float, fps: float) -> PromiseOut:
    """What a stream promises.

    Args:
        profile: What it has learned.
        wish: Alerts a day that are acceptable; None where the stream names its threshold.
        threshold: The surprise at which an alert opens.
        fps: Frames scored a second, at most.
    """
    promised = _promised(profile, wish, threshold, fps)
    return PromiseOut(
        threshold=display(threshold),
        kind="measured" if str(promised.kind) == "measured" else "guess",
        alerts_per_day=None if promised.expected is None else round(promised.expected, 4),
        low=round(promised.low, 4),
        high=round(promised.high, 4) if math.isfinite(promised.high) else None,
        hours=round(promised.hours, 4),
        incidents=promised.incidents,
        frames=profile.frames,
        seconds=round(profile.seconds, 2),
        objects=profile.objects or None,
        recordings=profile.recordings,
    )


def _promised(profile: Profile, wish: float | None, threshold: float, fps: float) -> Any:
    """What the profile itself promises; else what the most unusual of its moments say of the threshold."""
    own: Any = profile
    if hasattr(own, "promised"):
        return own.promised_at(threshold) if wish is None else own.promised(wish, fps)
    days = profile.seconds / SECONDS_PER_DAY
    incidents = sum(moment.kind is MomentKind.UNUSUAL and moment.surprise >= threshold for moment in profile.moments)
    low, high = (bound / days if days > 0 else math.inf for bound in poisson_bounds(incidents))
    measured = incidents > 0 or (wish is not None and wish * days >= 1)
    expected = incidents / days if measured else wish
    return _Promised(expected, low, high, 24 * days, incidents, "measured" if measured else "guess")
