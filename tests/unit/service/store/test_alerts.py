from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from service.contracts.alert import Alert, AlertCount, AlertEvent, AlertKind, AlertState, Verdict
from service.contracts.stream import StreamSpec
from service.errors import InvalidInput, NotFound
from service.store.alert_filter import AlertFilter
from service.store.alerts import AlertStore
from service.store.database import Database
from service.store.feedback import AlertEmbeddings, FeedbackStore
from service.store.streams import StreamStore
from support.alerts import NOON, make_alert


@pytest.fixture
def store(database: Database, tmp_path: Path) -> AlertStore:
    return AlertStore(database, tmp_path / "snapshots")


def record(store: AlertStore, alert: Alert, event: str = "opened") -> AlertEvent:
    with store.database.transaction() as connection:
        return store.record(connection, alert, event)


def judge(store: AlertStore, alert_id: str, verdict: Verdict | None, stream: str | None = None) -> None:
    feedback = FeedbackStore(store.database)
    with store.database.transaction() as connection:
        store.review(connection, alert_id, {"verdict": verdict}, NOON)
        if stream is not None:
            feedback.learn(connection, stream, alert_id, verdict, radius=0.1)


def ids(alerts: Sequence[Alert]) -> str:
    return "".join(alert.id for alert in alerts)


def test_an_alert_comes_back_as_it_was(store: AlertStore) -> None:
    alert = make_alert("a", 0.123456)
    event = record(store, alert)
    assert store.get("a") == alert
    assert event == AlertEvent(id="a-1", at=event.at, event="opened", alert=alert)


def test_an_outage_comes_back_as_it_was(store: AlertStore) -> None:
    empty: dict[str, Any] = {
        "opened_pts": None,
        "peak_score": None,
        "peak_at": None,
        "threshold": None,
        "heads": {},
        "objects": [],
    }
    alert = make_alert("a", kind=AlertKind.OFFLINE, **empty)
    record(store, alert)
    assert store.get("a") == alert


def test_every_change_has_an_event_of_its_own(store: AlertStore) -> None:
    record(store, make_alert("a"))
    end = NOON + timedelta(seconds=9)
    closed = make_alert("a", state=AlertState.CLOSED, updated_at=end, closed_at=end, closed_pts=9.0, peak_score=0.9)
    assert record(store, make_alert("a"), "updated").id == "a-2"
    last = record(store, closed, "closed")
    assert last == AlertEvent(id="a-3", at=last.at, event="closed", alert=closed)
    assert last.at is not None
    assert store.get("a") == closed


def test_a_change_leaves_a_verdict_a_clip_and_an_older_picture_alone(store: AlertStore) -> None:
    record(store, make_alert("a", snapshot="/alerts/a/snapshot.jpg", clip="/alerts/a/clip.mp4"))
    judge(store, "a", "false_alarm")
    event = record(store, make_alert("a", state=AlertState.CLOSED), "closed")
    kept = (event.alert.verdict, event.alert.clip, event.alert.snapshot)
    assert kept == ("false_alarm", "/alerts/a/clip.mp4", "/alerts/a/snapshot.jpg")
    assert store.get("a") == event.alert
    judge(store, "a", None)
    assert store.get("a").verdict is None


