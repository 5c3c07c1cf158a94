from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy.exc import OperationalError

from service.delivery.drift import APART_S, MOMENTS, PICTURED_DAYS, DriftWatch
from service.frames import Sight
from service.metrics import Metrics
from service.store.database import Database
from service.store.drift import KEPT_DAYS, DayCount, DriftStore
from support.alerts import NOON, scored_frame

LEARNED = datetime(2026, 3, 1, tzinfo=UTC)
TODAY = NOON.date().toordinal()
DAY_S = 86_400.0


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'watchword.db'}")
    yield database
    database.close()


@pytest.fixture
def watch(database: Database) -> DriftWatch:
    return DriftWatch(DriftStore(database), Metrics())


def see(watch: DriftWatch, second: float, surprise: float | None, stream: str = "a", **changes: object) -> None:
    frame = replace(scored_frame(second, surprise), **changes)  # type: ignore[arg-type]
    watch.take(stream, frame, LEARNED, UTC)


def counts(watch: DriftWatch, stream: str = "a", learned: datetime = LEARNED) -> list[tuple[int, int, int]]:
    return [(each.day - TODAY, each.frames, each.unusual) for each in watch.days(stream, learned)]


def restarted(database: Database) -> DriftWatch:
    again = DriftWatch(DriftStore(database), Metrics())
    again.start()
    again.close()
    return again


def test_frames_are_counted_by_day_and_those_that_one_in_a_hundred_is(watch: DriftWatch) -> None:
    for second, surprise in ((0, 1.99), (1, 2.0), (2, 5.0), (DAY_S, 0.1), (DAY_S + 1, None)):
        see(watch, second, surprise)
    assert counts(watch) == [(1, 1, 0), (0, 3, 2)]
    assert counts(watch, "b") == []


def test_a_day_begins_where_the_camera_hangs(watch: DriftWatch) -> None:
    late = scored_frame(12.5 * 3600, 1.0)  # half past midnight in UTC
    watch.take("a", late, LEARNED, UTC)
    watch.take("b", late, LEARNED, ZoneInfo("America/New_York"))
    assert (counts(watch, "a")[0][0], counts(watch, "b")[0][0]) == (1, 0)


def test_what_nothing_could_be_said_of_does_not_count(watch: DriftWatch) -> None:
    see(watch, 0, 5.0, unsmoothed=None)
    frame = scored_frame(0, 5.0)
    ghosts = replace(frame.source, sight=Sight(settled=False), motion=Ghostly())  # type: ignore[arg-type]
    see(watch, 1, 5.0, source=ghosts)
    assert counts(watch) == []


class Ghostly:
    """Motion with something in its foreground."""

    class foreground:  # noqa: N801
        @staticmethod
        def any() -> bool:
            return True


def test_rules_do_not_hide_what_is_new(watch: DriftWatch) -> None:
    watch.take("a", replace(scored_frame(0, 5.0), surprise=0.0), LEARNED, UTC)
    assert counts(watch) == [(0, 1, 1)]


def test_under_another_profile_the_day_begins_anew(watch: DriftWatch) -> None:
    see(watch, 0, 5.0)
    later = LEARNED + timedelta(hours=1)
    watch.take("a", scored_frame(1, 1.0), later, UTC)
    assert counts(watch) == []
    assert counts(watch, learned=later) == [(0, 1, 0)]


def test_days_and_their_pictures_are_there_after_a_restart(watch: DriftWatch, database: Database) -> None:
    for second in (0, 5, 2 * APART_S):
        see(watch, second, 4.0)
    watch.flush()
    again = restarted(database)
    assert counts(again) == counts(watch) == [(0, 3, 3)]
    assert again.moments("a", TODAY) == watch.moments("a", TODAY)
    assert [moment.picture[:2] for moment in again.moments("a", TODAY)] == [b"\xff\xd8"] * 2


def test_a_moment_has_the_picture_of_its_height(watch: DriftWatch) -> None:
    for second, surprise in ((0, 3.0), (1, 3.05), (2, 4.0), (3, 3.9)):
        see(watch, second, surprise)
    (moment,) = watch.moments("a", TODAY)
    assert (moment.at, moment.surprise) == (NOON + timedelta(seconds=2), 4.0)


def test_of_many_moments_the_most_unusual_stay_the_newest_first(watch: DriftWatch) -> None:
    surprises = [3.0 + (7 * index % 10) / 5 for index in range(10)]
    for index, surprise in enumerate(surprises):
        see(watch, index * 2 * APART_S, surprise)
    kept = watch.moments("a", TODAY)
    assert sorted((each.surprise for each in kept), reverse=True) == sorted(surprises, reverse=True)[:MOMENTS]
    assert [each.at for each in kept] == sorted((each.at for each in kept), reverse=True)


def test_no_more_days_and_pictures_are_kept_than_there_is_room_for(watch: DriftWatch, database: Database) -> None:
    for day in range(KEPT_DAYS + 3):
        see(watch, day * DAY_S, 4.0)
        watch.flush()
    store = DriftStore(database)
    assert sorted(each.day - TODAY for each in store.days()) == list(range(3, KEPT_DAYS + 3))
    assert len(store.moments()) == PICTURED_DAYS
    assert counts(watch)[-1][0] == 3
    assert watch.moments("a", TODAY + 3) == []


def test_a_clock_that_ran_ahead_deletes_nothing(watch: DriftWatch, database: Database) -> None:
    see(watch, 0, 4.0)
    see(watch, 400 * DAY_S, 4.0)
    see(watch, 1, 4.0)
    watch.flush()
    assert counts(restarted(database)) == [(400, 1, 1), (0, 2, 2)]


def test_what_the_store_does_not_take_is_written_later(
    watch: DriftWatch, database: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    see(watch, 0, 4.0)
    with monkeypatch.context() as patched:
        patched.setattr(DriftStore, "write", refuse)
        watch.flush()
        watch.flush()
    assert caplog.text.count("cannot be stored") == 1
    assert counts(watch) == [(0, 1, 1)]
    watch.flush()
    assert counts(restarted(database)) == [(0, 1, 1)]


def refuse(*_arguments: object) -> None:
    raise OperationalError("INSERT", {}, Exception("disk full"))


def test_a_deleted_stream_is_forgotten(watch: DriftWatch, database: Database) -> None:
    see(watch, 0, 4.0)
    watch.flush()
    see(watch, 1, 4.0)
    watch.forget("a")
    watch.flush()
    assert counts(watch) == []
    assert DriftStore(database).days() == []


def test_the_metric_is_todays_share(database: Database) -> None:
    metrics = Metrics()
    watch = DriftWatch(DriftStore(database), metrics)
    for second, surprise in ((-DAY_S, 4.0), (0, 4.0), (1, 1.0), (2, 1.0), (3, 1.0)):
        see(watch, second, surprise)
    watch.flush()
    assert metrics.registry.get_sample_value("watchword_unusual_share", {"stream": "a"}) == 0.25


def test_what_is_not_written_yet_is_written_at_the_end(database: Database) -> None:
    watch = DriftWatch(DriftStore(database), Metrics())
    watch.start()
    see(watch, 0, 4.0)
    watch.close()
    watch.close()
    assert DriftStore(database).days() == [DayCount("a", TODAY, LEARNED, 1, 1)]


def test_the_pictures_of_two_days_are_there_when_the_next_has_begun(watch: DriftWatch) -> None:
    for day in range(3):
        see(watch, day * DAY_S, 4.0)
    assert [len(watch.moments("a", TODAY + day)) for day in range(3)] == [1, 1, 1]
