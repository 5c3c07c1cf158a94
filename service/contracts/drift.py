"""Whether what a stream sees is still what it learned, as the API speaks of it."""

from __future__ import annotations

from datetime import date, datetime

from pydantic import BaseModel, Field


class DriftDay(BaseModel):
    """One day of a stream under what it has learned."""

    day: date = Field(description="Where the camera hangs.")
    frames: int = Field(description="Frames that were scored.")
    share: float = Field(
        ge=0, le=1, description="Share of them that were as unusual as one frame in a hundred was while learning."
    )
    beyond: bool = Field(description="Whether that is more than chance and too little footage explain.")


class DriftMoment(BaseModel):
    """One of the most unusual moments of a day."""

    at: datetime
    score: float = Field(ge=0, le=1)
    picture: str = Field(description="A `data:` URL of a small JPEG.")


class DriftOut(BaseModel):
    """How often a stream's frames are unusual, against how often they were while learning."""

    expected: float = Field(description="The share that is expected: 0.01.")
    changed: bool = Field(description="Whether normal has changed: the last two days with enough frames are beyond it.")
    days: list[DriftDay] = Field(description="The newest first, since it learned last.")
    moments: list[DriftMoment] = Field(description="Of the days that are beyond it, the newest first.")
