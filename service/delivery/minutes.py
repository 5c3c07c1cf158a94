"""From score messages to the minutes that are kept: gathered in memory, written in batches."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence

from sqlalchemy.exc import SQLAlchemyError

from service.contracts.score import ScoreMessage
from service.contracts.stream import StreamState
from service.store.score_minutes import ScoreMinute, ScoreMinuteStore

logger = logging.getLogger(__name__)

MINUTE_S = 60

FLUSH_S = 15.0
"""How often minutes that are over are written: all streams' in one transaction, of which SQLite takes thousands a
minute. A crash costs this and the minute under way."""

MAX_WAITING = 256 * 60
"""Minutes that wait for a store that does not take them: an hour of a full house, 3 MB."""

MAX_SILENT = 3
"""Minutes without a message that are filled in at once. More have passed only if the process stood still or the clock
was set forward, and what nobody saw is a gap."""

PRUNE_EVERY = 240
"""Flushes between two prunings: an hour."""


class ScoreMinutes:
    """Gathers minutes from ``start`` to ``close``, and keeps them. Thread-safe.

    A stream that sends no frames keeps the state that it told last, and its minutes say so: a camera that was offline
    is told apart from a service that did not run, of which there are no minutes.
    """

    def __init__(self, store: ScoreMinuteStore, clock: Callable[[], float] = time.time) -> None:
        """Nothing runs before ``start``.

        Args:
            store: Where they are kept.
            clock: The wall clock, Unix seconds.
        """
        self._store = store
        self._clock = clock
        self._lock = threading.Lock()
        self._waiting: dict[tuple[str, int], ScoreMinute] = {}
        self._states: dict[str, StreamState] = {}
        self._filled = self._now()
        self._flushes = 0
        self._failing = False
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="score-minutes", daemon=True)

    # ---- life

    def start(self) -> None:
        """Start the thread that writes."""
        self._thread.start()

    def close(self) -> None:
        """Write what there is, also of the minute under way, and end the thread. Idempotent."""
        if self._closing.is_set():
            return
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join()
        self.flush(everything=True)

    def _run(self) -> None:
        while not self._closing.wait(FLUSH_S):
            self.flush()

    # ---- what streams say

    def take(self, message: ScoreMessage) -> None:
        """Take a message of a stream. Never waits for the store."""
        minute = int(message.captured_at // MINUTE_S)
        said = ScoreMinute(message.stream_id, minute, message.score, message.state)
        with self._lock:
            self._states[message.stream_id] = message.state
            self._put(said)

    def forget(self, stream_id: str) -> None:
        """Drop a deleted stream's minutes, also those that are kept. Call it after its last message."""
        with self._lock:
            self._states.pop(stream_id, None)
            self._waiting = {key: each for key, each in self._waiting.items() if key[0] != stream_id}
        try:
            self._store.forget(stream_id)
        except (SQLAlchemyError, OSError) as error:
            logger.warning("the scores of deleted stream %s stay until they are a month old: %s", stream_id, error)

    # ---- asking

    def between(self, stream_id: str, begin: float, end: float) -> Sequence[ScoreMinute]:
        """The minutes of a stream that begin within a span, also those that are not written yet, oldest first.

        Args:
            stream_id: The stream.
            begin: Unix seconds; the minute that it is in counts.
            end: Unix seconds, exclusive.
        """
        first, last = int(begin // MINUTE_S), int(-(-end // MINUTE_S))
        found = {each.minute: each for each in self._store.between(stream_id, first, last)}
        with self._lock:
            for (whose, minute), each in self._waiting.items():
                if whose == stream_id and first <= minute < last:
                    found[minute] = found[minute].with_(each) if minute in found else each
        return [found[minute] for minute in sorted(found)]

    # ---- writing

    def flush(self, *, everything: bool = False) -> None:
        """Write the minutes that are over; what the store does not take waits for the next time.

        Args:
            everything: Write the minute under way as well.
        """
        now = self._now()
        with self._lock:
            self._fill(now)
            ripe = {key: each for key, each in self._waiting.items() if everything or each.minute != now}
        try:
            if self._flushes % PRUNE_EVERY == 0:
                # Before the merge, which may bring minutes of a clock that is wrong.
                self._store.prune(now)
            self._store.merge(list(ripe.values()))
        except (SQLAlchemyError, OSError) as error:
            self._not_now(error)
            return
        self._flushes += 1
        self._failing = False
        with self._lock:
            # What came meanwhile for a minute that was written goes with the next batch.
            self._waiting = {key: each for key, each in self._waiting.items() if ripe.get(key) is not each}

    def _fill(self, now: int) -> None:
        """Note for the minutes that are over in which state streams were that sent nothing."""
        for minute in range(max(self._filled, now - MAX_SILENT), now):
            for stream_id, state in self._states.items():
                if (stream_id, minute) not in self._waiting:
                    self._put(ScoreMinute(stream_id, minute, None, state))
        self._filled = now

    def _put(self, said: ScoreMinute) -> None:
        key = (said.stream_id, said.minute)
        before = self._waiting.get(key)
        self._waiting[key] = said if before is None else before.with_(said)
        while len(self._waiting) > MAX_WAITING:
            del self._waiting[next(iter(self._waiting))]

    def _not_now(self, error: Exception) -> None:
        if not self._failing:
            logger.warning("the scores of past minutes cannot be stored, and are kept in memory for now: %s", error)
        self._failing = True

    def _now(self) -> int:
        return int(self._clock() // MINUTE_S)
