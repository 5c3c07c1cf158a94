"""The entries of the registered streams, while several threads change them."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from service.contracts.stream import StreamSpec, StreamState
from service.errors import Conflict, NotFound, Overloaded
from service.store.streams import StreamRecord
from service.streams.entries import Entries
from service.streams.entry import Entry

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


def entry(stream_id: str) -> Entry:
    record = StreamRecord(stream_id, StreamSpec(name="yard", url="rtsp://camera/1"), False, NOON, NOON)
    return Entry(record, None, cast(Any, None))


def test_they_are_found_until_they_are_removed() -> None:
    entries = Entries(10)
    yard = entry("yard")
    entries.add(yard)
    assert (entries.get("yard"), entries.all(), len(entries)) == (yard, [yard], 1)
    entries.remove("yard")
    entries.remove("yard")
    assert entries.find("yard") is None
    with pytest.raises(NotFound, match="There is no stream 'yard'"):
        entries.get("yard")


def test_only_so_many_are_added_but_all_that_were_there_come_back() -> None:
    entries = Entries(1)
    entries.restore(map(entry, ("a", "b")))
    with pytest.raises(Overloaded) as caught:
        entries.add(entry("c"))
    assert (caught.value.code, caught.value.context) == ("too_many_streams", {"streams": 2, "limit": 1})
    assert [each.id for each in entries.all()] == ["a", "b"]


def test_a_change_that_waited_for_a_deletion_finds_no_stream() -> None:
    entries = Entries(10)
    yard = entry("yard")
    entries.add(yard)
    refused: list[str] = []

    def change() -> None:
        try:
            with entries.changing("yard"):
                refused.append("not at all")
        except NotFound as error:
            refused.append(error.code)

    with entries.changing("yard"):
        other = threading.Thread(target=change)
        other.start()
        other.join(0.05)
        assert refused == []
        entries.remove("yard")
    other.join()
    assert refused == ["stream_not_found"]


def test_an_entry_that_cannot_run_says_why() -> None:
    broken = entry("yard")
    assert (broken.status().state, broken.status().detail) == (StreamState.CONNECTING, "The service is starting.")
    with pytest.raises(Conflict, match="is being started"):
        broken.running()
    broken.problem = "cannot be restored: its pack is gone"
    assert broken.out([]).status.state is StreamState.FAILED
    why = broken.status().not_watching
    assert why is not None
    assert why.message == "This camera cannot be restored: its pack is gone."
    assert "Install the pack" in why.advice
    assert "Restart" not in why.advice
    with pytest.raises(Conflict, match="its pack is gone") as caught:
        broken.running()
    assert caught.value.code == "stream_broken"
