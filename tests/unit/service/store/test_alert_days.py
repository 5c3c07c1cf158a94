"""Days by the clock on the wall, as both databases count them, against Python's own calendar."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from service.store.alert_filter import AlertFilter
from service.store.alerts import AlertStore
from service.store.database import Database
from support.alerts import make_alert

ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kathmandu",  # 5:45 ahead
    "Australia/Lord_Howe",  # set forward by half an hour
    "Africa/Casablanca",  # set back for Ramadan
    "Pacific/Apia",  # left out a whole day in 2011
    "America/Sao_Paulo",  # set forward at midnight, until 2018
    "Pacific/Kiritimati",
]

MOMENTS = [
    *(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(hours=hours) for hours in (0, 5, 23)),
    *(datetime(2011, 12, 29, 8, tzinfo=UTC) + timedelta(hours=hours) for hours in range(0, 60, 3)),
    *(datetime(2018, 11, 3, 22, tzinfo=UTC) + timedelta(minutes=20 * step) for step in range(24)),
    # Clocks are set forward in Berlin (1:00 UTC on 29 March 2026), and back (1:00 UTC on 25 October).
    *(datetime(2026, 3, 28, 20, tzinfo=UTC) + timedelta(minutes=30 * step) for step in range(64)),
    *(datetime(2026, 10, 24, 20, tzinfo=UTC) + timedelta(minutes=30 * step) for step in range(64)),
    *(datetime(2026, 3, 8, 4, 59, 59, 999_999, tzinfo=UTC) + timedelta(microseconds=step) for step in range(2)),
    *(datetime(2026, 2, 14, tzinfo=UTC) + timedelta(hours=7 * step) for step in range(20)),
    datetime(2150, 7, 1, 22, 30, tzinfo=UTC),
]


@pytest.fixture
def store(database: Database, tmp_path: Path) -> AlertStore:
    store = AlertStore(database, tmp_path)
    noon = make_alert("any").opened_at
    with database.transaction() as connection:
        for number, moment in enumerate(MOMENTS):
            store.record(connection, make_alert(f"a{number:03}", (moment - noon).total_seconds()), "opened")
    return store


def test_an_alert_counts_for_the_day_that_was_on_the_wall(store: AlertStore) -> None:
    opened = [alert.opened_at for alert in store.list(limit=1000)]
    assert len(opened) == len(MOMENTS)
    for zone in ZONES:
        expected = Counter(moment.astimezone(ZoneInfo(zone)).date() for moment in opened if moment.year < 2100)
        told = {day.day: day.alerts for day in store.days(AlertFilter(until=datetime(2100, 1, 1, tzinfo=UTC)), zone)}
        assert told == expected, zone


def test_days_come_newest_first_and_are_in_all_as_many_as_there_are(store: AlertStore) -> None:
    days = store.days(AlertFilter(), "Europe/Berlin")
    assert [each.day for each in days] == sorted((each.day for each in days), reverse=True)
    assert sum(each.alerts for each in days) == len(MOMENTS)


def test_the_days_on_which_clocks_change_have_23_and_25_hours(database: Database, tmp_path: Path) -> None:
    store = AlertStore(database, tmp_path)
    noon = make_alert("any").opened_at
    starts = {"spring": datetime(2026, 3, 28, 12, tzinfo=UTC), "autumn": datetime(2026, 10, 24, 12, tzinfo=UTC)}
    with database.transaction() as connection:
        for name, start in starts.items():
            for hour in range(48):
                at = start + timedelta(hours=hour, minutes=30)
                store.record(connection, make_alert(f"{name}{hour}", (at - noon).total_seconds()), "opened")
    told = {day.day.isoformat(): day.alerts for day in store.days(AlertFilter(), "Europe/Berlin")}
    assert (told["2026-03-29"], told["2026-10-25"]) == (23, 25)


def test_without_alerts_there_are_no_days(database: Database, tmp_path: Path) -> None:
    assert AlertStore(database, tmp_path).days(AlertFilter(), "Europe/Berlin") == []
