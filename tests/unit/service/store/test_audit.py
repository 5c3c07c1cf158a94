from __future__ import annotations

import pytest

from service.contracts.guidance import GuidanceSpec
from service.contracts.stream import StreamSpec
from service.store import audit
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


def test_every_edit_is_in_the_audit(store: GuidanceStore, stream: str) -> None:
    record = store.add(stream, spec("one"), "mara")
    store.change(stream, record.id, spec("two"), "tom")
    store.remove(stream, record.id, "ann")
    store.remove(stream, record.id, "ann")
    newest_first = [
        (entry.who, entry.action, entry.before and entry.before.text, entry.after and entry.after.text)
        for entry in store.audit(stream, 10)
    ]
    assert newest_first == [
        ("ann", "deleted", "two", None),
        ("tom", "changed", "one", "two"),
        ("mara", "created", None, "one"),
    ]
    assert [entry.action for entry in store.audit(stream, 1, before=store.audit(stream, 1)[0].id)] == ["changed"]


def test_the_audit_is_bounded(store: GuidanceStore, stream: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "EDITS_KEPT", 3)
    record = store.add(stream, spec("0"), "mara")
    for index in range(1, 6):
        store.change(stream, record.id, spec(str(index)), "mara")
    assert [entry.after.text for entry in store.audit(stream, 10) if entry.after] == ["5", "4", "3"]


def test_the_audit_of_deleted_streams_is_bounded_together(
    store: GuidanceStore, streams: StreamStore, stream: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "ORPHANS_KEPT", 4)
    store.add(stream, spec("kept"), "mara")
    gone = [streams.create(StreamSpec(name=name, url="file:a.mp4"), None).id for name in ("A", "B")]
    for each in gone:
        for index in range(3):
            store.add(each, spec(str(index)), "mara")
        streams.delete(each)
    kept = [[entry.after and entry.after.text for entry in store.audit(each, 10)] for each in (stream, *gone)]
    assert kept == [["kept"], ["2"], ["2", "1", "0"]]
