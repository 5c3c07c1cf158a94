"""Delivers the outbox of one sink, on a thread of its own: a dead sink slows no other."""

from __future__ import annotations

import logging
import random
import threading
import time
from datetime import UTC, datetime, timedelta

from sqlalchemy.exc import SQLAlchemyError

from service.metrics import Metrics
from service.sinks.base import DeliveryFailed, DeliveryRefused, Sink
from service.store.outbox import MAX_PENDING, Delivery, EventUnreadable, Outbox

logger = logging.getLogger(__name__)

BACKOFF_FIRST_S, BACKOFF_MAX_S = 0.5, 20.0
"""Wait after a first failure, and the longest. An event waits half as long again at most: a sink that comes back gets
its events within half a minute."""

RETRY_AFTER_MAX_S = 3600.0
"""Longest that a sink is left alone because it asked for it. Rate limits are of minutes; a day would be a mistake."""

FAILING_FOR = timedelta(days=3)
"""An event is tried for so long at least, whatever the other side says of itself: over a weekend, into Monday."""

REFUSED_FOR = timedelta(hours=1)
"""And one that the other side says is wrong in itself. Proxies answer 400 too while something is being deployed; beyond
that a receiver which knows no `updated` must not wait for days for the `closed` behind it."""

MIN_ATTEMPTS = 10
"""An event is tried so often at least: it may be old because this service was off for a week. Minutes, by the waits."""

STORE_RETRY_S = 1.0
"""Wait when the outbox itself cannot be read or changed."""


def backoff(failures: int) -> float:
    """Seconds to wait after so many failures in a row, before jitter."""
    return min(BACKOFF_MAX_S, BACKOFF_FIRST_S * 2.0 ** min(failures - 1, 10))


