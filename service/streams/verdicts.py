"""What a person says of an alert, and what its stream learns from it."""

from __future__ import annotations

from service.contracts.alert import Alert, Verdict
from service.store.alerts import AlertStore
from service.streams.registry import StreamRegistry


def set_verdict(streams: StreamRegistry, alerts: AlertStore, alert_id: str, verdict: Verdict | None) -> Alert:
    """Note what a person says of an alert. A false alarm teaches its stream; anything else takes that back.

    Args:
        streams: Of them the alert's, unless it is deleted by now.
        alerts: Where the alert is kept.
        alert_id: Of the alert.
        verdict: What is said; None takes back what was.

    Raises:
        NotFound: ``alert_not_found``.
    """
    with streams.held(alerts.get(alert_id).stream_id) as guidance:
        if guidance is None:  # Deleted: there is nobody to teach.
            alerts.set_verdict(alert_id, verdict)
        else:
            guidance.judge_alert(alert_id, verdict)
    return alerts.get(alert_id)
