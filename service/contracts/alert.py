"""An alert: the same JSON over REST, Redis and webhooks."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from service.contracts.score import Box


class AlertState(StrEnum):
    """Open while the incident lasts."""

    OPEN = "open"
    CLOSED = "closed"


class AlertKind(StrEnum):
    """What an alert is about: something unusual in view, or a camera that went away."""

    ANOMALY = "anomaly"
    OFFLINE = "stream_offline"


Verdict = Literal["confirmed", "false_alarm"]


class AlertObject(BaseModel):
    """An object, or a moving region, that stood out at an alert's peak."""

    track_id: int | None = None
    box: Box
    label: str
    score: float
    terms: dict[str, float] = Field(default_factory=dict, description="Per attribute, how far from normal.")


class Alert(BaseModel):
    """One incident, with one id for its whole life."""

    id: str
    stream_id: str
    stream_name: str
    kind: AlertKind = AlertKind.ANOMALY
    state: AlertState
    opened_at: datetime = Field(description="Capture time of the frame that opened it.")
    updated_at: datetime
    closed_at: datetime | None = None
    opened_pts: float | None = Field(None, description="Presentation time of that frame, seconds.")
    closed_pts: float | None = None
    peak_score: float | None = None
    peak_at: datetime | None = None
    threshold: float | None = None
    heads: dict[str, float] = Field(default_factory=dict, description="Each head's score at the peak.")
    objects: list[AlertObject] = []
    message: str = Field(description="One sentence for a person.")
    verdict: Verdict | None = None
    snapshot: str | None = Field(None, description="Path of the picture at the peak, boxes drawn.")
    clip: str | None = Field(None, description="Path of the clip, once there is one.")


class AlertEvent(BaseModel):
    """What the bus and webhooks carry: what happened to an alert, and the alert as it then stood.

    Delivered at least once; `id` is the same in every repetition, so a consumer can drop repeats.
    """

    id: str
    event: Literal["opened", "updated", "closed"]
    alert: Alert


class AlertPatch(BaseModel):
    """What `PATCH /alerts/{id}` takes."""

    model_config = ConfigDict(extra="forbid")

    verdict: Verdict | None = Field(description="`confirmed`, `false_alarm`, or null to take it back.")
