"""What people say of alerts: noted, learned from and queued for delivery in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import cast

from service.alerts.stores import AlertStores
from service.contracts.alert import Alert, AlertEvent, Verdict


class Reviewer:
    """Commits reviews of alerts. Thread-safe."""

    def __init__(self, stores: AlertStores, sinks: Sequence[str]) -> None:
        """Nothing is read yet.

        Args:
            stores: Where alerts are kept.
            sinks: Names of those whose outboxes get every event.
        """
        self._stores = stores
        self._sinks = sinks

    def streams_of(self, alert_ids: Sequence[str]) -> Sequence[str]:
        """The streams that these alerts are of, in order of their ids; they may be deleted by now."""
        with self._stores.database.reading() as connection:
            return sorted({alert.stream_id for alert in self._stores.alerts.get_all(connection, alert_ids)})

    def review(
        self, alert_ids: Sequence[str], changes: Mapping[str, str | None], radii: Mapping[str, float]
    ) -> tuple[Sequence[Alert], Sequence[AlertEvent]]:
        """Note what a person says of alerts, and learn from it: of all of them, or of none.

        Args:
            alert_ids: The alerts.
            changes: The new ``verdict``, the new ``note``, or both; None takes back what there is.
            radii: For each stream that can learn, the cosine distance within which an object is the same.

        Returns:
            The alerts as they are now, and an event for each that was changed.

        Raises:
            NotFound: ``alert_not_found``.
        """
        now, stores = datetime.now(UTC), self._stores
        with stores.database.transaction() as connection:
            # In the order of their ids, so that two who review the same alerts do not wait for each other for ever.
            changed = [each for each in sorted(alert_ids) if stores.alerts.review(connection, each, changes, now)]
            told = stores.alerts.get_all(connection, alert_ids)
            if "verdict" in changes:
                verdict = cast("Verdict | None", changes["verdict"])
                for alert in told:
                    if (radius := radii.get(alert.stream_id)) is not None:
                        stores.feedback.learn(connection, alert.stream_id, alert.id, verdict, radius)
            events = [stores.alerts.event(connection, each, "reviewed") for each in changed]
            for event in events:
                stores.outbox.add(connection, event, self._sinks, now)
            return stores.alerts.get_all(connection, alert_ids), events
