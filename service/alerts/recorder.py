"""Commits what happens to alerts, on a thread of its own, and keeps trying while the store cannot."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlalchemy.exc import InterfaceError, InternalError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from service.alerts.compose import AlertEvidence
from service.alerts.stores import AlertStores
from service.contracts.alert import Alert, AlertEvent
from service.metrics import Metrics
from service.presentation.overlay import draw, encode_jpeg
from service.store.feedback import AlertEmbeddings

logger = logging.getLogger(__name__)

MAX_WAITING = 512
"""Alerts that wait for a store that does not answer. One of every stream of a full house, anomaly and outage."""

MAX_PICTURES = 16
"""And those of them that wait with their picture: 2.7 MB each at 1280x720, 44 MB in all."""

RETRY_FIRST_S, RETRY_MAX_S = 0.2, 5.0
"""A lock is gone within milliseconds; a full disk or a restarting server takes a person or seconds."""

PRUNE_EVERY = 1000
"""Commits between two looks at how many alerts there are."""

_NOT_NOW = (OperationalError, InterfaceError, InternalError, PoolTimeout, OSError)
"""Errors that say something of the store (locked, full, away) and nothing of what was to be stored."""

STORE = "store"
"""The store's name among the sinks in metrics."""


@dataclass(slots=True)
class Record:
    """What is to be committed of one alert: at most one event of each kind, and the picture of its peak.

    Attributes:
        events: The alert as it stood at each event, in the order opened, updated, closed.
        evidence: What the picture is drawn from, until it is.
        embeddings: What its objects looked like to the encoder.
        snapshot: Path of the picture once it is stored.
        evicted: Alerts whose pictures made room for it.
    """

    alert_id: str
    stream_id: str
    events: dict[str, Alert]
    evidence: AlertEvidence | None = None
    embeddings: AlertEmbeddings | None = None
    snapshot: str | None = None
    evicted: list[str] = field(default_factory=list)

    def then(self, later: Record) -> Record:
        """Both as one: a consumer that was to hear of two updates hears of the last one only."""
        events = self.events | later.events
        if "closed" in events:
            events.pop("updated", None)
        return Record(
            self.alert_id,
            self.stream_id,
            events,
            later.evidence or self.evidence,
            later.embeddings or self.embeddings,
            later.snapshot or self.snapshot,
            self.evicted + later.evicted,
        )


