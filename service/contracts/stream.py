"""A stream as the API speaks of it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    ValidationInfo,
    field_validator,
    model_validator,
)

from service.contracts.enrolment import EnrolmentSpec
from service.contracts.timezone import Timezone

Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$"),
]
Point = tuple[Annotated[float, Field(ge=0, le=1)], Annotated[float, Field(ge=0, le=1)]]


KEPT = {"kept": True}
"""Validation context of settings that were checked when they came, by an earlier version perhaps."""


class StreamState(StrEnum):
    """Where a stream stands. ``score`` is null in every state but ``live``; ``blind`` delivers pictures of nothing."""

    CONNECTING = "connecting"
    ENROLLING = "enrolling"
    LIVE = "live"
    STALLED = "stalled"
    OFFLINE = "offline"
    PAUSED = "paused"
    FAILED = "failed"
    BLIND = "blind"


DELIVERING = frozenset({StreamState.LIVE, StreamState.ENROLLING, StreamState.BLIND})
"""States in which frames flow, whatever they show."""


class NotWatchingReason(StrEnum):
    """Why the frames of a stream get no score."""

    CONNECTING = "connecting"
    STALLED = "stalled"
    OFFLINE = "offline"
    FAILED = "failed"
    PAUSED = "paused"
    LEARNING = "learning"
    NOT_ENROLLED = "not_enrolled"
    ENROLMENT_FAILED = "enrolment_failed"
    FROZEN = "frozen"
    BLACK = "black"
    WHITE = "white"
    COVERED = "covered"
    OUT_OF_FOCUS = "out_of_focus"
    DISTURBED = "disturbed"
    OVERLOADED = "overloaded"


class NotWatching(BaseModel):
    """Why a stream is not being watched, and what to do about it."""

    reason: NotWatchingReason
    message: str = Field(description="Why, in a sentence.")
    advice: str = Field(description="What to do, in a sentence.")
    fault: bool = Field(description="Whether a person has to do something, or at least has to know.")


class Zone(BaseModel):
    """A named part of the picture."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    polygon: list[Point] = Field(
        min_length=3, max_length=64, description="Corners as fractions of the picture, x right and y down."
    )
    mode: Literal["watch", "ignore", "mark"] = Field(
        "ignore",
        description="`ignore`: nothing in it counts. `watch`: only what is in a watched zone counts. `mark`: a place "
        "for text rules to name, which changes nothing by itself.",
    )

    @field_validator("polygon")
    @classmethod
    def _is_simple(cls, polygon: list[Point], info: ValidationInfo) -> list[Point]:
        # A zone of before this was checked is kept: a camera must not be lost for its outline.
        if info.context is not KEPT and (crossing := _crossing(polygon)) is not None:
            one, other = crossing
            msg = (
                f"The outline crosses itself: its side from corner {_side(one, polygon)} crosses the one from corner "
                f"{_side(other, polygon)}. Move a corner."
            )
            raise ValueError(msg)
        shifted = polygon[1:] + polygon[:1]
        twice_area = sum(x * next_y - next_x * y for (x, y), (next_x, next_y) in zip(polygon, shifted, strict=True))
        if abs(twice_area) < 1e-6:
            msg = "expected a polygon with an area, got corners on one line"
            raise ValueError(msg)
        return polygon


def _crossing(polygon: list[Point]) -> tuple[int, int] | None:
    """The first two sides that cross, each by its first corner; sides that only touch do not."""
    sides = list(zip(polygon, polygon[1:] + polygon[:1], strict=True))
    for one, (a, b) in enumerate(sides):
        for other, (c, d) in enumerate(sides[one + 2 :], start=one + 2):
            if _turn(a, b, c) * _turn(a, b, d) < 0 and _turn(c, d, a) * _turn(c, d, b) < 0:
                return one, other
    return None


def _turn(a: Point, b: Point, c: Point) -> int:
    """Whether the way from ``a`` over ``b`` to ``c`` turns one way (1), the other (-1), or not at all (0)."""
    turn = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
    return 0 if abs(turn) < 1e-12 else 1 if turn > 0 else -1


def _side(first: int, polygon: list[Point]) -> str:
    return f"{first + 1} to {(first + 1) % len(polygon) + 1}"


