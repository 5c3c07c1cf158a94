from __future__ import annotations

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from service.contracts.guidance import Schedule
from service.guidance.schedule import covers, overlap

BERLIN = "Europe/Berlin"


def schedule(**fields: object) -> Schedule:
    return Schedule.model_validate(fields)


def at(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


@pytest.mark.parametrize(
    ("fields", "moment", "expected"),
    [
        # 2026-05-04 is a Monday
        ({"days": ["mon"]}, "2026-05-04T00:00:00+00:00", True),
        ({"days": ["mon"]}, "2026-05-04T23:59:59+00:00", True),
        ({"days": ["mon"]}, "2026-05-05T00:00:00+00:00", False),
        ({"from": "07:00", "to": "18:30"}, "2026-05-04T06:59:59+00:00", False),
        ({"from": "07:00", "to": "18:30"}, "2026-05-04T07:00:00+00:00", True),
        ({"from": "07:00", "to": "18:30"}, "2026-05-04T18:30:00+00:00", False),
        ({"from": "07:00", "to": "18:30", "timezone": BERLIN}, "2026-05-04T05:00:00+00:00", True),
        ({"from": "07:00", "to": "18:30", "timezone": BERLIN}, "2026-01-05T05:30:00+00:00", False),
        # a night belongs to the day on which it starts
        ({"days": ["sat"], "from": "22:00", "to": "06:00", "overnight": True}, "2026-05-09T21:59:00+00:00", False),
        ({"days": ["sat"], "from": "22:00", "to": "06:00", "overnight": True}, "2026-05-09T22:00:00+00:00", True),
        ({"days": ["sat"], "from": "22:00", "to": "06:00", "overnight": True}, "2026-05-10T05:59:00+00:00", True),
        ({"days": ["sat"], "from": "22:00", "to": "06:00", "overnight": True}, "2026-05-10T06:00:00+00:00", False),
        ({"days": ["sat"], "from": "22:00", "to": "06:00", "overnight": True}, "2026-05-09T05:00:00+00:00", False),
        ({"days": ["sun"], "from": "22:00", "to": "06:00", "overnight": True}, "2026-05-11T01:00:00+00:00", True),
        # clocks go forward on 2026-03-29 at 02:00 in Berlin, and back on 2026-10-25 at 03:00
        ({"from": "02:00", "to": "03:00", "timezone": BERLIN}, "2026-03-29T00:59:59+00:00", False),
        ({"from": "02:00", "to": "03:00", "timezone": BERLIN}, "2026-03-29T01:00:00+00:00", False),
        ({"from": "02:00", "to": "03:00", "timezone": BERLIN}, "2026-10-25T00:30:00+00:00", True),
        ({"from": "02:00", "to": "03:00", "timezone": BERLIN}, "2026-10-25T01:30:00+00:00", True),
        ({"from": "02:00", "to": "03:00", "timezone": BERLIN}, "2026-10-25T02:00:00+00:00", False),
    ],
)
def test_when_it_is_in_force(fields: dict[str, object], moment: str, expected: bool) -> None:
    assert covers(schedule(**fields), at(moment), None) is expected


def test_the_streams_zone_counts_where_the_schedule_names_none() -> None:
    early = schedule(**{"from": "07:00", "to": "08:00"})
    moment = at("2026-05-04T05:30:00+00:00")
    assert covers(early, moment, BERLIN)
    assert not covers(early, moment, None)
    assert not covers(early.model_copy(update={"timezone": "UTC"}), moment, BERLIN)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"from": "18:00", "to": "07:00"}, "ends before it starts"),
        ({"from": "18:00", "to": "18:00"}, "never begins"),
        ({"from": "18:00", "to": "18:00", "overnight": True}, "never begins"),
        ({"from": "07:00", "to": "18:00", "overnight": True}, "more than 24 hours"),
        ({"from": "7:00"}, "pattern"),
        ({"to": "24:30"}, "pattern"),
        ({"from": "24:00"}, "pattern"),
        ({"days": []}, "at least 1"),
        ({"days": ["mon", "mon"]}, "each day once"),
        ({"days": ["monday"]}, "Input should be"),
        ({"timezone": "Mars/Olympus"}, "There is no time zone"),
        ({"timezone": "../../etc/passwd"}, "There is no time zone"),
        ({"timezone": ""}, "at least 1"),
        ({"holidays": True}, "Extra inputs"),
    ],
)
def test_schedules_that_are_none(fields: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        schedule(**fields)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (None, {"days": ["mon"]}, True),
        ({"days": ["mon"]}, {"days": ["tue"]}, False),
        ({"from": "07:00", "to": "12:00"}, {"from": "12:00", "to": "18:00"}, False),
        ({"from": "07:00", "to": "12:15"}, {"from": "12:00", "to": "18:00"}, True),
        ({"days": ["mon"], "from": "22:00", "to": "06:00", "overnight": True}, {"days": ["tue"], "to": "01:00"}, True),
        ({"from": "08:00", "to": "09:00"}, {"from": "08:00", "to": "09:00", "timezone": "Asia/Tokyo"}, False),
    ],
)
def test_which_ever_meet(one: dict[str, object] | None, other: dict[str, object], expected: bool) -> None:
    now = datetime(2026, 5, 4, 12, tzinfo=UTC)
    first, second = None if one is None else schedule(**one), schedule(**other)
    assert overlap(first, second, None, now) is expected
    assert overlap(second, first, None, now) is expected
