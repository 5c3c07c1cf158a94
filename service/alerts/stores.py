"""The stores that hold alerts and all that belongs to them."""

from __future__ import annotations

from dataclasses import dataclass

from service.alerts.snapshots import SnapshotFolder
from service.store.alerts import AlertStore
from service.store.database import Database
from service.store.feedback import FeedbackStore
from service.store.outbox import Outbox


@dataclass(frozen=True, slots=True)
class AlertStores:
    """Where alerts and all that belongs to them are kept.

    Attributes:
        database: Of all of them: an alert and its events are committed in one transaction.
        alerts: The alerts.
        feedback: What alerts' objects looked like, for their verdicts.
        outbox: Events that are still to be delivered.
        snapshots: The pictures.
    """

    database: Database
    alerts: AlertStore
    feedback: FeedbackStore
    outbox: Outbox
    snapshots: SnapshotFolder
