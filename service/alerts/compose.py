"""From incidents and outages to alerts, as the API and the bus speak of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from service.alerts.incident import Incident
from service.alerts.message import anomaly_message, outage_message
from service.contracts.alert import Alert, AlertKind, AlertObject, AlertState
from service.contracts.score import Explained, ScoredObject
from service.pipeline.scored import ScoredFrame, display
from service.score_message import scored_objects

MAX_OBJECTS = 10
"""Objects an alert names: a stampede is one incident, not a list of everyone in it."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was to be seen at an incident's peak.

    Attributes:
        image: ``(H, W, 3)`` uint8, BGR, or None once it was handed on to be drawn and stored.
        objects: Everything that was scored in it.
        heads: Each head's own surprise.
        threshold: Display score at which alerts opened then.
    """

    image: NDArray[np.uint8] | None
    objects: Sequence[ScoredObject]
    heads: Mapping[str, float]
    threshold: float

    @classmethod
    def of(cls, scored: ScoredFrame) -> Evidence:
        """The part of a scored frame that an alert needs; the rest (motion) is not kept."""
        threshold = 0.0 if scored.threshold is None else display(scored.threshold)
        return cls(scored.source.frame.image, scored_objects(scored), scored.heads, threshold)


def anomaly_alert(stream_id: str, stream_name: str, incident: Incident, evidence: Evidence) -> Alert:
    """An incident as an alert."""
    objects = _outstanding(evidence)
    message = anomaly_message(objects, incident.peak)
    return Alert(
        id=incident.id,
        stream_id=stream_id,
        stream_name=stream_name,
        kind=AlertKind.ANOMALY,
        state=AlertState.OPEN if incident.closed_at is None else AlertState.CLOSED,
        opened_at=_moment(incident.opened_at),
        updated_at=_moment(incident.updated_at),
        closed_at=None if incident.closed_at is None else _moment(incident.closed_at),
        opened_pts=incident.opened_pts,
        closed_pts=incident.closed_pts,
        peak_score=display(incident.peak),
        peak_at=_moment(incident.peak_at),
        threshold=display(incident.threshold),
        heads={name: display(surprise) for name, surprise in evidence.heads.items()},
        objects=objects,
        message=message if incident.reason is None else f"{message} {incident.reason}",
    )


def outage_alert(alert_id: str, stream_id: str, stream_name: str, opened_at: float, down_s: float) -> Alert:
    """An outage that was just noticed, as an alert."""
    return Alert(
        id=alert_id,
        stream_id=stream_id,
        stream_name=stream_name,
        kind=AlertKind.OFFLINE,
        state=AlertState.OPEN,
        opened_at=_moment(opened_at),
        updated_at=_moment(opened_at),
        message=outage_message(stream_name, down_s),
    )


def closed(alert: Alert, at: datetime, reason: str) -> Alert:
    """An open alert, closed for a reason that its message then tells."""
    at = max(at, alert.updated_at)
    return alert.model_copy(
        update={
            "state": AlertState.CLOSED,
            "updated_at": at,
            "closed_at": at,
            "message": f"{alert.message} {reason}",
        }
    )


def _outstanding(evidence: Evidence) -> list[AlertObject]:
    """The objects at or above the threshold, else the one nearest to it; the most unusual first."""
    known = [scored for scored in evidence.objects if scored.surprise is not None]
    ranked = sorted(known, key=lambda scored: -(scored.surprise or 0.0))
    above = [scored for scored in ranked if (scored.score or 0.0) >= evidence.threshold]
    return [_alert_object(scored) for scored in (above or ranked[:1])[:MAX_OBJECTS]]


def _alert_object(scored: ScoredObject) -> AlertObject:
    """The object without what is of no use once its frame is gone."""
    explained = {name: getattr(scored, name) for name in Explained.model_fields}
    terms = {name: _finite(distance) for name, distance in scored.terms.items()}
    return AlertObject(**{**explained, "terms": terms}, score=scored.score or 0.0)


def _finite(value: float) -> float:
    """JSON knows no infinity."""
    return value if math.isfinite(value) else math.copysign(1e9, value)


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
