"""What people say of alerts is noted, taught and told in one transaction, or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import numpy as np
import pytest
from sqlalchemy import select

from service.alerts.reviewer import Reviewer
from service.alerts.snapshots import SnapshotFolder
from service.alerts.stores import AlertStores
from service.contracts.stream import StreamSpec
from service.errors import NotFound
from service.store.alert_filter import AlertFilter
from service.store.alerts import AlertStore
from service.store.database import Database
from service.store.feedback import AlertEmbeddings, FeedbackStore
from service.store.outbox import Outbox
from service.store.streams import StreamStore
from service.store.tables import metadata
from support.alerts import NOON, make_alert

SINKS = ("memory", "redis")


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[AlertStores]:
    database = Database(f"sqlite:///{tmp_path / 'watchword.db'}")
    alerts = AlertStore(database, tmp_path)
    yield AlertStores(
        database, alerts, FeedbackStore(database), Outbox(database), SnapshotFolder(tmp_path / "snapshots", 1_000_000)
    )
    database.close()


@pytest.fixture
def stream(stores: AlertStores) -> str:
    """A stream with alerts a and b, of which it is known how their objects looked; c is of a deleted one."""
    stream = StreamStore(stores.database).create(StreamSpec(name="Yard", url="file:yard.mp4"), None).id
    with stores.database.transaction() as connection:
        for second, (alert_id, of) in enumerate([("a", stream), ("b", stream), ("c", "gone")]):
            stores.alerts.record(connection, make_alert(alert_id, second, of), "opened")
            looks = AlertEmbeddings(alert_id, "hash", np.eye(1, 4, dtype=np.float16))
            stores.feedback.record_embeddings(connection, of, looks)
    return stream


def everything(stores: AlertStores) -> dict[str, list[Any]]:
    with stores.database.reading() as connection:
        return {
            name: [tuple(row) for row in connection.execute(select(table))] for name, table in metadata.tables.items()
        }


def taught(stores: AlertStores, stream: str) -> list[str]:
    return [record.embeddings.alert_id for record in stores.feedback.list(stream)]


def test_all_are_noted_taught_and_told(stores: AlertStores, stream: str) -> None:
    reviewer = Reviewer(stores, SINKS)
    alerts, events = reviewer.review(["c", "a"], {"verdict": "false_alarm", "note": "The cat."}, {stream: 0.1})
    assert [alert.id for alert in alerts] == ["c", "a"]
    assert {(alert.verdict, alert.note, alert.reviewed_at is None) for alert in alerts} == {
        ("false_alarm", "The cat.", False)
    }
    assert [alert.taught.objects for alert in alerts if alert.taught is not None] == [0, 1]
    assert taught(stores, stream) == ["a"]
    assert [(event.id, event.event, event.alert) for event in events] == [
        ("a-2", "reviewed", alerts[1]),
        ("c-2", "reviewed", alerts[0]),
    ]
    for sink in SINKS:
        assert stores.outbox.depth(sink) == 2
        due = stores.outbox.due(sink, NOON.replace(year=2100))
        assert due is not None
        assert due.event == events[0]


def test_what_changes_nothing_is_no_event_and_teaches_all_the_same(stores: AlertStores, stream: str) -> None:
    reviewer = Reviewer(stores, SINKS)
    (first,), _ = reviewer.review(["a"], {"verdict": "false_alarm"}, {})
    assert taught(stores, stream) == []  # its camera could not learn then
    (again,), events = reviewer.review(["a"], {"verdict": "false_alarm"}, {stream: 0.1})
    assert events == []
    assert again.reviewed_at == first.reviewed_at
    assert taught(stores, stream) == ["a"]


def test_a_note_leaves_the_verdict_and_what_it_taught(stores: AlertStores, stream: str) -> None:
    reviewer = Reviewer(stores, SINKS)
    reviewer.review(["a"], {"verdict": "false_alarm"}, {stream: 0.1})
    (noted,), (event,) = reviewer.review(["a"], {"note": "The cat."}, {})
    assert (noted.verdict, noted.note, event.event) == ("false_alarm", "The cat.", "reviewed")
    assert taught(stores, stream) == ["a"]
    (back,), _ = reviewer.review(["a"], {"verdict": None}, {stream: 0.1})
    assert (back.verdict, back.reviewed_at, back.note) == (None, None, "The cat.")
    assert taught(stores, stream) == []


def fail(*_: object, **__: object) -> None:
    raise OSError(28, "No space left on device")


def fail_at_the_second(works: Callable[..., Any]) -> Callable[..., Any]:
    calls = 0

    def called(*arguments: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 2:
            fail()
        return works(*arguments, **options)

    return called


@pytest.mark.parametrize(
    "where",
    [
        *("service.store.alerts.keep_words", "service.store.feedback._teach"),
        *("service.store.alerts.AlertStore.review", "service.store.alerts.AlertStore.event"),
        *("service.store.feedback.FeedbackStore.learn", "service.store.outbox.Outbox.add"),
    ],
)
def test_a_failure_at_any_step_leaves_all_as_they_were(
    stores: AlertStores, stream: str, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    reviewer = Reviewer(stores, SINKS)
    before = everything(stores)
    review = (["a", "b", "c"], {"verdict": "false_alarm", "note": "The cat."}, {stream: 0.1})
    with monkeypatch.context() as patch:
        patch.setattr(where, fail_at_the_second(resolve_name(where)))
        with pytest.raises(OSError, match="No space left"):
            reviewer.review(*review)
    assert everything(stores) == before
    alerts, events = reviewer.review(*review)
    assert (len(alerts), len(events)) == (3, 3)


def test_one_that_is_not_there_leaves_all_as_they_were(stores: AlertStores, stream: str) -> None:
    before = everything(stores)
    with pytest.raises(NotFound, match="'bb'"):
        Reviewer(stores, SINKS).review(["a", "bb", "c"], {"verdict": "confirmed"}, {stream: 0.1})
    assert everything(stores) == before


def test_it_names_the_streams_to_be_held_in_one_order(stores: AlertStores, stream: str) -> None:
    reviewer = Reviewer(stores, SINKS)
    assert reviewer.streams_of(["c", "b", "a"]) == sorted([stream, "gone"])
    assert reviewer.streams_of(["ghost"]) == []


def test_what_an_incident_does_later_leaves_what_was_said(stores: AlertStores, stream: str) -> None:
    Reviewer(stores, SINKS).review(["a"], {"verdict": "confirmed", "note": "A thief."}, {})
    with stores.database.transaction() as connection:
        event = stores.alerts.record(connection, make_alert("a", 0, stream, message="It went on."), "updated")
    assert (event.id, event.alert.verdict, event.alert.note) == ("a-3", "confirmed", "A thief.")
    assert event.alert.reviewed_at is not None
    for words in ("thief", "went on"):
        assert [alert.id for alert in stores.alerts.list(AlertFilter(text=words))] == ["a"]
