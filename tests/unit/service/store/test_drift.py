from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from service.store.database import Database
from service.store.drift import DayCount, DayMoment, DriftStore

LEARNED = datetime(2026, 3, 1, 12, 0, 0, 250, tzinfo=UTC)


@pytest.fixture
def store(database: Database) -> DriftStore:
    return DriftStore(database)


def count(day: int, frames: int = 100, unusual: int = 1, stream: str = "a", learned: datetime = LEARNED) -> DayCount:
    return DayCount(stream, day, learned, frames, unusual)


def moment(day: int, second: int = 0, stream: str = "a") -> DayMoment:
    return DayMoment(stream, day, LEARNED + timedelta(days=day, seconds=second), 4.5, b"\x00jpeg\xff")


def test_days_and_moments_come_back_as_they_were(store: DriftStore) -> None:
    store.write([count(1), count(2, stream="b")], [moment(1), moment(1, 70)])
    assert set(store.days()) == {count(1), count(2, stream="b")}
    assert set(store.moments()) == {moment(1), moment(1, 70)}


def test_a_day_that_is_written_again_has_its_new_numbers_and_moments(store: DriftStore) -> None:
    store.write([count(1), count(2)], [moment(1), moment(2)])
    later = LEARNED + timedelta(hours=1)
    store.write([count(1, 900, 40, learned=later)], [moment(1, 70)])
    assert set(store.days()) == {count(1, 900, 40, learned=later), count(2)}
    assert set(store.moments()) == {moment(1, 70), moment(2)}


def test_what_is_dropped_is_gone_and_nothing_else(store: DriftStore) -> None:
    store.write([count(1), count(2), count(1, stream="b")], [moment(1), moment(2), moment(1, stream="b")])
    store.write([], [], [("a", 1)])
    assert set(store.days()) == {count(2), count(1, stream="b")}
    assert set(store.moments()) == {moment(2), moment(1, stream="b")}


def test_a_stream_is_forgotten_alone(store: DriftStore) -> None:
    store.write([count(1), count(1, stream="b")], [moment(1), moment(1, stream="b")])
    store.forget("a")
    assert store.days() == [count(1, stream="b")]
    assert store.moments() == [moment(1, stream="b")]
