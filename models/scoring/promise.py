"""What a threshold promises: how many alerts a day it lets pass in normal footage, and how sure that is.

A wished number of alerts a day is met by the threshold at which the trial (``trial.py``) had that many. Where the trial
is too short to have had even one, nothing is extrapolated: the threshold is where normal footage was just silent, times
a margin that goes as the hours come. docs/decisions/0028-promise.md has the reasons.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from enum import StrEnum

from models.scoring.calibration import SECONDS_PER_DAY, Calibration
from models.scoring.poisson import poisson_interval
from models.scoring.smoothing import MAX_SURPRISE
from models.scoring.trial import NormalTrial

MARGIN = 1.6
"""How far above the level at which normal footage was silent a threshold lies while there are only minutes of it, as a
factor of the smoothed surprise. With it recordings that were not learned stay silent in three of four splits of the
normal footage of three cameras, each weighing the same (``watchword study margin``: 1.62; on the scale of the final
surprise, whose tail is extrapolated once more, 1.74)."""

REACH = 0.95 * MAX_SURPRISE
"""No threshold is above this smoothed surprise: a second of what is as unusual as can be has reached it
(``SMOOTHING_S``), and must be an alert whatever was seen in normal footage, or the camera would be blind."""

LEAST = 1.0
"""No threshold is below this surprise, which one normal frame in ten has: under it "unusual" means nothing."""

MEASURED = 1.0
"""Alerts that there would be at the wished rate in the hours seen, from which on the rate is measured."""


class PromiseKind(StrEnum):
    """What stands behind a promise."""

    MEASURED = "measured"
    GUESS = "guess"


@dataclass(frozen=True, slots=True)
class Promise:
    """What a threshold promises of normal footage.

    Attributes:
        threshold: The surprise at which an alert opens.
        alerts_per_day: The wish; None if the threshold was set by hand.
        expected: Alerts a day that are expected at it, at least 0; None where nothing is known.
        low: Lower end of the 95 % interval of it, alerts a day.
        high: Upper end; infinite where nothing is known.
        hours: Hours of normal footage that it was tried on.
        incidents: Alerts that would have opened in them.
        kind: ``measured`` if the footage is long enough to have had one alert at the wished rate, or had one at this
            threshold; else ``guess``.
    """

    threshold: float
    alerts_per_day: float | None
    expected: float | None
    low: float
    high: float
    hours: float
    incidents: int
    kind: PromiseKind

    def to_json(self) -> dict[str, float | int | str | None]:
        """All of it, ready for JSON, which has no infinity: an end that is not known is None."""
        known = asdict(self) | {"kind": self.kind.value, "high": None if math.isinf(self.high) else self.high}
        return {**known, "sentence": self.sentence}

    @property
    def sentence(self) -> str:
        """What it says, for people."""
        if self.hours == 0:
            return "Not tried on normal footage: how many alerts a day to expect is a guess."
        seen = f"{_alerts(self.incidents)} in {_time(self.hours)} of normal footage"
        if self.kind is PromiseKind.MEASURED:
            return f"{seen[0].upper()}{seen[1:]}: between {_rate(self.low)} and {_rate(self.high)} a day expected."
        if self.alerts_per_day is None:
            return f"{seen[0].upper()}{seen[1:]}: fewer than {_rate(self.high)} a day expected."
        return f"{seen[0].upper()}{seen[1:]}; {_rate(self.alerts_per_day)} a day is a guess."


def promise(trial: NormalTrial, fused: Calibration, alerts_per_day: float) -> Promise:
    """The threshold for a wished number of alerts a day, and what it promises.

    Where the trial had ``n`` alerts above a level, as many again are expected in as much footage; so the wish is met
    at the level of the ``n``-th, with ``n`` the wish times the days seen, between two of them in proportion. Below one
    it goes on from the level of the first by the margin: more alerts wished never raise it, nor do silent hours.

    Args:
        trial: Held-out normal footage.
        fused: Calibration of the smoothed surprise, on whose scale the margin is a factor.
        alerts_per_day: The wish, greater than 0.

    Raises:
        ValueError: A wish that is not positive.
    """
    if not alerts_per_day > 0:
        msg = f"expected a positive number of alerts a day, got {alerts_per_day}"
        raise ValueError(msg)
    due = alerts_per_day * 3600 * trial.hours / SECONDS_PER_DAY
    if due < MEASURED:
        smoothed = fused.raw(trial.silent) * MARGIN ** (1 - due)
        level = max(trial.silent, float(fused.surprise(smoothed)))
    else:
        whole = math.floor(due)
        levels = trial.levels(whole)
        level = levels[whole - 1] + (due - whole) * (levels[whole] - levels[whole - 1])
    threshold = max(LEAST, min(level, float(fused.surprise(REACH))))
    return _told(trial, threshold, alerts_per_day, measured=due >= MEASURED)


def promise_of(trial: NormalTrial, threshold: float) -> Promise:
    """What a threshold that was set by hand promises, greater than 0."""
    return _told(trial, threshold, None)


def untried(threshold: float, alerts_per_day: float | None = None) -> Promise:
    """What is promised of a threshold that was not tried on any footage: nothing that is known."""
    return Promise(threshold, alerts_per_day, alerts_per_day, 0.0, math.inf, 0.0, 0, PromiseKind.GUESS)


def _told(trial: NormalTrial, threshold: float, alerts_per_day: float | None, *, measured: bool = False) -> Promise:
    if not trial.hours:
        return untried(threshold, alerts_per_day)
    seen, days = trial.incidents(threshold), trial.hours / 24
    low, high = (end / days for end in poisson_interval(seen))
    kind = PromiseKind.MEASURED if measured or seen else PromiseKind.GUESS
    expected = alerts_per_day if kind is PromiseKind.GUESS else seen / days
    return Promise(threshold, alerts_per_day, expected, low, high, trial.hours, seen, kind)


def _alerts(count: int) -> str:
    return "no alert" if count == 0 else "1 alert" if count == 1 else f"{count} alerts"


def _time(hours: float) -> str:
    """So that people understand it: 40 seconds, 12 minutes, 31 hours, 9 days."""
    for unit, seconds, least in (("day", 86_400, 5 * 86_400), ("hour", 3600, 5400), ("minute", 60, 90)):
        if hours * 3600 >= least:
            return f"{hours * 3600 / seconds:.0f} {unit}s"
    return f"{hours * 3600:.0f} seconds"


def _rate(alerts: float) -> str:
    """Two digits are as many as can be known; whole numbers from ten on."""
    return f"{alerts:.0f}" if alerts >= 9.95 else f"{alerts:.2g}"
