"""When a schedule is in force, by the clock on the wall where the camera hangs."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from service.contracts.guidance import DAYS, Schedule

_STEP = timedelta(minutes=15)
_WEEK = timedelta(days=7)


def covers(schedule: Schedule, at: float, timezone: str | None) -> bool:
    """Whether a schedule is in force at a moment.

    Args:
        schedule: Days and hours; it may name a time zone.
        at: Unix seconds.
        timezone: The stream's, for a schedule that names none; None is UTC.
    """
    local = datetime.fromtimestamp(at, ZoneInfo(schedule.timezone or timezone or "UTC"))
    clock = f"{local:%H:%M}"
    today, yesterday = DAYS[local.weekday()], DAYS[local.weekday() - 1]
    if not schedule.overnight:
        return today in schedule.days and schedule.start <= clock < schedule.end
    return (today in schedule.days and clock >= schedule.start) or (yesterday in schedule.days and clock < schedule.end)


def overlap(one: Schedule | None, other: Schedule | None, timezone: str | None, now: datetime) -> bool:
    """Whether two schedules are ever in force together in the week to come, to a quarter of an hour.

    Args:
        one: None is always, as is ``other``.
        other: The second.
        timezone: The stream's.
        now: With a zone.
    """
    if one is None or other is None:
        return True
    moments = [(now + _STEP * step).timestamp() for step in range(_WEEK // _STEP)]
    return any(covers(one, at, timezone) and covers(other, at, timezone) for at in moments)
