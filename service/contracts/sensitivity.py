"""A dry run of another sensitivity, as the API speaks of it."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class SensitivitySpec(BaseModel):
    """What `POST /streams/{id}/enrolment/preview` takes: exactly one wish."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"alerts_per_day": 5}, {"threshold": 0.6, "days": 7}]}
    )

    alerts_per_day: float | None = Field(None, ge=0.001, le=1000, description="False alerts a day that are acceptable.")
    threshold: float | None = Field(None, gt=0, le=1, description="Score at which an alert would open.")
    days: float = Field(30.0, gt=0, le=30, description="How far back to look, as far as scores are kept.")

    @model_validator(mode="after")
    def _one_wish(self) -> Self:
        if (self.alerts_per_day is None) == (self.threshold is None):
            msg = "Give a threshold or alerts_per_day, one of them."
            raise ValueError(msg)
        return self


class RehearsedAlert(BaseModel):
    """An alert that there would have been."""

    opened_at: datetime = Field(description="To the minute where `exact` is false.")
    closed_at: datetime
    peak_score: float = Field(ge=0, le=1)
    exact: bool = Field(
        description="Whether its frames are still remembered. Else only the highest score of each minute is."
    )
    alert_id: str | None = Field(description="The alert that there was at that time; null if there was none.")
    picture: str | None = Field(
        description="A `data:` URL of a small JPEG of it, or the path of the alert's picture; null if none is kept."
    )


class SensitivityPreview(BaseModel):
    """How many alerts another sensitivity would have raised, with nothing changed."""

    threshold: float = Field(description="Score at which an alert would open.")
    threshold_now: float = Field(description="Score at which one opens now.")
    promise: str = Field(description="What it would promise, in a sentence.")
    since: datetime | None = Field(description="The oldest score that was looked at; null if there is none.")
    watched_s: float = Field(description="Seconds with a score since then.")
    count: int = Field(description="Alerts that there would have been.")
    count_now: int = Field(description="The same reckoning with the threshold in force.")
    exact: bool = Field(
        description="Whether each frame of that time is remembered. Else the number is about right: of each minute the "
        "highest score is known, and minutes in a row count as one alert; and scores above 1 are remembered as 1."
    )
    alerts: list[RehearsedAlert] = Field(description="They, the newest first, at most a hundred.")