def test_a_false_alarm_says_what_it_taught_and_why_nothing(store: AlertStore, database: Database) -> None:
    stream = StreamStore(database).create(StreamSpec(name="Yard", url="file:yard.mp4"), None).id
    feedback = FeedbackStore(database)
    looks = {"one": 1, "three": 3}
    for alert_id, kind, of in (
        ("one", AlertKind.ANOMALY, stream),
        ("three", AlertKind.ANOMALY, stream),
        ("blind", AlertKind.ANOMALY, stream),
        ("outage", AlertKind.OFFLINE, stream),
        ("orphan", AlertKind.ANOMALY, "gone"),
    ):
        record(store, make_alert(alert_id, stream=of, kind=kind))
        if alert_id in looks:
            with database.transaction() as connection:
                features = np.eye(looks[alert_id], 4, dtype=np.float16)
                feedback.record_embeddings(connection, of, AlertEmbeddings(alert_id, "hash", features))
        assert store.get(alert_id).taught is None

    def told(alert_id: str) -> tuple[int, str]:
        teaching = store.get(alert_id).taught
        assert teaching is not None
        return teaching.objects, teaching.detail

    for alert_id in ("one", "three", "blind", "outage"):
        judge(store, alert_id, "false_alarm", stream)
    judge(store, "orphan", "false_alarm")
    assert [told(alert_id)[0] for alert_id in ("one", "three", "blind", "outage", "orphan")] == [1, 3, 0, 0, 0]
    for alert_id, why in (
        ("three", "one of its 3 objects"),
        ("blind", "what its objects look like is not known"),
        ("outage", "it is about the camera, and has no objects"),
        ("orphan", "its camera is no longer registered"),
    ):
        assert why in told(alert_id)[1]
    with database.transaction() as connection:
        feedback.learn(connection, stream, "three", "false_alarm", radius=0.1, keep=1)
    assert told("one") == (0, "Nothing was learned: newer false alarms have taken its place.")
    assert store.list(AlertFilter(streams=[stream]), limit=1)[0].taught == store.get("three").taught
    judge(store, "three", "confirmed", stream)
    assert store.get("three").taught is None


FILTERS = [
    ({}, "edcba"),
    ({"streams": ["yard"]}, "eca"),
    ({"streams": ["yard", "gate"]}, "edcba"),
    ({"streams": ["gone"]}, ""),
    ({"state": AlertState.OPEN}, "ed"),
    ({"state": AlertState.CLOSED, "streams": ["yard"]}, "ca"),
    ({"since": NOON + timedelta(seconds=2)}, "edc"),
    ({"since": NOON + timedelta(seconds=2, microseconds=1)}, "ed"),
    ({"until": NOON + timedelta(seconds=2)}, "ba"),
    ({"since": NOON + timedelta(seconds=1), "until": NOON + timedelta(seconds=3)}, "cb"),
    ({"kinds": [AlertKind.OFFLINE]}, "b"),
    ({"kinds": list(AlertKind)}, "edcba"),
    ({"verdicts": ["confirmed"]}, "d"),
    ({"verdicts": ["confirmed", "false_alarm"]}, "da"),
    ({"verdicts": ["none"]}, "ecb"),
    ({"verdicts": ["none", "false_alarm"]}, "ecba"),
    ({"text": "BICYCLE"}, "c"),
    ({"text": "gard"}, "a"),
    ({"text": "size person"}, "edcba"),
    ({"text": "size bicycle", "streams": ["gate"]}, ""),
    ({"text": "yard"}, "eca"),
    ({"text": "van", "verdicts": ["none"]}, "c"),
    ({"text": "50%_"}, "e"),
    ({"text": "5%0"}, ""),
    ({"text": "STRASSE"}, "e"),
]


@pytest.fixture
def five(store: AlertStore) -> AlertStore:
    person = make_alert("any").objects[0]
    cyclist = person.model_copy(update={"label": "van", "caption": "a person riding a Bicycle, fast"})
    for second, alert_id in [(3, "d"), (0, "a"), (2, "c"), (4, "e"), (1, "b")]:
        alert = make_alert(
            alert_id,
            second,
            "yard" if alert_id in "ace" else "gate",
            state=AlertState.OPEN if alert_id in "de" else AlertState.CLOSED,
            kind=AlertKind.OFFLINE if alert_id == "b" else AlertKind.ANOMALY,
            objects=[cyclist] if alert_id == "c" else [person],
        )
        record(store, alert)
    judge(store, "a", "false_alarm")
    judge(store, "d", "confirmed")
    with store.database.transaction() as connection:
        store.review(connection, "a", {"note": "The gardener."}, NOON)
        store.review(connection, "e", {"note": "50%_ of the Stra\u00dfe"}, NOON)
    return store


@pytest.mark.parametrize(("wanted", "expected"), FILTERS)
def test_alerts_are_found_newest_first_and_counted(five: AlertStore, wanted: dict[str, Any], expected: str) -> None:
    wanted_alerts = AlertFilter(**wanted)
    assert ids(five.list(wanted_alerts)) == expected
    unreviewed = sum(each not in "ad" for each in expected)
    assert five.count(wanted_alerts) == AlertCount(alerts=len(expected), unreviewed=unreviewed)
    days = five.days(wanted_alerts, "UTC")
    assert [(day.day.isoformat(), day.alerts, day.unreviewed) for day in days] == (
        [("2026-05-04", len(expected), unreviewed)] if expected else []
    )


