"""Delivers the outbox of one sink, on a thread of its own: a dead sink slows no other."""

from __future__ import annotations

import logging
import random
import threading
from datetime import UTC, datetime, timedelta

from sqlalchemy.exc import SQLAlchemyError

from service.metrics import Metrics
from service.sinks.base import DeliveryFailed, DeliveryRefused, Sink
from service.store.outbox import MAX_PENDING, Delivery, Outbox

logger = logging.getLogger(__name__)

BACKOFF_FIRST_S, BACKOFF_MAX_S = 0.5, 30.0
"""Wait after a first failure, and the longest: a sink that comes back gets its events within half a minute."""

STORE_RETRY_S = 1.0
"""Wait when the outbox itself cannot be read or changed."""


def backoff(failures: int) -> float:
    """Seconds to wait after so many failures in a row, before jitter."""
    return min(BACKOFF_MAX_S, BACKOFF_FIRST_S * 2.0 ** min(failures - 1, 10))


class Publisher:
    """Delivers at least once, in each alert's order, with exponential backoff and jitter.

    After a failure the sink gets a pause and the event a longer one. So an event that the sink chokes on
    lets the others pass, and a sink that is down is asked at the pace of the pause, whatever waits for it.
    """

    def __init__(self, sink: Sink, outbox: Outbox, metrics: Metrics) -> None:
        self._sink = sink
        self._outbox = outbox
        self._metrics = metrics
        self._work = threading.Event()
        self._closing = threading.Event()
        self._failures = 0
        self._depth = 0
        self._counting = threading.Lock()
        self._thread = threading.Thread(target=self._run, name=f"alerts-to-{sink.name}", daemon=True)

    def start(self) -> None:
        """Count what waits since the last run, and start the thread."""
        self._count(self._outbox.depth(self._sink.name))
        self._thread.start()

    def notify(self, added: int) -> None:
        """Say that so many events are new in the outbox."""
        self._count(added)
        self._work.set()

    def close(self, timeout: float) -> None:
        """Deliver what is due as long as the sink takes it, and end the thread; the rest stays in the outbox.

        Waits ``timeout`` seconds at most. A delivery that hangs longer ends by itself at the sink's own time
        limit. Idempotent.
        """
        self._closing.set()
        self._work.set()
        if self._thread.ident is None:
            self._sink.close()
        elif self._thread.is_alive():
            self._thread.join(timeout)

    def _run(self) -> None:
        try:
            self._deliver()
        finally:
            self._sink.close()

    def _deliver(self) -> None:
        while True:
            try:
                wait = self._deliver_next()
            except SQLAlchemyError as error:
                logger.error("%s: the outbox does not answer: %s", self._sink.name, getattr(error, "orig", error))
                wait = STORE_RETRY_S
            if wait == 0.0:
                continue
            if self._closing.is_set():
                return
            self._work.wait(wait)
            self._work.clear()

    def _deliver_next(self) -> float | None:
        """Try one event, and return how long to wait for the next; None: until there is one."""
        now = datetime.now(UTC)
        delivery = self._outbox.due(self._sink.name, now)
        if delivery is None:
            next_at = self._outbox.next_due(self._sink.name)
            # At least a moment, in case the event fell due just now.
            return None if next_at is None else min(BACKOFF_MAX_S, max(0.01, (next_at - now).total_seconds()))
        outcome = self._try(delivery)
        self._metrics.deliveries.labels(self._sink.name, outcome).inc()
        if outcome == "failed":
            self._closing.wait(backoff(self._failures) * random.uniform(0.5, 1.0))
            return 0.01 if self._closing.is_set() else 0.0
        return 0.0

    def _try(self, delivery: Delivery) -> str:
        try:
            self._sink.publish(delivery.event)
        except DeliveryRefused as error:
            logger.error("%s refused event %s for good: %s", self._sink.name, delivery.event.id, error)
            self._remove(delivery)
            return "refused"
        except DeliveryFailed as error:
            self._postpone(delivery, str(error), error.retry_after)
            return "failed"
        except Exception as error:  # a sink's fault must not end its thread: the events would wait for ever
            logger.exception("%s: unexpected failure with event %s", self._sink.name, delivery.event.id)
            self._postpone(delivery, type(error).__name__, None)
            return "failed"
        self._failures = 0
        self._remove(delivery)
        return "delivered"

    def _postpone(self, delivery: Delivery, why: str, retry_after: float | None) -> None:
        self._failures += 1
        wait = backoff(max(self._failures, delivery.attempts + 1)) * random.uniform(1.0, 1.5)
        if retry_after is not None:
            wait = max(wait, min(retry_after, BACKOFF_MAX_S))
        logger.warning(
            "%s: event %s, attempt %d, again in %.1f s: %s",
            self._sink.name,
            delivery.event.id,
            delivery.attempts + 1,
            wait,
            why,
        )
        self._outbox.postpone(delivery, datetime.now(UTC) + timedelta(seconds=wait))
        self._trim()

    def _remove(self, delivery: Delivery) -> None:
        self._outbox.remove(delivery)
        self._count(-1)

    def _trim(self) -> None:
        """Keep the outbox within its bound: it grows only while deliveries fail."""
        if self._depth <= MAX_PENDING:
            return
        dropped = self._outbox.trim(self._sink.name)
        self._count(-dropped)
        logger.error("%s: %d of the oldest events dropped, the outbox is full", self._sink.name, dropped)
        self._metrics.deliveries.labels(self._sink.name, "dropped").inc(dropped)

    def _count(self, change: int) -> None:
        with self._counting:
            self._depth += change
            self._metrics.outbox_depth.labels(self._sink.name).set(self._depth)