class Detection(BaseModel):
    """Which of the detected objects count."""

    model_config = ConfigDict(extra="forbid")

    classes: list[str] | None = Field(None, max_length=100, description="Class names to keep; null keeps all.")
    confidence: float | None = Field(None, gt=0, lt=1, description="Least confidence; null takes the detector pack's.")
    min_height: float = Field(
        0.0, ge=0, lt=1, description="Objects lower than this share of the picture's height do not count."
    )


class StreamSpec(BaseModel):
    """What `POST /streams` takes."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"name": "Gate", "url": "rtsp://user:secret@camera.example:554/stream1"},
                {
                    "name": "Platform 2",
                    "url": "rtsp://camera.example/stream2",
                    "detector": "motion",
                    "fps": 10,
                    "alerts_per_day": 2,
                    "zones": [{"name": "Tracks", "polygon": [[0, 0.6], [1, 0.6], [1, 1], [0, 1]], "mode": "watch"}],
                    "enrolment": {"seconds": 300},
                },
                {"name": "Archive", "url": "file:gate/monday.mp4", "enrolment": {"sources": ["gate/sunday.mp4"]}},
            ]
        },
    )

    name: Name = Field(description="For people.")
    url: str = Field(
        min_length=1,
        max_length=2048,
        description="rtsp, rtsps, http or https URL of a camera; or `file:PATH` of a video or a folder of images "
        "under the media folder. Credentials are split off, stored apart, and never shown.",
        examples=["rtsp://user:secret@camera.example:554/stream1"],
    )
    transport: Literal["tcp", "udp"] = Field("tcp", description="How RTSP carries its packets.")
    detector: str = Field("motion", max_length=100, description="`motion`, or a detector pack's name.")
    packs: list[str] = Field(
        ["attributes"], min_length=1, max_length=8, description="Packs whose heads score this stream."
    )
    encoder: str | None = Field(
        None,
        max_length=100,
        description="Encoder pack that sees its objects' clips, which text rules and some heads need; null takes the "
        "one that its heads need, else the service's own. `none` turns it off.",
    )
    pose: str | None = Field(
        None,
        max_length=100,
        description="Pose pack that finds people's keypoints, for heads and captions; null takes the service's own. "
        "`none` turns it off.",
    )
    appearance: str | None = Field(
        None,
        max_length=100,
        description="Appearance pack, or encoder pack, that says how objects look, for heads that ask; null takes the "
        "service's own. `none` turns it off.",
    )
    detection: Detection = Detection()
    fps: float = Field(10.0, gt=0, le=60, description="Frames looked at per second, at most.")
    threshold: float | None = Field(
        None, gt=0, le=1, description="Score at which an alert opens. Exclusive with `alerts_per_day`."
    )
    alerts_per_day: float | None = Field(
        None,
        ge=0.001,
        le=1000,
        description="Picks the threshold from the calibration, so that normal footage alerts about so often.",
    )
    zones: list[Zone] = Field(
        default_factory=list, max_length=32, description="Parts of the picture to watch or ignore."
    )
    timezone: Timezone | None = Field(
        None, description="Where the camera hangs, as an IANA name: schedules of text rules go by it. Null is UTC."
    )
    enrolment: EnrolmentSpec | None = Field(None, description="Learn what is normal as soon as frames flow.")
    enabled: bool = Field(True, description="`false` pauses the stream: nothing is read, its score is null.")

    @model_validator(mode="after")
    def _one_threshold(self) -> Self:
        if self.threshold is not None and self.alerts_per_day is not None:
            msg = "Give a threshold or alerts_per_day, not both."
            raise ValueError(msg)
        names = [zone.name for zone in self.zones]
        if len(set(names)) != len(names):
            msg = f"Two zones have the same name: {', '.join(names)}. Give each its own."
            raise ValueError(msg)
        return self


class Credentials(BaseModel):
    """What a camera wants to know of who asks. Only taken, never given."""

    model_config = ConfigDict(extra="forbid")

    user: Annotated[str, StringConstraints(max_length=256)] | None = Field(
        None, description="User name; null keeps the one that is stored."
    )
    password: Annotated[SecretStr, Field(max_length=256)] | None = Field(
        None, description="Password; null keeps the one that is stored."
    )


class StreamPatch(BaseModel):
    """What `PATCH /streams/{id}` takes: the fields to change, each as in `POST /streams`."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"alerts_per_day": 0.5}, {"enabled": False}]}
    )

    name: Name | None = None
    url: str | None = Field(None, min_length=1, max_length=2048)
    credentials: Credentials | None = Field(
        None,
        description="Of the camera, stored apart and never shown. What is left out stays as it is stored, for the same "
        "host and port: a password is never sent to another camera. Without this, `url` carries its own or has none.",
    )
    transport: Literal["tcp", "udp"] | None = None
    detector: str | None = Field(None, max_length=100)
    packs: list[str] | None = Field(None, min_length=1, max_length=8)
    encoder: str | None = Field(None, max_length=100)
    pose: str | None = Field(None, max_length=100)
    appearance: str | None = Field(None, max_length=100)
    detection: Detection | None = None
    fps: float | None = Field(None, gt=0, le=60)
    threshold: float | None = Field(None, gt=0, le=1)
    alerts_per_day: float | None = Field(None, ge=0.001, le=1000)
    zones: list[Zone] | None = Field(None, max_length=32)
    timezone: Timezone | None = None
    enabled: bool | None = None


