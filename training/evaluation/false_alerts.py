"""False alerts a day, with what is uncertain about them, and whether a promise of "at most so many a day" holds.

False alerts are rare and independent of one another about as the decays of an atom: their number in some hours is
taken for Poisson distributed. What a minute without a false alert says of a day is little, and this says how little.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from models.scoring.poisson import poisson_interval, poisson_limit
from training.evaluation.metrics import ClipAlerts, alert_metrics

_DAY_H = 24.0


@dataclass(frozen=True, slots=True)
class FalseAlerts:
    """False alerts in some hours of normal footage. Rates are alerts a day.

    Attributes:
        alerts: Alerts that opened in a normal frame.
        hours: Hours of normal footage.
        per_day: Their rate; None without footage, as the rates below.
        per_day_low: Lower end of the interval in which the true rate lies at 95 % (Garwood).
        per_day_high: Upper end.
        at_most_per_day: The rate that the true one does not exceed at 95 % (one side).
        promised_per_day: What the threshold was asked to keep; None if nobody said.
        holds: Whether ``at_most_per_day`` is no more than promised; None where one of them is not known.
        hours_needed: Hours of normal footage, those seen included, after which the promise holds if no further false
            alert comes; None where nothing was promised.
    """

    alerts: int
    hours: float
    per_day: float | None
    per_day_low: float | None
    per_day_high: float | None
    at_most_per_day: float | None
    promised_per_day: float | None
    holds: bool | None
    hours_needed: float | None

    @classmethod
    def of(cls, alerts: int, hours: float, promised_per_day: float | None = None) -> FalseAlerts:
        """What so many alerts in so many hours say.

        Args:
            alerts: Counted.
            hours: In which.
            promised_per_day: At most so many a day were promised, greater than 0.
        """
        needed = None if promised_per_day is None else _DAY_H * poisson_limit(alerts) / promised_per_day
        if hours <= 0:
            return cls(alerts, hours, None, None, None, None, promised_per_day, None, needed)
        low, high = poisson_interval(alerts)
        most = _DAY_H * poisson_limit(alerts) / hours
        return cls(
            alerts,
            hours,
            per_day=_DAY_H * alerts / hours,
            per_day_low=_DAY_H * low / hours,
            per_day_high=_DAY_H * high / hours,
            at_most_per_day=most,
            promised_per_day=promised_per_day,
            holds=None if promised_per_day is None else most <= promised_per_day,
            hours_needed=needed,
        )


def normal_clips(clips: Sequence[ClipAlerts], promised_per_day: float | None = None) -> FalseAlerts:
    """Over the clips without any anomalous frame: nothing in them leads up to an event, or follows one."""
    return normal_frames([clip for clip in clips if not clip.labels.any()], promised_per_day)


def normal_frames(clips: Sequence[ClipAlerts], promised_per_day: float | None = None) -> FalseAlerts:
    """Over all normal frames, also those around events."""
    counted = alert_metrics(clips)
    return FalseAlerts.of(counted.false_alarms, counted.normal_hours, promised_per_day)
