from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from service.contracts.stream import StreamSpec
from service.store.alert_filter import AlertFilter
from service.store.alerts import AlertStore
from service.store.database import Database
from service.store.feedback import FeedbackStore
from service.store.guidance import GuidanceStore
from service.store.outbox import Outbox
from service.store.streams import StreamRecord, StreamStore
from support.alerts import NOON
from support.released import SCHEMAS, restore, told

pytestmark = pytest.mark.parametrize("schema", SCHEMAS)


@pytest.fixture
def released(database_url: str, schema: int) -> Any:
    restore(database_url, schema)
    database = Database(database_url)
    yield database
    database.close()


def test_streams_are_taken_over(released: Database, schema: int) -> None:
    store = StreamStore(released)
    found = [read_stream(store, record) for record in store.list()]
    then = [
        {name: stream[name] for name in ("id", "spec", "created_at", "updated_at", "secret_url", "pending")}
        for stream in told(f"schema{schema}")["streams"]
    ]
    assert as_then(found, then) == then
    for now, before in zip(found, then, strict=True):
        # What could not be said yet is as for a stream that does not say it.
        since = now["spec"].keys() - before["spec"].keys()
        assert since == {"pose", "appearance", "threshold_adapts"}
        assert all(now["spec"][name] == StreamSpec.model_fields[name].default for name in since)
    (gate, yard) = store.list()
    assert (gate.has_credentials, yard.has_credentials) == (True, False)


def read_stream(store: StreamStore, record: StreamRecord) -> dict[str, Any]:
    secret, pending = store.secret_url(record.id), store.pending(record.id)
    return {
        "id": record.id,
        "spec": record.spec.model_dump(mode="json"),
        "created_at": record.created_at.isoformat(),
        "updated_at": record.updated_at.isoformat(),
        "secret_url": None if secret is None else secret.get_secret_value(),
        "pending": None if pending is None else pending.model_dump(mode="json"),
    }


def test_rules_and_their_audit_are_taken_over(released: Database, schema: int) -> None:
    store, streams = GuidanceStore(released), told(f"schema{schema}")["streams"]
    for stream in streams:
        assert [
            {
                "id": rule.id,
                "spec": rule.spec.model_dump(mode="json"),
                "created_at": rule.created_at.isoformat(),
                "updated_at": rule.updated_at.isoformat(),
                "edited_at": rule.edited_at.isoformat(),
            }
            for rule in store.list(stream["id"])
        ] == stream["rules"]
        assert [edit.model_dump(mode="json") for edit in store.audit(stream["id"], 100)] == stream["audit"]
    counts = [(len(stream["rules"]), len(stream["audit"])) for stream in streams]
    assert counts == ([(0, 0), (0, 0)] if schema == 1 else [(2, 6), (0, 2)])


def test_an_edit_of_then_can_be_undone(released: Database, schema: int) -> None:
    store, gate = GuidanceStore(released), told(f"schema{schema}")["streams"][0]
    for rule in gate["rules"]:
        undone = store.undo(gate["id"], rule["id"], "mara", most=5)
        edits = [edit for edit in gate["audit"] if edit["rule_id"] == rule["id"]]
        # The last of the first rule was a change, that of the second was its making: its change was undone.
        taken_back = edits[0] if edits[0]["action"] == "changed" else edits[-1]
        assert (None if undone is None else undone.spec.model_dump(mode="json")) == taken_back["before"]


def test_feedback_is_taken_over(released: Database, schema: int) -> None:
    store, streams = FeedbackStore(released), told(f"schema{schema}")["streams"]
    for stream in streams:
        assert [
            {
                "alert_id": record.embeddings.alert_id,
                "encoder": record.embeddings.encoder,
                "features": record.embeddings.vectors.tolist(),
                "radius": record.radius,
                "taught_at": record.taught_at.isoformat(),
            }
            for record in store.list(stream["id"])
        ] == stream["taught"]
    assert [len(stream["taught"]) for stream in streams] == ([0, 0] if schema == 1 else [1, 0])


def as_then(found: Any, then: Any) -> Any:
    """What is told now, without the fields that there were not yet then."""
    if isinstance(found, dict) and isinstance(then, dict):
        return {name: as_then(found[name], then[name]) for name in then.keys() & found.keys()}
    if isinstance(found, list) and isinstance(then, list) and len(found) == len(then):
        return [as_then(*pair) for pair in zip(found, then, strict=True)]
    return found


def test_alerts_are_taken_over(released: Database, schema: int) -> None:
    found = AlertStore(released, Path()).list()
    then = told(f"schema{schema}")["alerts"]
    assert as_then([alert.model_dump(mode="json") for alert in found], then) == then
    assert {(alert.note, alert.reviewed_at) for alert in found} == {(None, None)}
    assert [alert.id for alert in found] == ["a5", "a4", "a3", "a2", "a1"]


def test_alerts_of_then_are_searched_and_reviewed(released: Database, schema: int) -> None:
    store = AlertStore(released, Path())
    everything = store.list()
    for alert in everything:
        (found, *_) = store.list(AlertFilter(text=alert.message, since=alert.opened_at))[-1:]
        assert found == alert
    assert store.count(AlertFilter(text=everything[0].stream_name.upper())).alerts >= 1
    with released.transaction() as connection:
        assert store.review(connection, "a1", {"note": "The gardener."}, NOON)
    assert [alert.id for alert in store.list(AlertFilter(text="GARDENER"))] == ["a1"]


def test_what_an_alert_of_then_looked_like_can_be_taught(released: Database, schema: int) -> None:
    stream = told(f"schema{schema}")["streams"][0]["id"]
    feedback = FeedbackStore(released)
    with released.transaction() as connection:
        feedback.learn(connection, stream, "a1", "false_alarm", radius=0.25)
    learned = feedback.list(stream)
    # Version 1 kept nothing of how an alert's objects looked.
    assert [record.embeddings.alert_id for record in learned] == ([] if schema == 1 else ["a2", "a1"])


def test_what_waited_for_delivery_still_does(released: Database, schema: int) -> None:
    outbox, now = Outbox(released), NOON + timedelta(hours=1)
    for sink, waits in told(f"schema{schema}")["outbox"].items():
        first, next_due = outbox.due(sink, now), outbox.next_due(sink)
        assert first is not None
        assert next_due is not None
        now_waits = {
            "depth": outbox.depth(sink),
            "next_due": next_due.isoformat(),
            "first": {"id": first.id, "attempts": first.attempts, "event": first.event.model_dump(mode="json")},
        }
        assert as_then(now_waits, waits) == waits


def test_it_takes_new_rows(released: Database, schema: int) -> None:
    outbox = Outbox(released)
    last = outbox.due("redis", NOON + timedelta(hours=1))
    assert last is not None
    with released.transaction() as connection:
        outbox.add(connection, last.event.model_copy(update={"id": "new"}), ["redis"], NOON)
    assert outbox.depth("redis") == told(f"schema{schema}")["outbox"]["redis"]["depth"] + 1
