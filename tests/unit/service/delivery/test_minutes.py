from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from service.contracts.stream import StreamState
from service.delivery import minutes as module
from service.delivery.minutes import MAX_SILENT, MINUTE_S, ScoreMinutes
from service.store.database import Database
from service.store.score_minutes import ScoreMinute, ScoreMinuteStore
from support.alerts import wait_until
from support.serving import score_message

START = 1_777_896_000.0
"""A whole minute."""


class Clock:
    """A wall clock that stands still until it is set."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'watchword.db'}")
    yield database
    database.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def minutes(database: Database, clock: Clock) -> ScoreMinutes:
    return ScoreMinutes(ScoreMinuteStore(database), clock)


def say(minutes: ScoreMinutes, second: float, score: float | None, state: str = "live", stream: str = "a") -> None:
    minutes.take(
        score_message(stream, 1, captured_at=START + second, score=score, state=StreamState(state), surprise=None)
    )


def told(minutes: ScoreMinutes, stream: str = "a") -> list[tuple[int, float | None, str]]:
    first = int(START // MINUTE_S)
    found = minutes.between(stream, START - 3600, START + 86_400)
    return [(each.minute - first, each.score, each.state.value) for each in found]


def test_the_highest_of_a_minute_is_kept_and_is_there_before_it_is_written(
    minutes: ScoreMinutes, clock: Clock, database: Database
) -> None:
    for second, score in [(1, 0.2), (2, 0.9), (59.9, 0.3), (60, 0.1)]:
        say(minutes, second, score)
    assert told(minutes) == [(0, 0.9, "live"), (1, 0.1, "live")]
    clock.now = START + 65
    minutes.flush()
    written = ScoreMinuteStore(database).between("a", 0, 10**9)
    assert [each.score for each in written] == [0.9]  # the minute under way is not over
    assert told(minutes) == [(0, 0.9, "live"), (1, 0.1, "live")]


def test_a_frame_that_comes_late_still_counts(minutes: ScoreMinutes, clock: Clock) -> None:
    say(minutes, 1, 0.2)
    clock.now = START + 65
    minutes.flush()
    say(minutes, 2, 0.8)
    minutes.flush()
    assert told(minutes) == [(0, 0.8, "live")]


def test_a_camera_that_sends_nothing_is_told_apart_from_a_service_that_does_not_run(
    minutes: ScoreMinutes, clock: Clock, database: Database
) -> None:
    say(minutes, 1, 0.2)
    say(minutes, 30, None, "offline")
    for minute in range(1, 4):
        clock.now = START + minute * 60 + 5
        minutes.flush()
    minutes.close()
    assert told(minutes) == [(0, 0.2, "live"), (1, None, "offline"), (2, None, "offline")]
    clock.now = START + 600
    again = ScoreMinutes(ScoreMinuteStore(database), clock)
    say(again, 610, 0.4)
    again.close()
    assert told(again) == [(0, 0.2, "live"), (1, None, "offline"), (2, None, "offline"), (10, 0.4, "live")]


def test_a_restart_within_a_minute_keeps_the_higher_score(
    minutes: ScoreMinutes, clock: Clock, database: Database
) -> None:
    say(minutes, 1, 0.7)
    minutes.close()
    again = ScoreMinutes(ScoreMinuteStore(database), clock)
    say(again, 30, 0.3)
    assert told(again) == [(0, 0.7, "live")]
    again.close()
    assert told(again) == [(0, 0.7, "live")]


def test_hours_in_which_the_process_stood_still_are_a_gap(minutes: ScoreMinutes, clock: Clock) -> None:
    say(minutes, 1, 0.2)
    clock.now = START + 7200
    minutes.flush()
    assert told(minutes) == [(0, 0.2, "live"), *((120 - ago, None, "live") for ago in range(MAX_SILENT, 0, -1))]


def test_what_the_store_does_not_take_waits_and_is_bounded(
    minutes: ScoreMinutes, clock: Clock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    merge = ScoreMinuteStore.merge

    def full(*_: object) -> None:
        raise OperationalError("INSERT", {}, OSError(28, "database or disk is full"))

    monkeypatch.setattr(ScoreMinuteStore, "merge", full)
    monkeypatch.setattr(module, "MAX_WAITING", 3)
    for minute in range(5):
        say(minutes, minute * 60, 0.1 * minute)
        clock.now = START + minute * 60 + 1
        minutes.flush()
    assert len(caplog.records) == 1  # and not one every quarter of a minute
    monkeypatch.setattr(ScoreMinuteStore, "merge", merge)
    minutes.flush(everything=True)
    assert [minute for minute, _, _ in told(minutes)] == [2, 3, 4]


def test_a_deleted_stream_leaves_nothing(minutes: ScoreMinutes, clock: Clock) -> None:
    for stream in ("a", "b"):
        say(minutes, 1, 0.2, stream=stream)
        clock.now = START + 61
        minutes.flush()
        say(minutes, 61, 0.3, stream=stream)
    minutes.forget("a")
    clock.now = START + 125
    minutes.flush()
    assert told(minutes) == []
    assert [minute for minute, _, _ in told(minutes, "b")] == [0, 1]


def test_the_thread_writes_and_ends(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FLUSH_S", 0.01)
    minutes = ScoreMinutes(ScoreMinuteStore(database), lambda: START + 120)
    minutes.start()
    say(minutes, 1, 0.5)
    first = int(START // MINUTE_S)
    wait_until(lambda: ScoreMinuteStore(database).between("a", first, first + 1))
    assert ScoreMinuteStore(database).between("a", first, first + 1) == [ScoreMinute("a", first, 0.5, StreamState.LIVE)]
    minutes.close()
    minutes.close()


@pytest.mark.parametrize("wrong", [0.0, START + 31 * 86_400])
def test_a_service_that_starts_with_a_wrong_clock_loses_no_minute(
    minutes: ScoreMinutes, clock: Clock, database: Database, wrong: float
) -> None:
    say(minutes, 1, 0.9)
    minutes.flush(everything=True)
    clock.now = wrong
    again = ScoreMinutes(ScoreMinuteStore(database), clock)
    say(again, wrong - START, 0.1)
    again.flush(everything=True)
    clock.now = START + 60
    again.flush(everything=True)
    assert (0, 0.9, "live") in told(again)
