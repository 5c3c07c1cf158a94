"""A score message: what the WebSocket and `GET …/scores` carry for every frame."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from service.contracts.stream import StreamState

Box = Annotated[
    tuple[float, float, float, float],
    Field(description="x, y (top left), width, height as fractions of the picture."),
]


class ScoredObject(BaseModel):
    """One object (or moving region, label `motion`) of a scored frame."""

    track_id: int | None
    box: Box
    label: str
    score: float | None
    raw_score: float | None
    terms: dict[str, float] = Field(default_factory=dict, description="Per attribute, how far from normal.")


class ScoreMessage(BaseModel):
    """How unusual one frame of one stream is. `score` is null whenever the stream is not live."""

    stream_id: str
    seq: int = Field(description="Counts the messages of this stream; a gap says that some were lost.")
    pts: float | None = Field(description="Presentation time in seconds; null when there is no frame.")
    captured_at: float = Field(description="Wall clock of capture, Unix seconds.")
    latency_ms: float | None = Field(description="From the frame's arrival to its score.")
    state: StreamState
    score: float | None = Field(description="0..1; 0.5 means one normal frame in a thousand.")
    raw_score: float | None = Field(description="The surprise before smoothing, -log10(p), unclipped.")
    threshold: float | None
    alert_id: str | None = Field(None, description="The open alert of this stream, if there is one.")
    heads: dict[str, float] = {}
    objects: list[ScoredObject] = []
