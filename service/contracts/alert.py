"""An alert: the same JSON over REST, Redis and webhooks."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from service.contracts.score import Explained


class AlertState(StrEnum):
    """Open while the incident lasts."""

    OPEN = "open"
    CLOSED = "closed"


class AlertKind(StrEnum):
    """What an alert is about: something unusual in view, a camera that went away, or one whose picture says nothing."""

    ANOMALY = "anomaly"
    OFFLINE = "stream_offline"
    NOT_WATCHING = "not_watching"


Verdict = Literal["confirmed", "false_alarm"]

AlertId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]

MAX_REVIEWED = 200
"""Alerts that are reviewed at once: two screens of a grid. A transaction of so many takes a tenth of a second, for
which nothing else is written to SQLite."""


def _blank_is_none(note: str) -> str | None:
    return note or None


Note = Annotated[
    str,
    # Line ends and tabs are text; other control characters are not, and PostgreSQL cannot keep a NUL.
    StringConstraints(strip_whitespace=True, max_length=1000, pattern=r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$"),
    AfterValidator(_blank_is_none),
]


class AlertObject(Explained):
    """The object, or moving region, that made an alert, or one that stood out beside it."""

    score: float = Field(description="Its own score, 0..1, text rules applied.")


class Teaching(BaseModel):
    """What a false alarm taught its stream."""

    objects: int = Field(ge=0, description="Objects of the alert whose like counts as normal there; 0 if none does.")
    detail: str = Field(description="The same in a sentence, and why if nothing was learned.")


class Alert(BaseModel):
    """One incident, with one id for its whole life."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "5f1d2c9a0b7e4c1e9a3d6f8b2c4e7a10",
                    "stream_id": "c2f0a1d49b7e",
                    "stream_name": "Gate",
                    "kind": "anomaly",
                    "state": "closed",
                    "opened_at": "2026-03-01T12:00:04.120000Z",
                    "updated_at": "2026-03-01T12:00:11.480000Z",
                    "closed_at": "2026-03-01T12:00:11.480000Z",
                    "opened_pts": 304.12,
                    "closed_pts": 311.48,
                    "peak_score": 0.91,
                    "peak_at": "2026-03-01T12:00:06.320000Z",
                    "threshold": 0.62,
                    "heads": {"attributes": 0.91},
                    "objects": [
                        {
                            "culprit": True,
                            "track_id": 17,
                            "box": [0.41, 0.33, 0.06, 0.17],
                            "label": "bicycle",
                            "recognised": True,
                            "caption": "a person riding a bicycle, faster than usual here",
                            "posture": {},
                            "why": ["moving about 3 times as fast as is usual there"],
                            "place": "in the middle of the picture",
                            "terms": {"speed": 5.5, "direction": 0.1, "size": 1.2, "appearance": 2.1},
                            "actions": [{"text": "riding a bicycle", "similarity": 0.61, "alike": True}],
                            "nearest": {"mode": "walking", "distance": 0.37},
                            "matches": [],
                            "taught": None,
                            "score": 0.91,
                        }
                    ],
                    "message": "A bicycle moving about 3 times as fast as is usual there, in the middle of the "
                    "picture. Never seen while learning.",
                    "verdict": None,
                    "reviewed_at": None,
                    "note": None,
                    "taught": None,
                    "snapshot": "/alerts/5f1d2c9a0b7e4c1e9a3d6f8b2c4e7a10/snapshot.jpg",
                    "clip": None,
                }
            ]
        }
    )

    id: str
    stream_id: str
    stream_name: str = Field(description="The stream's name when the alert opened.")
    kind: AlertKind = AlertKind.ANOMALY
    state: AlertState
    opened_at: datetime = Field(description="Capture time of the frame that opened it.")
    updated_at: datetime
    closed_at: datetime | None = Field(None, description="Null while it is open.")
    opened_pts: float | None = Field(None, description="Presentation time of that frame, seconds.")
    closed_pts: float | None = Field(None, description="Presentation time of the last frame of it, seconds.")
    peak_score: float | None = Field(None, description="The highest score so far, 0..1.")
    peak_at: datetime | None = Field(None, description="When that was.")
    threshold: float | None = Field(None, description="The threshold that was in force, 0..1.")
    heads: dict[str, float] = Field(default_factory=dict, description="Each head's score at the peak.")
    objects: list[AlertObject] = Field(
        [],
        description="What made the alert, then what else stood out, the most unusual first, as in the picture.",
    )
    message: str = Field(description="What happened, and how rare it is, for a person.")
    verdict: Verdict | None = Field(None, description="What a person said of it.")
    reviewed_at: datetime | None = Field(
        None, description="When that was said; null while nothing is, and for what was said before this was kept."
    )
    note: str | None = Field(None, description="What a person wrote about it.")
    taught: Teaching | None = Field(None, description="What it taught; null unless its verdict is `false_alarm`.")
    snapshot: str | None = Field(
        None,
        description="Path of the picture, boxes drawn: that one around the peak in which most of the culprit is seen.",
    )
    clip: str | None = Field(None, description="Path of the clip, once there is one.")


