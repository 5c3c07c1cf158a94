"""A moment of what a stream learned from, as the API speaks of it."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

MomentChoice = Literal["leave_out", "keep"]


class MomentPatch(BaseModel):
    """What `PATCH /streams/{id}/enrolment/moments/{moment_id}` takes."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"choice": "keep"}]})

    choice: MomentChoice | None = Field(
        description="`leave_out`: nothing like it is normal here. `keep`: it is normal here. Null leaves it to the "
        "service again."
    )


class MomentOut(BaseModel):
    """A stretch of the footage that was learned from, which a person should see."""

    id: str
    kind: Literal["odd", "unusual"] = Field(
        description="`odd`: it stood out, and was left out unless a person kept it. `unusual`: the most unusual of "
        "what was learned to be normal."
    )
    left_out: bool = Field(description="Whether what was learned is without it.")
    choice: MomentChoice | None = Field(
        description="What a person said of it; null if nobody did. It is in force once nothing is being learned."
    )
    recording: str | None = Field(description="The recording that it is of; null for the live picture.")
    at: datetime | None = Field(description="When it was at its height; null in a recording.")
    begin_s: float = Field(description="Where it begins in its recording's time, in seconds.")
    end_s: float
    score: float | None = Field(description="Its highest score, 0..1; null if nothing could be said.")
    alerts: bool = Field(description="Whether that is an alert at the threshold in force, if nothing was left out.")
    why: str | None = Field(description="In which way it stands out, such as `moving unusually fast`; null if unknown.")
    picture: str | None = Field(description="Path of a small picture of it, under the root; null if none is kept.")
