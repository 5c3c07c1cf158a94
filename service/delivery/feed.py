"""Between the worker thread, which makes score messages, and the clients, which read them.

Every message is encoded once. A stream's messages lie in one log that all its clients share; a client holds no
queue but a place in the log, and may fall ``client_queue`` messages behind per stream before it loses the oldest.
So publishing costs the same for one client and for five hundred, a client that does not read costs nothing, and
the memory of the feed is the memory of its logs.
"""

from __future__ import annotations

import asyncio
import threading
from bisect import bisect_right
from collections import deque
from collections.abc import Sequence
from itertools import islice
from types import TracebackType
from typing import NamedTuple, Self

from pydantic import TypeAdapter

from service.contracts.score import ScoreMessage
from service.contracts.stream import StreamState
from service.delivery.minutes import ScoreMinutes
from service.metrics import Metrics

HISTORY_BYTES = 16_000_000
"""Most bytes of messages kept per stream: 20,000 messages of 800 bytes, the size of one with four objects. A crowd
makes messages of 10 kB, of which 20,000 would take 200 MB a stream."""

_RUN = 64
"""Messages a client may take before it lets the event loop turn: 64 sends take about half a millisecond."""

# Straight to bytes: 5.6 us for a message with five objects, where model_dump and orjson take 8.6 us.
_encode = TypeAdapter(ScoreMessage).dump_json


class _Entry(NamedTuple):
    seq: int
    data: bytes
    at: float
    score: float | None
    state: StreamState


class RememberedScore(NamedTuple):
    """What a message said of the score.

    Attributes:
        at: When its frame was captured, Unix seconds.
        score: 0..1, or None.
        state: Of the stream.
    """

    at: float
    score: float | None
    state: StreamState


class _Log:
    """The newest messages, how many there ever were, and who sleeps until there are more. The feed's lock guards it."""

    def __init__(self) -> None:
        self.entries: deque[_Entry] = deque()
        self.total = 0
        self.bytes = 0
        self.subscribers = 0
        self.sleepers: set[Subscription] = set()
        self.ended = False

    def append(self, entry: _Entry, most: int) -> None:
        self.entries.append(entry)
        self.total += 1
        self.bytes += len(entry.data)
        while len(self.entries) > most or (self.bytes > HISTORY_BYTES and len(self.entries) > 1):
            self.bytes -= len(self.entries.popleft().data)


class Subscription:
    """One client's place in the feed: an async context manager that iterates over messages as JSON.

    The first messages are the newest of each stream, so that a client has something to show at once. Where the
    client was too slow, ``{"dropped": n}`` stands in place of the messages it lost. Iteration ends when the stream
    is deleted.
    """

    def __init__(self, feed: ScoreFeed, stream_id: str | None) -> None:
        self._feed = feed
        self._stream_id = stream_id
        self._log = _Log()
        self._first: deque[bytes] = deque()
        self._place = 0
        self._run = 0
        self._news = asyncio.Event()

    async def __aenter__(self) -> Self:
        with self._feed._lock:
            self._log, first = self._feed._enter(self._stream_id, asyncio.get_running_loop())
            self._first.extend(first)
            self._place = self._log.total
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._feed._lock:
            self._log.sleepers.discard(self)
            self._feed._leave(self._log, self._stream_id)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        if self._first:
            return self._first.popleft()
        self._run += 1
        if self._run > _RUN:
            self._run = 0
            await asyncio.sleep(0)
        while (data := self._take()) is None:
            self._run = 0
            await self._news.wait()
        return data

    def _take(self) -> bytes | None:
        """The next message; None, and a promise to be woken, if there is none yet."""
        log = self._log
        with self._feed._lock:
            if log.ended:
                raise StopAsyncIteration
            behind = log.total - self._place
            if behind == 0:
                self._news.clear()
                log.sleepers.add(self)
                return None
            lost = behind - self._feed._reach(log)
            if lost <= 0:
                self._place += 1
                return log.entries[-behind].data
            self._place += lost
        self._feed._dropped.inc(lost)
        return b'{"dropped":%d}' % lost


