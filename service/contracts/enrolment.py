"""An enrolment as the API speaks of it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from service.contracts.drift import DriftOut
from service.contracts.moment import MomentOut


class EnrolmentSpec(BaseModel):
    """What `POST /streams/{id}/enrolment` takes: exactly one place to learn from."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"seconds": 300},
                {"sources": ["gate/monday.mp4", "gate/tuesday.mp4"]},
                {"stream": "c2f0a1d49b7e"},
                {"seconds": 120, "extend": True},
            ]
        },
    )

    seconds: float | None = Field(
        None, ge=5, le=7 * 86400, description="Learn from so many seconds of the live picture."
    )
    sources: list[str] | None = Field(
        None, min_length=1, max_length=200, description="Learn from these files under the media folder."
    )
    stream: str | None = Field(None, description="Take over the profile of this stream.")
    extend: bool = Field(False, description="Add to the profile that exists instead of replacing it.")

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        given = [name for name in ("seconds", "sources", "stream") if getattr(self, name) is not None]
        if len(given) != 1:
            came = " and ".join(given) or "none of them"
            msg = f"Say with one of seconds, sources and stream what to learn from, not with {came}."
            raise ValueError(msg)
        if self.extend and self.stream is not None:
            msg = "A profile taken over from a stream replaces the present one. Use extend with seconds or sources."
            raise ValueError(msg)
        return self


class EnrolmentState(StrEnum):
    """Where an enrolment stands."""

    NONE = "none"
    COLLECTING = "collecting"
    FITTING = "fitting"
    READY = "ready"
    FAILED = "failed"


class ProfileOut(BaseModel):
    """What a stream has learned to be normal."""

    pack: str
    created_at: datetime
    frames: int = Field(description="Normal frames it was learned from.")
    seconds: float = Field(description="Seconds of footage it was learned from.")
    objects: int | None = Field(description="Tracked objects seen while learning; null if they were not counted.")
    recordings: int = Field(description="Recordings that it was learned from; 0 for the live picture.")
    origin: str = Field(description="Where from: `live`, the files' names, or another stream's id.")
    summary: dict[str, float | str] = Field(description="Per head, facts worth a look: modes, typical speed, ...")


class PromiseOut(BaseModel):
    """What the threshold in force promises: how many alerts a day normal footage is expected to raise."""

    threshold: float = Field(description="The score at which an alert opens, 0..1.")
    surprise: float = Field(description="The same as a surprise, -log10 of how rare that is; without an upper end.")
    threshold_at_enrolment: float = Field(description="The score at which it stood when learning ended, 0..1.")
    alerts_per_day: float | None = Field(description="The wish that it follows from; null if it was named itself.")
    expected: float | None = Field(description="Alerts a day that are expected; null where nothing is known.")
    low: float = Field(description="Lower end of the 95 % interval of it.")
    high: float | None = Field(description="Upper end; null where nothing is known.")
    hours: float = Field(description="Hours of normal footage that it was tried on.")
    incidents: int = Field(description="Alerts that would have opened in them at this threshold.")
    kind: Literal["measured", "guess"] = Field(
        description="`guess` while the footage is too short to have had one alert at the wished rate."
    )
    sentence: str = Field(description="All of it in a sentence.")
    adapts: bool = Field(description="Whether the threshold goes on to follow from the hours scored live.")


class ThresholdChangeOut(BaseModel):
    """That the threshold followed from the hours scored live."""

    at: datetime
    threshold: float = Field(description="The score at which alerts open since, 0..1.")
    sentence: str


class EnrolmentOut(BaseModel):
    """How far an enrolment is, and what came of it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "state": "collecting",
                    "progress": 0.4,
                    "frames": 1200,
                    "frames_wanted": 3000,
                    "seconds": 120.0,
                    "left_out_s": 0.0,
                    "started_at": "2026-03-01T12:00:00Z",
                    "finished_at": None,
                    "error": None,
                    "damaged": [],
                    "profiles": [],
                    "promise": None,
                    "moments": [],
                    "drift": None,
                    "threshold_changes": [],
                },
                {
                    "state": "ready",
                    "progress": 1.0,
                    "frames": 3000,
                    "frames_wanted": 3000,
                    "seconds": 300.0,
                    "left_out_s": 12.5,
                    "started_at": "2026-03-01T12:00:00Z",
                    "finished_at": "2026-03-01T12:05:02Z",
                    "error": None,
                    "damaged": ["gate/monday.mp4 is damaged: 12 frames (2.0%) left out, 3.8 to 4.3 s."],
                    "profiles": [
                        {
                            "pack": "attributes",
                            "created_at": "2026-03-01T12:05:02Z",
                            "frames": 3000,
                            "seconds": 300.0,
                            "objects": 41,
                            "recordings": 0,
                            "origin": "live",
                            "summary": {"usual_object_height": 0.21, "size_modes": 15.0, "appearance_modes": 31.0},
                        }
                    ],
                    "promise": {
                        "threshold": 0.6,
                        "surprise": 3.6,
                        "threshold_at_enrolment": 0.68,
                        "alerts_per_day": 1.0,
                        "expected": 1.5,
                        "low": 0.18,
                        "high": 5.6,
                        "hours": 31.1,
                        "incidents": 2,
                        "kind": "measured",
                        "sentence": "2 alerts in 31 hours of normal footage: between 0.19 and 5.6 a day expected.",
                        "adapts": True,
                    },
                    "threshold_changes": [
                        {
                            "at": "2026-03-02T19:05:02Z",
                            "threshold": 0.6,
                            "sentence": "The threshold was 0.68, and is 0.60 since 31 hours of normal footage "
                            "were seen.",
                        }
                    ],
                    "moments": [
                        {
                            "id": "0-82100-84900",
                            "kind": "odd",
                            "left_out": True,
                            "choice": None,
                            "recording": None,
                            "at": "2026-03-01T12:01:23Z",
                            "begin_s": 82.1,
                            "end_s": 84.9,
                            "score": 0.91,
                            "alerts": True,
                            "why": "moving unusually fast",
                            "picture": "streams/c2f0a1d49b7e/enrolment/moments/0-82100-84900.jpg",
                        }
                    ],
                    "drift": {"expected": 0.01, "changed": False, "days": [], "moments": []},
                },
            ]
        }
    )

    state: EnrolmentState
    progress: float = Field(0.0, ge=0, le=1, description="Share of the work that is done.")
    frames: int = Field(0, description="Frames gathered so far.")
    frames_wanted: int | None = Field(
        None,
        description="Frames that it will have gathered at its end, as far as is known; null if it learns from files.",
    )
    seconds: float = Field(0.0, description="Seconds of footage gathered so far.")
    left_out_s: float = Field(0.0, description="Seconds left out because nothing could be seen in them.")
    started_at: datetime | None = None
    finished_at: datetime | None = None
    error: str | None = Field(
        None, description="Why it failed, why a kept profile is not in force, or why a new one is not written yet."
    )
    damaged: list[str] = Field([], description="What was left out of the recordings because it is damaged.")
    profiles: list[ProfileOut] = Field([], description="What is in force now, one per pack.")
    promise: PromiseOut | None = Field(None, description="What its threshold promises; null while there is no profile.")
    threshold_changes: list[ThresholdChangeOut] = Field(
        [], description="How the threshold changed since learning ended, the newest last; at most 50."
    )
    moments: list[MomentOut] = Field(
        [],
        description="Of what is in force: moments that were left out as odd, in the order of time, and the most "
        "unusual of those that were kept. Events like these would be missed.",
    )
    drift: DriftOut | None = Field(None, description="Whether normal has changed; null while nothing is learned.")
