"""What a stream promises of its alerts, as the API speaks of it."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field


class PromiseOut(BaseModel):
    """How often normal footage is expected to raise an alert on a stream, and how well that is known."""

    threshold: float = Field(description="Score at which an alert opens, 0..1.")
    kind: Literal["measured", "guess"] = Field(
        description="`measured`: as much normal footage was seen as it takes to know. `guess`: less was, and the "
        "numbers go beyond what was seen."
    )
    alerts_per_day: float | None = Field(description="False alerts a day that are expected; null if nothing says so.")
    low: float | None = Field(description="Lower end of its 95 % interval.")
    high: float | None = Field(description="Upper end of its 95 % interval; null where nothing is known.")
    hours: float = Field(description="Hours of normal footage that the threshold was tried on, live ones included.")
    incidents: int = Field(description="Alerts that the threshold would have raised in them.")
    frames: int = Field(description="Frames that were learned from.")
    seconds: float = Field(description="Seconds of footage that they cover.")
    objects: int | None = Field(description="Tracked objects seen while learning; null if they were not counted.")
    recordings: int = Field(description="Recordings that were learned from; 0 for the live picture.")
