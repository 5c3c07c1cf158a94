"""What a person says of alerts, and what their streams learn from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack

from service.alerts.manager import AlertManager
from service.contracts.alert import Alert
from service.streams.registry import StreamRegistry


def review(
    streams: StreamRegistry, alerts: AlertManager, alert_ids: Sequence[str], changes: Mapping[str, str | None]
) -> Sequence[Alert]:
    """Note what a person says of alerts: of all of them, or, if that fails, of none.

    A false alarm teaches its stream; any other verdict takes that back. An alert of a stream that is deleted by now
    can be judged too: there is nobody to teach.

    Args:
        streams: Of them the alerts'.
        alerts: Keeps the alerts and tells of them.
        alert_ids: Of the alerts.
        changes: The new ``verdict``, the new ``note``, or both; None takes back what there is.

    Returns:
        The alerts as they are now, in the order of ``alert_ids``.

    Raises:
        NotFound: ``alert_not_found``.
    """
    radii: dict[str, float] = {}
    with ExitStack() as stack:
        if "verdict" in changes:
            # In the order of their ids, as everybody who holds several does.
            for stream_id in alerts.streams_of(alert_ids):
                guidance = stack.enter_context(streams.unchanging(stream_id))
                if guidance is not None:
                    radii[stream_id] = stack.enter_context(guidance.learning())
        reviewed = alerts.review(alert_ids, changes, radii)
        if "verdict" in changes:
            for alert in reviewed:
                streams.judged(alert)
        return reviewed
