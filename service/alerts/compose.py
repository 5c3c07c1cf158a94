"""From incidents and outages to alerts, as the API and the sinks speak of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from models.arrays import Float32
from service.alerts.incident_machine import Incident
from service.alerts.sentence import anomaly_message
from service.contracts.alert import Alert, AlertKind, AlertObject, AlertState
from service.contracts.score import Explained, ScoredObject
from service.pipeline.scored import ScoredFrame, display
from service.store.feedback import AlertEmbeddings

MAX_OBJECTS = 10
"""Objects an alert names: a stampede is one incident, not a list of everyone in it."""


@dataclass(frozen=True, slots=True)
class AlertEvidence:
    """What an incident's alert shows and says.

    Attributes:
        image: ``(H, W, 3)`` uint8, BGR, or None once it was handed on to be drawn and stored.
        pts: Presentation time of that picture, seconds.
        objects: Everything that was scored in it; what made the incident's peak is marked where it is to be seen.
        heads: Each head's own surprise at the peak.
        threshold: Display score at which alerts opened then.
        embeddings: ``(N, D)`` float32, of the clips of ``objects``, NaN rows where there is none; None without an
            encoder.
        encoder: Hash of the encoder's pack.
        peaked_at: Capture time of the peak that it is of, Unix seconds: one of the frames that were as high as the
            incident's peak; None for the incident's own.
        said: The culprit as it was at the peak; None for the marked one of ``objects``, if there is any.
        name: What a detector calls the culprit; None if it has no name that holds.
        looks: What an encoder guesses that it does; None for no guess that holds.
    """

    image: NDArray[np.uint8] | None
    pts: float
    objects: Sequence[ScoredObject]
    heads: Mapping[str, float]
    threshold: float
    embeddings: Float32 | None = None
    encoder: str | None = None
    peaked_at: float | None = None
    said: ScoredObject | None = None
    name: str | None = None
    looks: str | None = None

    @classmethod
    def of(cls, scored: ScoredFrame, objects: Sequence[ScoredObject]) -> AlertEvidence:
        """The part of a scored frame that an alert needs; the rest (motion) is not kept.

        Args:
            scored: The frame.
            objects: Its ``scored_objects``.
        """
        threshold = 0.0 if scored.threshold is None else display(scored.threshold)
        legend = scored.legend
        return cls(
            scored.source.frame.image,
            scored.source.frame.pts,
            objects,
            scored.heads,
            threshold,
            scored.objects.embeddings,
            legend.encoder,
        )


def anomaly_alert(stream_id: str, stream_name: str, incident: Incident, evidence: AlertEvidence) -> Alert:
    """An incident as an alert."""
    objects = [_alert_object(evidence.objects[index]) for index in _outstanding(evidence)]
    marked = next((each for each in objects if each.culprit), None)
    said: Explained | None = evidence.said or marked
    if said is not None and marked is not None:
        said = said.model_copy(update={"place": marked.place})  # where it is in the picture beside the sentence
    message = anomaly_message(said, evidence.name, evidence.looks, incident.peak)
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
        peak_at=_moment(incident.peak_at if evidence.peaked_at is None else evidence.peaked_at),
        threshold=display(incident.threshold),
        heads={name: display(surprise) for name, surprise in evidence.heads.items()},
        objects=objects,
        message=message if incident.reason is None else f"{message} {incident.reason}",
    )


def camera_alert(alert_id: str, stream_id: str, stream_name: str, kind: AlertKind, at: float, message: str) -> Alert:
    """What was just noticed of a camera itself, as an alert without a score.

    Args:
        alert_id: Of the alert.
        stream_id: Of the stream.
        stream_name: What people call it.
        kind: ``OFFLINE`` or ``NOT_WATCHING``.
        at: Unix seconds.
        message: In a sentence.
    """
    return Alert(
        id=alert_id,
        stream_id=stream_id,
        stream_name=stream_name,
        kind=kind,
        state=AlertState.OPEN,
        opened_at=_moment(at),
        updated_at=_moment(at),
        message=message,
    )


def closed(alert: Alert, at: datetime, reason: str, message: str | None = None) -> Alert:
    """An open alert, closed for a reason that its message then tells.

    Args:
        alert: Which.
        at: When.
        reason: In a sentence.
        message: What to say before it, now that it is over; None leaves what was said.
    """
    at = max(at, alert.updated_at)
    return alert.model_copy(
        update={
            "state": AlertState.CLOSED,
            "updated_at": at,
            "closed_at": at,
            "message": f"{message or alert.message} {reason}",
        }
    )


def alert_embeddings(alert_id: str, evidence: AlertEvidence) -> AlertEmbeddings | None:
    """What the objects that an alert names looked like, so that a false alarm can teach it; None if nobody knows."""
    if evidence.embeddings is None or evidence.encoder is None:
        return None
    features = evidence.embeddings[_outstanding(evidence)]
    features = features[~np.isnan(features).any(axis=1)]
    return AlertEmbeddings(alert_id, evidence.encoder, features.astype(np.float16)) if len(features) else None


def _outstanding(evidence: AlertEvidence) -> list[int]:
    """Indices of the culprit, then of the objects at or above the threshold, the most unusual first.

    Where nothing is to blame, and nothing reaches the threshold, of the one nearest to it.
    """
    objects = evidence.objects
    culprit = [index for index, scored in enumerate(objects) if scored.culprit]
    known = [index for index, scored in enumerate(objects) if scored.surprise is not None and not scored.culprit]
    ranked = sorted(known, key=lambda index: -(objects[index].surprise or 0.0))
    above = [index for index in ranked if (objects[index].score or 0.0) >= evidence.threshold]
    return ([*culprit, *above] or ranked[:1])[:MAX_OBJECTS]


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
