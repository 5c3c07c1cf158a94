"""Days of the calendar, by the clock on the wall, in terms that both databases can group by."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import BigInteger, ColumnElement, case, literal, type_coerce

from service.store.tables import UtcTime

_MICROSECOND = timedelta(microseconds=1)
_SECOND = timedelta(seconds=1)
_DAY = timedelta(days=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY = date(1970, 1, 1).toordinal()
"""Days are counted from the year 1 on, as `date` does: division rounds towards zero, so nothing may be below it."""

_EARLIEST, _LATEST = _EPOCH, datetime(2100, 1, 1, tzinfo=UTC)
"""Clocks are looked up within these, at most 47,482 days in 30 ms. Before and after, the clock of the end holds."""


def local_day(
    opened_at: ColumnElement[datetime], zone: ZoneInfo, first: datetime, last: datetime
) -> ColumnElement[int]:
    """The day, as ``date.toordinal`` counts it, on which a moment is by the clocks of a time zone.

    A day on which clocks are set forward or back is one day, of 23 or 25 hours.

    Args:
        opened_at: The moment.
        zone: Whose clocks.
        first: The earliest moment there is, with a zone.
        last: The latest one.
    """
    moment = type_coerce(opened_at, BigInteger)
    *changes, (_, offset) = _offsets(zone, first, last)
    final = literal(_micros(offset), BigInteger)
    shifts = [(opened_at < literal(until, UtcTime), literal(_micros(shift), BigInteger)) for until, shift in changes]
    local = moment + (case(*shifts, else_=final) if shifts else final)
    day = _micros(_DAY)
    return (local + _EPOCH_DAY * day) // day


def _offsets(zone: ZoneInfo, first: datetime, last: datetime) -> Iterator[tuple[datetime | None, timedelta]]:
    """How far a zone's clocks are before UTC: each offset with the moment it ends at, the last one with None."""
    at, end = _within(first), _within(last)
    offset = _offset(zone, at)
    while at < end:
        following = min(at + _DAY, end)
        if _offset(zone, following) != offset:
            change = _change(zone, at, following)
            yield change, offset
            # Two changes within a day: what comes after the first is looked at anew.
            offset, following = _offset(zone, change), change
        at = following
    yield None, offset


def _change(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """The first second, after ``before``, from which clocks have another offset than there."""
    offset = _offset(zone, before)
    low, high = 0, (after - before) // _SECOND
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _offset(zone, before + middle * _SECOND) == offset else (low, middle)
    return before + high * _SECOND


def _offset(zone: ZoneInfo, at: datetime) -> timedelta:
    return at.astimezone(zone).utcoffset() or timedelta()


def _within(moment: datetime) -> datetime:
    """Whole seconds, within the time that clocks are looked up for; clocks change at whole seconds."""
    return min(max(moment.astimezone(UTC), _EARLIEST), _LATEST).replace(microsecond=0)


def _micros(span: timedelta) -> int:
    return span // _MICROSECOND