class AlertEvent(BaseModel):
    """What the bus and webhooks carry: what happened to an alert, and the alert as it then stood.

    Delivered at least once; `id` is the same in every repetition, so a consumer can drop repeats. `reviewed` says that
    a person gave a verdict, took it back, or changed the note.
    """

    id: str = Field(description="The alert's id, a dash, and which change of it this is, from 1 on.")
    at: datetime | None = Field(None, description="When it happened; null in events of versions that did not say it.")
    event: Literal["opened", "updated", "closed", "reviewed"]
    alert: Alert


class AlertPatch(BaseModel):
    """What `PATCH /alerts/{id}` takes: the verdict, the note, or both. What is left out stays as it is."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"verdict": "false_alarm"}, {"note": "The gardener, every Tuesday."}]},
    )

    verdict: Verdict | None = Field(None, description="`confirmed`, `false_alarm`, or null to take it back.")
    note: Note | None = Field(None, description="For people, up to 1000 characters; null or blank removes it.")

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set & {"verdict", "note"}:
            msg = "Give a verdict, a note, or both."
            raise ValueError(msg)
        return self

    def changes(self) -> dict[str, str | None]:
        """What it changes, by field."""
        return {name: getattr(self, name) for name in ("verdict", "note") if name in self.model_fields_set}


class AlertReviewsSpec(AlertPatch):
    """What `POST /alerts/reviews` takes: alerts, and what is said of every one of them."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "ids": ["5f1d2c9a0b7e4c1e9a3d6f8b2c4e7a10", "0a7be2d94c1f4d55b7c3f2e8a9d61c04"],
                    "verdict": "false_alarm",
                }
            ]
        },
    )

    ids: list[AlertId] = Field(
        min_length=1, max_length=MAX_REVIEWED, description="The alerts' ids, each once; the answer keeps their order."
    )

    @model_validator(mode="after")
    def _names_each_once(self) -> Self:
        if len(set(self.ids)) != len(self.ids):
            twice = next(each for index, each in enumerate(self.ids) if each in self.ids[:index])
            msg = f"Name each alert once; {twice!r} came twice."
            raise ValueError(msg)
        return self


class AlertCount(BaseModel):
    """How many alerts there are."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"alerts": 12, "unreviewed": 5}]})

    alerts: int = Field(ge=0, description="All that were asked for.")
    unreviewed: int = Field(ge=0, description="Those of them without a verdict.")


class AlertDay(AlertCount):
    """How many alerts opened on one day of the calendar."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"day": "2026-03-01", "alerts": 12, "unreviewed": 5}]},
    )

    day: date = Field(description="By the clock of the time zone that was asked for.")