class ScoreFeed:
    """Recent score messages of every stream, and the clients that follow them.

    ``publish``, ``history`` and ``forget`` may be called from any thread; all subscriptions live on one event loop.
    """

    def __init__(self, history: int, client_queue: int, metrics: Metrics, minutes: ScoreMinutes | None = None) -> None:
        """Make an empty feed.

        Args:
            history: Messages kept per stream, at most; see also ``HISTORY_BYTES``.
            client_queue: Messages of one stream that a client may fall behind before it loses the oldest.
            metrics: Counts what slow clients lose.
            minutes: Gets every message too, and keeps what was highest in each minute.
        """
        self._minutes = minutes
        self._history = history
        self._client_queue = client_queue
        self._dropped = metrics.client_dropped.labels("websocket")
        self._lock = threading.Lock()
        self._logs: dict[str, _Log] = {}
        self._all = _Log()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._woken: set[Subscription] = set()

    def publish(self, message: ScoreMessage) -> None:
        """Add a message to its stream. Never waits for a client."""
        entry = _Entry(message.seq, _encode(message), message.captured_at, message.score, message.state)
        with self._lock:
            log = self._logs.get(message.stream_id)
            if log is None:
                log = self._logs[message.stream_id] = _Log()
            log.append(entry, self._history)
            self._all.append(entry, self._client_queue * len(self._logs))
            self._wake(log, self._all)
        if self._minutes is not None:
            self._minutes.take(message)

    def history(self, stream_id: str, after: int | None, limit: int) -> list[bytes]:
        """Messages of a stream as JSON, oldest first.

        Args:
            stream_id: The stream.
            after: Give the first ``limit`` messages with a greater ``seq``; None gives the newest ``limit``. An
                ``after`` that this service has not reached is of its former life, and is taken as None.
            limit: Messages at most.
        """
        with self._lock:
            log = self._logs.get(stream_id)
            if log is None or not log.entries:
                return []
            entries = log.entries
            if after is None or after > entries[-1].seq:
                start = max(0, len(entries) - limit)
            else:
                start = bisect_right(entries, after, key=lambda entry: entry.seq)
            return [entry.data for entry in islice(entries, start, start + limit)]

    def remembered(self, stream_id: str) -> tuple[Sequence[RememberedScore], bool]:
        """What all messages say that are kept of a stream, oldest first, and whether they are all that there were."""
        with self._lock:
            log = self._logs.get(stream_id)
            if log is None:
                return [], True
            kept, whole = list(log.entries), log.total == len(log.entries)
        return [RememberedScore(entry.at, entry.score, entry.state) for entry in kept], whole

    def subscribe(self, stream_id: str | None) -> Subscription:
        """A place in the feed of one stream, or of all (None)."""
        return Subscription(self, stream_id)

    def forget(self, stream_id: str) -> None:
        """Drop a deleted stream's messages and end its subscriptions. Call it after the last ``publish``."""
        with self._lock:
            log = self._logs.pop(stream_id, None)
            if log is not None:
                log.ended = True
                self._wake(log)
        if self._minutes is not None:
            self._minutes.forget(stream_id)

    # What follows is for Subscription, and is called with the lock held.

    def _enter(self, stream_id: str | None, loop: asyncio.AbstractEventLoop) -> tuple[_Log, list[bytes]]:
        """The log to follow, and the messages to begin with."""
        if self._loop is not loop:
            if self._loop is not None and not self._loop.is_closed() and self._subscribers():
                msg = "expected all subscriptions on one event loop, got a second loop"
                raise RuntimeError(msg)
            self._loop = loop
            self._woken.clear()
        if stream_id is None:
            log = self._all
            first = [each.entries[-1].data for each in self._logs.values() if each.entries]
        else:
            log = self._logs.setdefault(stream_id, _Log())
            first = [log.entries[-1].data] if log.entries else []
        log.subscribers += 1
        return log, first

    def _leave(self, log: _Log, stream_id: str | None) -> None:
        """Give a place up. The log of a stream that never said a word goes with its last subscriber."""
        log.subscribers -= 1
        if stream_id is not None and log.subscribers == 0 and log.total == 0 and self._logs.get(stream_id) is log:
            del self._logs[stream_id]

    def _reach(self, log: _Log) -> int:
        """How many of a log's newest messages a client can still read."""
        return len(log.entries) if log is self._all else min(self._client_queue, len(log.entries))

    def _subscribers(self) -> int:
        return self._all.subscribers + sum(log.subscribers for log in self._logs.values())

    def _wake(self, *logs: _Log) -> None:
        """Wake who sleeps on these logs: one call into the event loop, however many messages and clients."""
        scheduled = bool(self._woken)
        for log in logs:
            self._woken |= log.sleepers
            log.sleepers.clear()
        if self._woken and not scheduled and self._loop is not None:
            try:
                self._loop.call_soon_threadsafe(self._wake_now)
            except RuntimeError:  # The loop has closed: the server is gone, and its clients with it.
                self._woken.clear()

    def _wake_now(self) -> None:
        with self._lock:
            woken, self._woken = self._woken, set()
        for subscription in woken:
            subscription._news.set()
