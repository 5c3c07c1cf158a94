"""All entries by their id, and the lock over them."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from service.errors import STREAM_NOT_FOUND, TOO_MANY_STREAMS, NotFound, Overloaded
from service.streams.admission import RETRY_AFTER_S
from service.streams.entry import Entry


class Entries:
    """The entries of the registered streams, in the order they came. Thread-safe."""

    def __init__(self, max_entries: int) -> None:
        """Empty.

        Args:
            max_entries: Streams that may be added; those that were there before a start may be more.
        """
        self._max_entries = max_entries
        self._lock = threading.Lock()
        self._by_id: dict[str, Entry] = {}

    def __len__(self) -> int:
        return len(self._by_id)

    def all(self) -> list[Entry]:
        """Every entry there is now."""
        with self._lock:
            return list(self._by_id.values())

    def find(self, stream_id: str) -> Entry | None:
        """The entry of a stream, if there is one."""
        with self._lock:
            return self._by_id.get(stream_id)

    def get(self, stream_id: str) -> Entry:
        """The entry of a stream.

        Raises:
            NotFound: ``stream_not_found``.
        """
        entry = self.find(stream_id)
        if entry is None:
            raise _not_found(stream_id)
        return entry

    def restore(self, entries: Iterable[Entry]) -> None:
        """Take the entries of all streams that are stored, however many."""
        self._by_id = {entry.id: entry for entry in entries}

    def add(self, entry: Entry) -> None:
        """Take one more.

        Raises:
            Overloaded: ``too_many_streams``.
        """
        with self._lock:
            count, limit = len(self._by_id), self._max_entries
            if count >= limit:
                msg = f"There are {count} streams, and no more are allowed (WATCHWORD_MAX_STREAMS). Delete one first."
                raise Overloaded(TOO_MANY_STREAMS, msg, RETRY_AFTER_S, streams=count, limit=limit)
            self._by_id[entry.id] = entry

    def remove(self, stream_id: str) -> None:
        """Forget one. Idempotent."""
        with self._lock:
            self._by_id.pop(stream_id, None)

    @contextmanager
    def changing(self, stream_id: str) -> Iterator[Entry]:
        """The entry of a stream, while nothing else changes it: one change at a time, and none after it was deleted.

        Raises:
            NotFound: ``stream_not_found``, also if it was deleted while another change was waited for.
        """
        entry = self.get(stream_id)
        with entry.changing:
            if self.find(stream_id) is not entry:
                raise _not_found(stream_id)
            yield entry


def _not_found(stream_id: str) -> NotFound:
    return NotFound(STREAM_NOT_FOUND, f"There is no stream {stream_id[:40]!r}.")