@pytest.mark.parametrize(
    ("cursor", "limit", "stream", "expected"),
    [
        ("d", 100, None, "cba"),
        ("d", 1, None, "c"),
        ("e", 100, "yard", "ca"),
        ("a", 100, None, ""),
        ("1777896003000000~d", 100, None, "cba"),
        ("1777896003000000~gone", 100, None, "dcba"),
        ("99999999999999999~z", 100, None, "edcba"),
        ("-99999999999999~z", 100, None, ""),
    ],
)
def test_a_page_begins_after_a_cursor(
    five: AlertStore, cursor: str, limit: int, stream: str | None, expected: str
) -> None:
    streams = [] if stream is None else [stream]
    assert ids(five.list(AlertFilter(streams=streams), limit, cursor)) == expected


def test_pages_of_alerts_of_one_moment_miss_none_and_repeat_none(store: AlertStore) -> None:
    for alert_id in "cadbe":
        record(store, make_alert(alert_id, 0))
    pages, before = "", None
    while page := store.list(limit=2, cursor=before):
        pages += ids(page)
        before = page[-1].id
    assert pages == "edcba"


def test_unknown_ids_are_told_of(store: AlertStore) -> None:
    for call in (store.get, store.snapshot_path, lambda alert_id: judge(store, alert_id, "confirmed")):
        with pytest.raises(NotFound, match="'ghost'") as caught:
            call("ghost")
        assert caught.value.code == "alert_not_found"
    with pytest.raises(InvalidInput, match="'ghost'") as refused:
        store.list(cursor="ghost")
    assert refused.value.code == "invalid_cursor"


def test_a_snapshot_is_there_or_told_of(store: AlertStore) -> None:
    record(store, make_alert("a", snapshot="/alerts/a/snapshot.jpg"))
    with pytest.raises(NotFound) as caught:
        store.snapshot_path("a")
    assert caught.value.code == "snapshot_not_found"
    store.snapshots.mkdir()
    (store.snapshots / "a.jpg").write_bytes(b"jpeg")
    assert store.snapshot_path("a").read_bytes() == b"jpeg"
    with store.database.transaction() as connection:
        store.forget_snapshots(connection, ["a"])
    assert store.get("a").snapshot is None
    with pytest.raises(NotFound):
        store.snapshot_path("a")


def test_an_id_is_never_a_way_out_of_the_folder(store: AlertStore, tmp_path: Path) -> None:
    (tmp_path / "private.jpg").write_bytes(b"private")
    with pytest.raises(NotFound):
        store.snapshot_path("../private")


def test_what_is_open_is_listed_oldest_first(store: AlertStore) -> None:
    for second, alert_id in enumerate("abc"):
        record(store, make_alert(alert_id, 9 - second, state=AlertState.CLOSED if alert_id == "b" else AlertState.OPEN))
    with store.database.reading() as connection:
        assert ids(store.still_open(connection)) == "ca"


def test_the_oldest_closed_alerts_make_room(store: AlertStore) -> None:
    for second, alert_id in enumerate("abcdef"):
        record(store, make_alert(alert_id, second, state=AlertState.OPEN if alert_id == "a" else AlertState.CLOSED))
    assert store.prune() == []
    assert AlertStore(store.database, store.snapshots, keep=4).prune() == ["b", "c"]
    assert ids(store.list()) == "feda"


def test_an_alert_that_taught_something_stays_so_that_it_can_be_taken_back(
    store: AlertStore, database: Database
) -> None:
    stream = StreamStore(database).create(StreamSpec(name="Yard", url="file:yard.mp4"), None).id
    feedback, few = FeedbackStore(database), AlertStore(database, store.snapshots, keep=0)
    record(store, make_alert("a", stream=stream, state=AlertState.CLOSED))
    with database.transaction() as connection:
        feedback.record_embeddings(connection, stream, AlertEmbeddings("a", "hash", np.eye(1, 4, dtype=np.float16)))
    judge(store, "a", "false_alarm", stream)
    assert few.prune() == []
    judge(store, "a", None, stream)
    assert few.prune() == ["a"]