class Publisher:
    """Delivers at least once, in each alert's order, with exponential backoff and jitter.

    After a failure the sink gets a pause and the event a longer one. So an event that the sink chokes on
    lets the others pass, and a sink that is down is asked at the pace of the pause, whatever waits for it. A sink that
    names a time to come back is left alone until then. What is wrong is logged once, and once that it is over.
    """

    def __init__(self, sink: Sink, outbox: Outbox, metrics: Metrics) -> None:
        self._sink = sink
        self._outbox = outbox
        self._metrics = metrics
        self._work = threading.Event()
        self._closing = threading.Event()
        self._failures = 0
        self._quiet_until = 0.0
        self._trouble: str | None = None
        self._failing_since = 0.0
        self._told: set[int] = set()
        self._delivered: set[int] = set()
        self._outbox_trouble: str | None = None
        self._fault: str | None = None
        self._depth = 0
        self._counting = threading.Lock()
        self._thread = threading.Thread(target=self._run, name=f"alerts-to-{sink.name}", daemon=True)

    def start(self) -> None:
        """Count what waits since the last run, and start the thread."""
        self._metrics.know_sink(self._sink.name)
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
                self._outbox_trouble = self._fault = None
            except SQLAlchemyError as error:
                self._tell_of_outbox(str(getattr(error, "orig", error)))
                wait = STORE_RETRY_S
            except Exception as error:  # whatever it is, the thread must not end: the events would wait for ever
                self._tell_of_fault(error)
                wait = STORE_RETRY_S
            if wait == 0.0:
                continue
            if self._closing.is_set():
                return
            self._work.wait(wait)
            self._work.clear()

    def _deliver_next(self) -> float | None:
        """Try one event, and return how long to wait for the next; None: until there is one."""
        quiet = self._quiet_until - time.monotonic()
        if quiet > 0:
            return quiet
        now = datetime.now(UTC)
        try:
            delivery = self._outbox.due(self._sink.name, now)
        except EventUnreadable as unreadable:
            self._discard(unreadable)
            return 0.0
        if delivery is None:
            next_at = self._outbox.next_due(self._sink.name)
            if next_at is None:
                self._settle()
                return None
            # At least a moment, in case the event fell due just now.
            return min(BACKOFF_MAX_S, max(0.01, (next_at - now).total_seconds()))
        if self._try(delivery):
            return 0.0
        self._closing.wait(backoff(self._failures) * random.uniform(0.5, 1.0))
        return 0.01 if self._closing.is_set() else 0.0

    def _try(self, delivery: Delivery) -> bool:
        """Whether the sink has the event now."""
        if delivery.id not in self._delivered:
            try:
                self._sink.publish(delivery.event)
            except DeliveryFailed as error:
                self._fail(delivery, error)
                return False
            except Exception as error:  # a sink's fault must not end its thread: the events would wait for ever
                logger.exception("%s: unexpected failure with event %s", self._sink.name, delivery.event.id)
                self._fail(delivery, DeliveryFailed(f"It failed unexpectedly ({type(error).__name__})."))
                return False
            # Before it is crossed off, which a full disk forbids for hours: the sink need not hear it every second.
            self._delivered.add(delivery.id)
            self._succeed(delivery)
        self._outbox.remove(delivery)
        self._delivered.discard(delivery.id)
        self._count(-1)
        return True

    def _succeed(self, delivery: Delivery) -> None:
        self._failures = 0
        self._told.discard(delivery.id)
        self._metrics.deliveries.labels(self._sink.name, "delivered").inc()
        self._metrics.sink_failing.labels(self._sink.name).set(0)
        if self._trouble is not None:
            lasted = time.monotonic() - self._failing_since
            logger.warning("%s takes events again, after %.0f s.", self._sink.name, lasted)
            self._trouble = None

    def _fail(self, delivery: Delivery, error: DeliveryFailed) -> None:
        self._failures += 1
        self._metrics.deliveries.labels(self._sink.name, "failed").inc()
        self._metrics.sink_failing.labels(self._sink.name).set(1)
        patience = REFUSED_FOR if isinstance(error, DeliveryRefused) else FAILING_FOR
        if _is_tried_enough(delivery, patience):
            self._give_up(delivery, error)
            return
        self._tell(delivery, str(error), patience)
        wait = backoff(max(self._failures, delivery.attempts + 1)) * random.uniform(1.0, 1.5)
        if error.retry_after is not None:
            self._quiet_until = time.monotonic() + min(error.retry_after, RETRY_AFTER_MAX_S)
        self._outbox.postpone(delivery, datetime.now(UTC) + timedelta(seconds=wait))
        self._trim()

    def _tell(self, delivery: Delivery, why: str, patience: timedelta) -> None:
        """Log what is wrong, unless it is what was logged last, or an event that the sink has choked on before."""
        logger.debug("%s: event %s, attempt %d: %s", self._sink.name, delivery.event.id, delivery.attempts + 1, why)
        if why == self._trouble or (self._trouble is None and delivery.id in self._told):
            return
        if self._trouble is None:
            self._failing_since = time.monotonic()
        self._trouble = why
        self._told.add(delivery.id)
        kept = f"{patience.days} days" if patience.days else f"{patience.total_seconds() / 3600:.0f} h"
        text = "%s does not take alert events: %s Event %s is kept and tried again, for %s at least."
        logger.warning(text, self._sink.name, why, delivery.event.id, kept)

    def _tell_of_outbox(self, why: str) -> None:
        if why != self._outbox_trouble:
            logger.error("%s: the outbox does not answer: %s", self._sink.name, why)
        self._outbox_trouble = why

    def _tell_of_fault(self, error: Exception) -> None:
        """Log a fault of the program's own, with its traceback, once while it lasts."""
        said = f"{type(error).__name__}: {error}"
        if said != self._fault:
            logger.exception("%s: unexpected failure, trying again every %g s", self._sink.name, STORE_RETRY_S)
        self._fault = said

    def _discard(self, unreadable: EventUnreadable) -> None:
        removed = self._outbox.discard(self._sink.name, unreadable)
        self._count(-removed)
        self._metrics.deliveries.labels(self._sink.name, "given_up").inc(removed)
        rest = f" and {removed - 1} more of its alert" if removed > 1 else ""
        text = "%s: gave up event %s%s: what is stored of it cannot be read. The alert itself is kept."
        logger.error(text, self._sink.name, unreadable.event_id, rest)

    def _give_up(self, delivery: Delivery, error: DeliveryFailed) -> None:
        removed = self._outbox.give_up(self._sink.name, delivery)
        self._told.discard(delivery.id)
        self._count(-removed)
        self._metrics.deliveries.labels(self._sink.name, "given_up").inc(removed)
        rest = f" and {removed - 1} more of its alert" if removed > 1 else ""
        text = "%s: gave up event %s%s after %d attempts: %s The alert itself is kept."
        logger.error(text, self._sink.name, delivery.event.id, rest, delivery.attempts + 1, error)

    def _trim(self) -> None:
        """Keep the outbox within its bound: it grows only while deliveries fail."""
        if self._depth <= MAX_PENDING:
            return
        dropped = self._outbox.trim(self._sink.name)
        self._told.clear()
        self._count(-dropped)
        logger.error("%s: %d of the oldest events dropped, the outbox is full", self._sink.name, dropped)
        self._metrics.deliveries.labels(self._sink.name, "dropped").inc(dropped)

    def _settle(self) -> None:
        """Nothing waits. The sum of changes may say more: not every sink gets every event."""
        with self._counting:
            self._depth = 0
            self._metrics.outbox_depth.labels(self._sink.name).set(0)

    def _count(self, change: int) -> None:
        with self._counting:
            self._depth += change
            self._metrics.outbox_depth.labels(self._sink.name).set(self._depth)


def _is_tried_enough(delivery: Delivery, patience: timedelta) -> bool:
    """Whether an event is older than patience goes, and was tried often. One without a time goes by its attempts."""
    at = delivery.event.at
    if at is None:
        return delivery.attempts + 1 >= patience.total_seconds() / BACKOFF_MAX_S
    return delivery.attempts + 1 >= MIN_ATTEMPTS and datetime.now(UTC) - at >= patience