class StreamStatus(BaseModel):
    """What a stream is doing."""

    state: StreamState
    detail: str | None = Field(None, description="Why, in a sentence, when the state is not live.")
    since: datetime
    width: int | None = Field(None, description="Of the source's picture, in pixels.")
    height: int | None = None
    size_changed_at: datetime | None = Field(None, description="When the picture last changed its size, if it has.")
    damaged_frames: int = Field(0, description="Frames left out because they did not decode, or not whole.")
    measured_fps: float | None = Field(None, description="Frames scored per second, over the last seconds.")
    latency_ms: float | None = Field(None, description="From a frame's arrival to its score, last frame.")
    lag_s: float | None = Field(
        None,
        description="How far behind the present the newest scored frame was when it was scored, in seconds, as far as "
        "it can be known; null while nothing is scored.",
    )
    notes: list[str] = Field(
        [],
        description="What to know of it while it works, each a sentence: that its pictures are timed by their arrival, "
        "or come too seldom for some of what is looked at.",
    )
    reconnects: int = 0
    last_frame_at: datetime | None = None
    threshold: float | None = Field(None, description="The threshold in force, once enrolled.")
    alerts_per_day: float | None = Field(
        None,
        description="How often normal footage may raise an alert, from which the threshold follows: the stream's own "
        "wish or else the service's. Null where the stream names its threshold.",
    )
    enrolled: bool = False
    watching: bool = Field(False, description="Whether its frames are being scored now.")
    not_watching: NotWatching | None = Field(None, description="Why not, and what to do; null while it is watching.")
    next_try_at: datetime | None = Field(None, description="When a source that is down is tried again.")


class StreamOut(StreamSpec):
    """A stream as the API answers it. `url` carries no credentials."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "c2f0a1d49b7e",
                    "name": "Gate",
                    "url": "rtsp://camera.example:554/stream1",
                    "transport": "tcp",
                    "detector": "motion",
                    "packs": ["attributes"],
                    "encoder": None,
                    "pose": None,
                    "appearance": None,
                    "detection": {"classes": None, "confidence": None, "min_height": 0.0},
                    "fps": 10.0,
                    "threshold": None,
                    "alerts_per_day": 1.0,
                    "zones": [],
                    "timezone": None,
                    "enrolment": None,
                    "enabled": True,
                    "has_credentials": True,
                    "warnings": [],
                    "created_at": "2026-03-01T11:55:00Z",
                    "updated_at": "2026-03-01T11:55:00Z",
                    "status": {
                        "state": "live",
                        "detail": None,
                        "since": "2026-03-01T12:05:02Z",
                        "width": 1280,
                        "height": 720,
                        "size_changed_at": None,
                        "damaged_frames": 0,
                        "measured_fps": 9.98,
                        "latency_ms": 31.5,
                        "lag_s": 0.03,
                        "notes": [],
                        "reconnects": 0,
                        "last_frame_at": "2026-03-01T12:10:00Z",
                        "threshold": 0.62,
                        "alerts_per_day": 1.0,
                        "enrolled": True,
                        "watching": True,
                        "not_watching": None,
                        "next_try_at": None,
                    },
                }
            ]
        }
    )

    id: str
    has_credentials: bool = Field(description="Whether something of `url` is hidden.")
    warnings: list[str] = Field(
        description="What may not be as it was meant, each a sentence or two: another stream of the same name, a rule "
        "for a zone that is gone, hours of rules without a time zone."
    )
    created_at: datetime
    updated_at: datetime
    status: StreamStatus
