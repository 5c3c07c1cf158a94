from __future__ import annotations

from typing import Any

import pytest

from service.contracts.guidance import GuidanceSpec
from service.contracts.stream import StreamSpec
from service.errors import Conflict, NotFound
from service.store.database import Database
from service.store.guidance import GuidanceStore
from service.store.streams import StreamStore


@pytest.fixture
def streams(database: Database) -> StreamStore:
    return StreamStore(database)


@pytest.fixture
def store(database: Database) -> GuidanceStore:
    return GuidanceStore(database)


@pytest.fixture
def stream(streams: StreamStore) -> str:
    return streams.create(StreamSpec(name="Yard", url="file:yard.mp4"), None).id


def spec(text: str = "a person riding a bicycle", **fields: object) -> GuidanceSpec:
    return GuidanceSpec.model_validate({"text": text, "verdict": "normal"} | fields)


def texts(store: GuidanceStore, stream: str) -> list[str]:
    return [record.spec.text for record in store.list(stream)]


def test_a_rule_is_kept_as_it_was_given(store: GuidanceStore, stream: str) -> None:
    full = spec(
        strength=0.5,
        zone="Gate",
        schedule={"days": ["sat"], "from": "22:00", "to": "06:00", "overnight": True, "timezone": "Europe/Berlin"},
        expires_at="2030-01-01T00:00:00+02:00",
        note="why",
    )
    record = store.add(stream, full, "mara")
    assert store.list(stream) == [record]
    assert store.list(stream)[0].spec == full
    assert store.list("other") == []


def test_a_change_keeps_id_and_age(store: GuidanceStore, stream: str) -> None:
    record = store.add(stream, spec(), "mara")
    changed = store.change(stream, record.id, spec(strength=0.25), "tom")
    assert (changed.id, changed.created_at) == (record.id, record.created_at)
    assert changed.updated_at >= record.updated_at
    assert store.list(stream) == [changed]


def test_an_edit_that_changes_nothing_writes_nothing(store: GuidanceStore, stream: str) -> None:
    record = store.add(stream, spec(expires_at="2030-01-01T00:00:00Z"), "mara")
    same = spec(expires_at="2030-01-01T02:00:00+02:00")
    assert store.change(stream, record.id, same, "tom") == record
    assert store.list(stream) == [record]
    assert [entry.action for entry in store.audit(stream, 10)] == ["created"]


@pytest.mark.parametrize(
    ("change", "edits"),
    [
        ({"note": "why"}, False),
        ({"expires_at": "2030-01-01T00:00:00Z"}, False),
        ({"text": "a cyclist"}, True),
        ({"verdict": "anomaly"}, True),
        ({"strength": 0.5}, True),
        ({"zone": "Gate"}, True),
        ({"schedule": {"days": ["mon"]}}, True),
        ({"enabled": False}, True),
        ({"method": "equation10"}, True),
    ],
)
def test_what_a_rule_says_or_does_dates_it_and_undo_brings_the_date_back(
    store: GuidanceStore, stream: str, change: dict[str, Any], edits: bool
) -> None:
    record = store.add(stream, spec(), "mara")
    changed = store.change(stream, record.id, spec(**change), "mara")
    assert (changed.edited_at > record.edited_at, changed.updated_at > record.updated_at) == (edits, True)
    store.remove(stream, record.id, "mara")
    dates = []
    for _ in range(2):
        undone = store.undo(stream, record.id, "mara", most=5)
        assert store.list(stream) == [undone]
        dates.append(undone.edited_at)
    assert dates == [changed.edited_at, record.edited_at]


def test_undo_goes_back_edit_by_edit(store: GuidanceStore, stream: str) -> None:
    record = store.add(stream, spec("one"), "mara")
    store.change(stream, record.id, spec("two"), "mara")
    store.remove(stream, record.id, "mara")
    restored = store.undo(stream, record.id, "tom", most=5)
    assert restored is not None
    assert (restored.id, restored.spec.text, restored.created_at) == (record.id, "two", record.created_at)
    store.undo(stream, record.id, "tom", most=5)
    assert texts(store, stream) == ["one"]
    assert store.undo(stream, record.id, "tom", most=5) is None
    assert texts(store, stream) == []
    with pytest.raises(Conflict) as caught:
        store.undo(stream, record.id, "tom", most=5)
    assert caught.value.code == "nothing_to_undo"
    undone = [
        (entry.before and entry.before.text, entry.after and entry.after.text) for entry in store.audit(stream, 3)
    ]
    assert undone == [("one", None), ("two", "one"), (None, "two")]


def test_undo_takes_back_the_edit_after_an_undo(store: GuidanceStore, stream: str) -> None:
    record = store.add(stream, spec("one"), "mara")
    store.change(stream, record.id, spec("two"), "mara")
    store.undo(stream, record.id, "mara", most=5)
    store.change(stream, record.id, spec("three"), "mara")
    store.undo(stream, record.id, "mara", most=5)
    assert texts(store, stream) == ["one"]


def test_undo_of_what_never_was(store: GuidanceStore, stream: str) -> None:
    with pytest.raises(NotFound):
        store.undo(stream, "nobody", "mara", most=5)


def test_a_deleted_rule_comes_back_only_where_there_is_room(store: GuidanceStore, stream: str) -> None:
    record = store.add(stream, spec("one"), "mara")
    store.remove(stream, record.id, "mara")
    store.add(stream, spec("two"), "mara")
    with pytest.raises(Conflict) as caught:
        store.undo(stream, record.id, "mara", most=1)
    assert caught.value.code == "too_many_rules"
    assert texts(store, stream) == ["two"]


def test_rules_of_another_stream_are_out_of_reach(store: GuidanceStore, streams: StreamStore, stream: str) -> None:
    record = store.add(stream, spec("one"), "mara")
    other = streams.create(StreamSpec(name="Gate", url="file:gate.mp4"), None).id
    store.remove(other, record.id, "tom")
    for change in (
        lambda: store.change(other, record.id, spec("two"), "tom"),
        lambda: store.undo(other, record.id, "tom", most=5),
    ):
        with pytest.raises(NotFound):
            change()
    assert texts(store, stream) == ["one"]


def test_rules_go_with_their_stream_and_the_audit_stays(
    store: GuidanceStore, streams: StreamStore, stream: str
) -> None:
    store.add(stream, spec(), "mara")
    streams.delete(stream)
    assert store.list(stream) == []
    assert [entry.action for entry in store.audit(stream, 10)] == ["created"]
    with pytest.raises(NotFound, match="There is no stream"):
        store.add(stream, spec(), "mara")