class Recorder:
    """A bounded queue of records, one for each alert, and the thread that commits them in their order.

    An alert and its events to every sink are committed in one transaction. While that fails, the record stays
    first in the queue, later changes of the same alert are merged into it, and every failure is logged and
    counted. Beyond `MAX_WAITING` alerts the oldest is given up, with an error in the log and in the metrics.
    """

    def __init__(
        self,
        stores: AlertStores,
        sinks: Sequence[str],
        metrics: Metrics,
        committed: Callable[[Sequence[AlertEvent]], None],
    ) -> None:
        """Nothing is committed before ``start``.

        Args:
            stores: Where alerts are kept.
            sinks: Names of those whose outboxes get every event.
            metrics: Of the service.
            committed: Told the events after each commit, on this recorder's thread.
        """
        self._stores = stores
        self._sinks = sinks
        self._metrics = metrics
        self._committed = committed
        self._waiting: dict[str, Record] = {}
        self._changed = threading.Condition()
        self._deadline: float | None = None
        self._commits = 0
        self._thread = threading.Thread(target=self._run, name="alert-recorder", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Alerts that wait for the store."""
        return len(self._waiting)

    def put(self, record: Record) -> None:
        """Queue what happened to an alert. Never blocks."""
        with self._changed:
            earlier = self._waiting.get(record.alert_id)
            self._waiting[record.alert_id] = record if earlier is None else earlier.then(record)
            self._bound()
            self._changed.notify_all()

    def close(self, timeout: float) -> None:
        """Commit what waits, for at most ``timeout`` seconds, and end the thread. Idempotent."""
        with self._changed:
            if self._deadline is None:
                self._deadline = time.monotonic() + timeout
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join()
        with self._changed:
            for record in list(self._waiting.values()):
                self._lose(record, "the service stopped before the store could take it")

    def _bound(self) -> None:
        while len(self._waiting) > MAX_WAITING:
            self._lose(next(iter(self._waiting.values())), f"more than {MAX_WAITING} alerts wait for the store")
        pictured = [record for record in self._waiting.values() if record.evidence is not None]
        for record in pictured[:-MAX_PICTURES]:
            record.evidence = None
            logger.warning("alert %s loses its picture: too many wait for the store", record.alert_id)
        self._metrics.outbox_depth.labels(STORE).set(len(self._waiting))

    def _lose(self, record: Record, why: str) -> None:
        del self._waiting[record.alert_id]
        self._count_lost(record)
        kinds = ", ".join(record.events)
        logger.error("LOST alert %s of stream %s (%s): %s", record.alert_id, record.stream_id, kinds, why)

    def _count_lost(self, record: Record) -> None:
        self._metrics.alerts_suppressed.labels(record.stream_id, "lost").inc()

    def _run(self) -> None:
        failures = 0
        while (record := self._next()) is not None:
            try:
                events = self._commit(record)
            except _NOT_NOW as error:
                failures += 1
                self._metrics.deliveries.labels(STORE, "failed").inc()
                logger.error("alert %s is not stored yet, attempt %d: %s", record.alert_id, failures, _brief(error))
                self._put_back(record)
                self._pause(min(RETRY_MAX_S, RETRY_FIRST_S * 2 ** min(failures - 1, 10)))
            except Exception:  # one alert that cannot be stored must not end the thread: none would be, any more
                logger.exception("alert %s cannot be stored", record.alert_id)
                self._count_lost(record)
            else:
                failures = 0
                self._after_commit(events)

    def _next(self) -> Record | None:
        """Take the first record out; None when the recorder is closed and all is done or time is up."""
        with self._changed:
            while not self._waiting and self._deadline is None:
                self._changed.wait()
            late = self._deadline is not None and time.monotonic() >= self._deadline
            if late or not self._waiting:
                return None
            return self._waiting.pop(next(iter(self._waiting)))

    def _put_back(self, record: Record) -> None:
        with self._changed:
            later = self._waiting.pop(record.alert_id, None)
            first = record if later is None else record.then(later)
            self._waiting = {first.alert_id: first, **self._waiting}
            self._bound()

    def _pause(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        with self._changed:
            while (left := min(until, self._deadline or until) - time.monotonic()) > 0:
                self._changed.wait(left)

    def _commit(self, record: Record) -> list[AlertEvent]:
        self._store_picture(record)
        now = datetime.now(UTC)
        events = []
        with self._stores.database.transaction() as connection:
            for kind, alert in record.events.items():
                stored = alert.model_copy(update={"snapshot": record.snapshot})
                event = self._stores.alerts.record(connection, stored, kind)
                self._stores.outbox.add(connection, event, self._sinks, now)
                events.append(event)
            if record.embeddings is not None:
                self._stores.feedback.record_embeddings(connection, record.stream_id, record.embeddings)
            self._stores.alerts.forget_snapshots(connection, record.evicted)
        return events

    def _after_commit(self, events: list[AlertEvent]) -> None:
        self._metrics.deliveries.labels(STORE, "delivered").inc(len(events))
        with self._changed:
            self._metrics.outbox_depth.labels(STORE).set(len(self._waiting))
        self._committed(events)
        self._commits += 1
        if self._commits % PRUNE_EVERY == 0:
            try:
                self._stores.snapshots.remove(self._stores.alerts.prune())
                self._stores.feedback.prune()
            except (SQLAlchemyError, OSError) as error:
                logger.warning("old alerts are not pruned now, next time: %s", _brief(error))

    def _store_picture(self, record: Record) -> None:
        """Draw and write the picture; an alert without one is better than none, so a failure only costs that."""
        evidence, record.evidence = record.evidence, None
        if evidence is None or evidence.image is None:
            return
        try:
            jpeg = encode_jpeg(draw(evidence.image, evidence.objects, evidence.threshold, evidence.heat))
            evicted = self._stores.snapshots.save(record.alert_id, jpeg)
        except Exception as error:  # of the disk, of OpenCV, or of what a head gave as heat
            logger.error("alert %s stays without its picture: %s", record.alert_id, _brief(error))
            return
        record.evicted = [*record.evicted, *evicted]
        if record.alert_id not in evicted:
            record.snapshot = f"/alerts/{record.alert_id}/snapshot.jpg"


def _brief(error: Exception) -> str:
    """The driver's own words, without the statement and its parameters."""
    cause = getattr(error, "orig", None) or error
    return f"{type(cause).__name__}: {cause}"
