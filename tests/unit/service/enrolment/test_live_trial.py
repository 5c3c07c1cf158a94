from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from service.enrolment.live_trial import BEFORE_S, MAX_CHANGES, SETTLE_S, LiveTrial

LEARNED = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = LEARNED.timestamp()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "profiles" / "yard.live.npz"


def hour(live: LiveTrial, start: float = 0.0, seconds: int = SETTLE_S, event: int | None = None) -> int:
    """Score as many seconds at two frames a second, with an alert; how often it was time to settle."""
    due = 0
    for index in range(2 * seconds):
        at = start + index / 2
        level = 4.0 if event is not None and event <= index / 2 < event + 5 else 0.5
        due += live.observe(level, at, 0, DAY + at)
    return due


def test_hours_count_once_they_are_settled(path: Path) -> None:
    live = LiveTrial(path, LEARNED)
    assert hour(live, seconds=SETTLE_S + 100, event=100) == 1
    assert live.trial.hours == 0
    live.settle()
    assert live.trial.hours * 3600 == pytest.approx(SETTLE_S + 100, abs=1)
    assert live.trial.incidents(3.0) == 1


def test_what_was_true_does_not_count_and_can_be_taken_back(path: Path) -> None:
    live = LiveTrial(path, LEARNED)
    hour(live, event=100)
    live.settle()
    span = (DAY + 100.5, DAY + 106)
    assert live.judge("a", span)
    assert not live.judge("a", span)
    assert live.trial.incidents(3.0) == 0
    assert live.trial.hours * 3600 == pytest.approx(SETTLE_S - 5.5 - BEFORE_S - 3, abs=2)
    assert live.judge("a", None)
    assert live.trial.incidents(3.0) == 1
    assert not live.judge("never seen", None)


def test_all_of_it_is_there_after_a_restart(path: Path) -> None:
    live = LiveTrial(path, LEARNED)
    hour(live, event=100)
    live.settle()
    live.judge("a", (DAY + 100.5, DAY + 106))
    for number in range(MAX_CHANGES + 5):
        live.note(4.1, 3.0 + number, 31.0)
    live.save()
    again = LiveTrial(path, LEARNED)
    assert again.trial.seconds.tolist() == live.trial.seconds.tolist()
    assert again.trial.incidents(3.0) == 0
    assert again.changes == live.changes
    assert len(again.changes) == MAX_CHANGES
    assert again.changes[-1].threshold == 3.0 + MAX_CHANGES + 4
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_hours_of_another_profile_do_not_count(path: Path) -> None:
    live = LiveTrial(path, LEARNED)
    hour(live)
    live.settle()
    live.save()
    assert LiveTrial(path, LEARNED + timedelta(days=1)).trial.hours == 0


def test_a_damaged_file_costs_its_hours_alone(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path.parent.mkdir()
    path.write_bytes(b"no archive")
    assert LiveTrial(path, LEARNED).trial.hours == 0
    assert "cannot be read" in caplog.text


def test_a_disk_that_takes_nothing_stops_nothing(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path.parent.write_text("in the way")
    live = LiveTrial(path, LEARNED)
    hour(live, seconds=10)
    live.settle()
    live.save()
    assert "not written now" in caplog.text
    assert live.trial.hours > 0
