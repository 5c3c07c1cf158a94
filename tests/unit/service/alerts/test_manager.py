from __future__ import annotations

import logging
import re
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from sqlalchemy import event

from service.alerts.incident_machine import IncidentRules
from service.contracts.alert import Alert, AlertEvent, AlertKind, AlertState
from service.contracts.stream import NotWatching, NotWatchingReason, StreamState
from service.sinks import MemorySink
from service.store.alert_filter import AlertFilter
from service.store.outbox import Outbox
from support.alerts import NOON, make_alert, wait_until
from support.house import CALM, EXTREME, UNUSUAL
from support.house import House as FullHouse

QUICK = IncidentRules(gap_s=0.4)


class House(FullHouse):
    """With a sink in memory, to see what it was told."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.sink = MemorySink(1000)
        super().__init__(folder, sinks=[self.sink], **options)

    def told(self) -> list[str]:
        return [event.event for event in self.sink.recent()]

    def wait_told(self, *events: str) -> list[AlertEvent]:
        wait_until(lambda: len(self.sink.recent()) >= len(events))
        assert self.told() == list(events)
        return self.sink.recent()


@pytest.fixture
def build(tmp_path: Path) -> Iterator[Callable[..., House]]:
    houses: list[House] = []

    def make(**settings: object) -> House:
        houses.append(House(tmp_path, **settings))
        houses[-1].manager.start()
        return houses[-1]

    yield make
    for house in houses:
        house.close()
    assert [thread.name for thread in threading.enumerate() if "alert" in thread.name] == []


@pytest.fixture
def house(build: Callable[..., House]) -> House:
    return build()


def test_an_alert_that_was_closed_is_open_no_longer_though_nothing_is_scored(house: House) -> None:
    assert house.manager.open_alert("yard") is None
    alert_id = house.watch(UNUSUAL, 1)
    assert alert_id is not None
    assert house.manager.open_alert("yard") == alert_id
    assert house.manager.open_alert("gate") is None
    house.manager.source_state("yard", "Yard", StreamState.PAUSED)
    assert house.manager.open_alert("yard") is None


def test_an_incident_from_its_first_frame_to_the_sink(house: House) -> None:
    assert house.watch(CALM, 1) is None
    alert_id = house.watch(UNUSUAL, 1)
    assert alert_id is not None
    opened = house.wait_told("opened")[0].alert
    assert opened == house.store.get(alert_id)
    assert (opened.id, opened.stream_id, opened.stream_name) == (alert_id, "yard", "Yard")
    assert (opened.kind, opened.state, opened.closed_at) == (AlertKind.ANOMALY, AlertState.OPEN, None)
    assert opened.opened_pts == pytest.approx(1.3)
    assert opened.opened_at.timestamp() == pytest.approx(NOON.timestamp() + 1.3)
    assert opened.peak_score == pytest.approx(5 / 6)
    assert opened.threshold == pytest.approx(4 / 6)
    assert opened.heads == {"attributes": pytest.approx(5 / 6)}
    (person,) = opened.objects
    assert (person.track_id, person.label, person.terms["speed"]) == (3, "person", 5.0)
    assert opened.message.startswith("A person moving too fast, in the middle of the picture. Never seen")
    assert house.watch(CALM, 4) is None
    closed = house.wait_told("opened", "closed")[1].alert
    assert closed == house.store.get(alert_id)
    assert closed.state is AlertState.CLOSED
    assert closed.closed_pts == pytest.approx(4.9, abs=0.15)
    assert [alert.id for alert in house.store.list()] == [alert_id]
    assert house.metric("alerts_total", stream="yard", kind="anomaly") == 1
    wait_until(lambda: house.metric("deliveries_total", sink="memory", outcome="delivered") == 2)
    assert house.metric("outbox_depth", sink="memory") == 0


def test_what_people_say_is_told_after_what_happened(house: House) -> None:
    alert_id = house.incident()
    house.wait_told("opened", "closed")
    (alert,) = house.manager.review([alert_id], {"verdict": "confirmed", "note": "A thief."}, {})
    *_, told = house.wait_told("opened", "closed", "reviewed")
    assert told.alert == alert == house.store.get(alert_id)
    assert (alert.verdict, alert.note) == ("confirmed", "A thief.")
    house.manager.review([alert_id], {"verdict": "confirmed"}, {})
    house.manager.review([alert_id], {"note": None}, {})
    *_, last = house.wait_told("opened", "closed", "reviewed", "reviewed")
    assert (last.alert.verdict, last.alert.note) == ("confirmed", None)


def snapshot(house: House, alert_id: str) -> np.ndarray:
    return np.asarray(cv2.imread(str(house.store.snapshot_path(alert_id))), np.uint8)


def test_the_picture_is_of_the_peak_with_its_box(house: House) -> None:
    dark, bright = np.full((120, 160, 3), 30, np.uint8), np.full((120, 160, 3), 200, np.uint8)
    house.watch(UNUSUAL, 1, image=dark)
    alert_id = house.wait_told("opened")[0].alert.id
    assert np.median(snapshot(house, alert_id)) < 60
    house.watch(UNUSUAL, 1, image=dark)
    house.watch(EXTREME, 0.1, image=bright)
    house.watch(UNUSUAL, 2, image=dark)
    updated = house.wait_told("opened", "updated")[1].alert
    assert (updated.peak_score, updated.objects[0].score) == (1.0, 1.0)
    picture = snapshot(house, alert_id)
    assert picture.shape == bright.shape
    assert np.median(picture) > 180
    blue, green, red = (int(value) for value in picture[60, 64])  # on the left side of the box
    assert red > 150
    assert max(blue, green) < 110
    assert updated.snapshot == f"/alerts/{alert_id}/snapshot.jpg"


def test_streams_do_not_meddle(house: House) -> None:
    first = house.watch(UNUSUAL, 1, "yard")
    assert house.watch(CALM, 1, "gate") is None
    second = house.watch(UNUSUAL, 1, "gate")
    assert len({first, second, None}) == 3
    house.wait_told("opened", "opened")


def test_the_next_one_waits_for_the_cooldown_unless_it_is_worse(house: House) -> None:
    house.watch(UNUSUAL, 1)
    house.wait_told("opened")
    house.watch(CALM, 4)
    house.watch(UNUSUAL, 1)
    house.watch(CALM, 4)
    assert house.metric("alerts_suppressed_total", stream="yard", cause="cooldown") == 1
    house.watch(UNUSUAL, 0.1)
    house.watch(CALM, 1)
    assert house.metric("alerts_suppressed_total", stream="yard", cause="too_short") == 1
    house.watch(EXTREME, 1)
    house.wait_told("opened", "closed", "opened")


def test_nothing_scored_closes_in_real_time(build: Callable[..., House]) -> None:
    house = build(rules=QUICK)
    alert_id = house.watch(UNUSUAL, 1)
    closed = house.wait_told("opened", "closed")[1].alert
    assert closed.id == alert_id
    assert re.search(r"Closed because nothing was scored for \d seconds\.$", closed.message)
    assert closed.closed_at is not None
    assert closed.closed_at.timestamp() == pytest.approx(NOON.timestamp() + 0.9)


def test_an_unscored_stream_raises_nothing(house: House) -> None:
    assert house.watch(None, 5) is None
    assert house.store.list() == []


# ---- outages


def test_a_camera_goes_away_and_comes_back(house: House) -> None:
    house.manager.source_state("yard", "Yard", StreamState.LIVE)
    house.manager.source_state("yard", "Yard", StreamState.STALLED)
    opened = house.wait_told("opened")[0].alert
    assert (opened.kind, opened.stream_id, opened.peak_score) == (AlertKind.OFFLINE, "yard", None)
    assert opened.message == "Yard is not sending pictures."
    house.manager.source_state("yard", "Yard", StreamState.OFFLINE)
    assert house.metric("alerts_total", stream="yard", kind="stream_offline") == 1
    assert house.store.list() == [opened]


@pytest.mark.parametrize("jump", [3600.0, -3600.0])
def test_an_outage_is_as_long_as_it_was_when_the_wall_clock_is_set(
    house: House, monkeypatch: pytest.MonkeyPatch, jump: float
) -> None:
    began = time.monotonic()
    house.manager.source_state("yard", "Yard", StreamState.STALLED)
    opened = house.wait_told("opened")[0].alert
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + jump)
    house.manager.source_state("yard", "Yard", StreamState.PAUSED)
    closed = house.wait_told("opened", "closed")[1].alert
    assert closed.closed_at is not None
    assert 0 <= (closed.closed_at - opened.opened_at).total_seconds() <= time.monotonic() - began


def test_nothing_can_be_seen_and_then_something(house: House) -> None:
    why = NotWatching(
        reason=NotWatchingReason.BLACK,
        message="The picture has been black since 12:04 UTC.",
        advice="See whether there is any light.",
        fault=True,
    )
    house.manager.source_state("yard", "Yard", StreamState.LIVE)
    house.manager.sight("yard", "Yard", why)
    opened = house.wait_told("opened")[0].alert
    assert (opened.kind, opened.peak_score) == (AlertKind.NOT_WATCHING, None)
    assert opened.message == "Yard: The picture has been black since 12:04 UTC. See whether there is any light."
    assert house.metric("alerts_total", stream="yard", kind="not_watching") == 1
    house.manager.sight("yard", "Yard", None)
    closed = house.wait_told("opened", "closed")[1].alert
    assert re.fullmatch(r"Yard saw nothing for \d+ s: its picture was black\. It can see again\.", closed.message)
    assert closed.id == opened.id


def test_what_went_away_is_not_blind_any_more(house: House) -> None:
    why = NotWatching(reason=NotWatchingReason.FROZEN, message="...", advice="...", fault=True)
    house.manager.source_state("yard", "Yard", StreamState.LIVE)
    house.manager.sight("yard", "Yard", why)
    house.wait_told("opened")
    house.manager.source_state("yard", "Yard", StreamState.STALLED)
    closed = house.wait_told("opened", "closed")[1].alert
    assert closed.kind is AlertKind.NOT_WATCHING
    assert closed.message.endswith("its picture did not change. Closed because the camera went away.")


def test_a_pause_ends_both_kinds_of_alert(house: House) -> None:
    house.watch(UNUSUAL, 1)
    house.wait_told("opened")
    house.manager.source_state("yard", "Yard", StreamState.STALLED)
    wait_until(lambda: house.told() == ["opened", "opened"])
    house.manager.source_state("yard", "Yard", StreamState.PAUSED)
    events = house.wait_told("opened", "opened", "closed", "closed")
    assert all(event.alert.message.endswith("Closed because the camera was paused.") for event in events[2:])
    time.sleep(1)
    assert house.told().count("opened") == 2


def test_a_deleted_stream_leaves_its_history_closed(house: House) -> None:
    house.watch(UNUSUAL, 1)
    house.manager.source_state("yard", "Yard", StreamState.STALLED)
    wait_until(lambda: house.told() == ["opened", "opened"])
    house.manager.forget("yard")
    house.wait_told("opened", "opened", "closed", "closed")
    assert [alert.state for alert in house.store.list(AlertFilter(streams=["yard"]))] == [AlertState.CLOSED] * 2
    house.manager.forget("yard")
    house.manager.forget("never seen")


# ---- starting and stopping


def test_stopping_closes_what_is_open(build: Callable[..., House]) -> None:
    house = build()
    alert_id = house.watch(UNUSUAL, 1)
    house.close()
    assert house.told() in (["opened", "closed"], ["opened"])
    assert alert_id is not None
    again = build()
    assert again.store.get(alert_id).state is AlertState.CLOSED
    assert again.store.get(alert_id).message.endswith("Closed because the service stopped.")
    assert house.told() + again.told() == ["opened", "closed"]


def test_a_crash_leaves_nothing_open_for_ever(build: Callable[..., House], tmp_path: Path) -> None:
    crashed = House(tmp_path)
    with crashed.database.transaction() as connection:
        crashed.store.record(connection, make_alert("a"), "opened")
        crashed.store.record(connection, make_alert("b", state=AlertState.CLOSED), "closed")
    crashed.database.close()
    house = build()
    (event,) = house.wait_told("closed")
    assert (event.id, event.alert.state) == ("a-2", AlertState.CLOSED)
    assert event.alert.message.endswith("Closed because the service restarted.")
    assert house.store.get("a") == event.alert


def test_starting_drops_what_waits_for_sinks_that_are_gone(
    build: Callable[..., House], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before = House(tmp_path)
    outbox = Outbox(before.database)
    with before.database.transaction() as connection:
        event = AlertEvent(id="a-1", event="opened", alert=make_alert("a"))
        outbox.add(connection, event, ["webhook:gone:1234", "memory"], NOON)
    before.database.close()
    house = build()
    house.wait_told("opened")
    assert outbox.depth("webhook:gone:1234") == 0
    assert "1 events waited for sinks that are no longer in the settings" in caplog.text


def test_closing_twice_and_without_a_start_is_fine(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.close()
    house.close()


# ---- trouble with disks


@pytest.fixture
def hasty(build: Callable[..., House]) -> House:
    """One that does not wait for locks."""
    return build(busy_timeout_s=0.1)


def lock(folder: Path) -> sqlite3.Connection:
    """What another program may do to the database at any time."""
    connection = sqlite3.connect(folder / "watchword.db", isolation_level=None, check_same_thread=False)
    connection.execute("BEGIN IMMEDIATE")
    return connection


def test_a_locked_store_delays_alerts_and_nothing_else(
    hasty: House, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    house, blocker = hasty, lock(tmp_path)
    start = time.monotonic()
    alert_id = house.watch(UNUSUAL, 1)
    house.watch(EXTREME, 3)
    house.watch(CALM, 4)
    assert time.monotonic() - start < 5, "the worker waited for the store"
    wait_until(lambda: house.metric("deliveries_total", sink="store", outcome="failed") >= 2)
    assert house.told() == []
    assert house.metric("outbox_depth", sink="store") == 1
    assert f"alert {alert_id} is not stored yet" in caplog.text
    blocker.execute("ROLLBACK")
    blocker.close()
    events = house.wait_told("opened", "closed")
    assert events[1].alert.peak_score == 1.0
    assert house.store.get(str(alert_id)).snapshot is not None
    wait_until(lambda: house.metric("outbox_depth", sink="store") == 0)


def test_an_alert_that_is_not_stored_starts_no_cooldown(hasty: House, tmp_path: Path) -> None:
    house, blocker = hasty, lock(tmp_path)
    house.watch(UNUSUAL, 1)
    house.watch(CALM, 4)
    second = house.watch(UNUSUAL, 1)
    assert second is not None
    blocker.execute("ROLLBACK")
    blocker.close()
    wait_until(lambda: len(house.sink.recent()) == 3)
    by_alert = [(event.alert.id == second, event.event) for event in house.sink.recent()]
    assert by_alert == [(False, "opened"), (False, "closed"), (True, "opened")]


def test_a_full_disk_delays_alerts_and_loses_none(house: House, caplog: pytest.LogCaptureFixture) -> None:
    limit = {"pages": 1}

    @event.listens_for(house.database.engine, "checkout")
    def squeeze(connection: sqlite3.Connection, *_: object) -> None:
        connection.execute(f"PRAGMA max_page_count = {limit['pages']}")

    house.watch(UNUSUAL, 1, stream="a" * 20_000)  # needs new pages, whatever is free in the present ones
    wait_until(lambda: house.metric("deliveries_total", sink="store", outcome="failed") >= 1)
    assert "database or disk is full" in caplog.text
    assert house.told() == []
    limit["pages"] = 1_000_000
    house.wait_told("opened")


def test_closing_while_the_store_is_locked_says_what_is_lost(
    build: Callable[..., House], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    house, blocker = build(busy_timeout_s=0.1), lock(tmp_path)
    alert_id = house.watch(UNUSUAL, 1)
    start = time.monotonic()
    house.manager.close(timeout=0.5)
    assert time.monotonic() - start < 30
    assert f"LOST alert {alert_id} of stream yard (opened, closed)" in caplog.text
    assert house.metric("alerts_suppressed_total", stream="yard", cause="lost") == 1
    blocker.close()


def test_no_room_for_pictures_costs_only_them(house: House, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    shutil.rmtree(tmp_path / "snapshots")
    house.watch(UNUSUAL, 1)
    assert house.wait_told("opened")[0].alert.snapshot is None
    assert "stays without its picture" in caplog.text


def test_the_oldest_pictures_make_room(build: Callable[..., House]) -> None:
    house = build(snapshot_bytes=5000)  # holds one picture of noise, not two
    noise = np.random.default_rng(0).integers(0, 255, (60, 80, 3), np.uint8)
    first = house.watch(UNUSUAL, 1, "yard", image=noise)
    wait_until(lambda: house.told() == ["opened"])
    second = house.watch(UNUSUAL, 1, "gate", image=noise)
    wait_until(lambda: house.told() == ["opened"] * 2)
    pictures: dict[str, Alert] = {alert.id: alert for alert in house.store.list()}
    assert pictures[str(first)].snapshot is None
    assert pictures[str(second)].snapshot is not None
    assert house.store.snapshot_path(str(second)).stat().st_size <= 5000


def test_logs_are_quiet_in_good_times(house: House, caplog: pytest.LogCaptureFixture) -> None:
    house.watch(UNUSUAL, 1)
    house.watch(CALM, 4)
    house.wait_told("opened", "closed")
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
