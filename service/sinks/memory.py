"""The sink within this process, for when there is no Redis."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from service.contracts.alert import AlertEvent


class MemorySink:
    """Keeps the newest events and hands each to every subscriber. Thread-safe."""

    name = "memory"

    def __init__(self, maxlen: int, subscriber_queue: int = 64) -> None:
        """Begin without an event.

        Args:
            maxlen: Events kept for replay.
            subscriber_queue: Events that a subscriber may fall behind.
        """
        self._events: deque[AlertEvent] = deque(maxlen=maxlen)
        self._subscriber_queue = subscriber_queue
        self._subscribers: set[queue.Queue[AlertEvent]] = set()
        self._lock = threading.Lock()

    def publish(self, event: AlertEvent) -> None:
        """Keep an event and hand it out. A subscriber whose queue is full loses its oldest one."""
        with self._lock:
            self._events.append(event)
            for subscriber in self._subscribers:
                if subscriber.full():
                    subscriber.get_nowait()
                subscriber.put_nowait(event)

    def recent(self) -> list[AlertEvent]:
        """The events that are kept, oldest first."""
        with self._lock:
            return list(self._events)

    @contextmanager
    def subscribe(self) -> Iterator[queue.Queue[AlertEvent]]:
        """A queue that gets every event published within the context."""
        subscriber: queue.Queue[AlertEvent] = queue.Queue(self._subscriber_queue)
        with self._lock:
            self._subscribers.add(subscriber)
        try:
            yield subscriber
        finally:
            with self._lock:
                self._subscribers.discard(subscriber)

    def close(self) -> None:
        """Nothing to free."""
