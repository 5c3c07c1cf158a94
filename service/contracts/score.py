"""A score message: what the WebSocket and `GET …/scores` carry for every frame."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from service.contracts.stream import StreamState

Box = Annotated[
    tuple[float, float, float, float],
    Field(description="x, y (top left), width, height as fractions of the picture."),
]


class ScoredObject(BaseModel):
    """One object (or moving region, label `motion`) of a scored frame."""

    track_id: int | None = Field(description="The same for one object over time; null for a moving region.")
    box: Box
    label: str = Field(description="The detector's class, or `motion` for a moving region.")
    score: float | None = Field(description="0..1, as of the frame; null while not enrolled.")
    raw_score: float | None = Field(description="Its surprise, -log10(p), unclipped.")
    terms: dict[str, float] = Field(default_factory=dict, description="Per attribute, how far from normal.")


class ScoreMessage(BaseModel):
    """How unusual one frame of one stream is. `score` is null whenever the stream is not live."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "stream_id": "c2f0a1d49b7e",
                    "seq": 3041,
                    "pts": 304.12,
                    "captured_at": 1772366404.12,
                    "latency_ms": 31.5,
                    "state": "live",
                    "score": 0.91,
                    "raw_score": 5.62,
                    "threshold": 0.62,
                    "alert_id": "5f1d2c9a0b7e4c1e9a3d6f8b2c4e7a10",
                    "heads": {"attributes": 0.91},
                    "objects": [
                        {
                            "track_id": 17,
                            "box": [0.41, 0.33, 0.06, 0.17],
                            "label": "bicycle",
                            "score": 0.91,
                            "raw_score": 5.62,
                            "terms": {"speed": 5.5, "direction": 0.1, "size": 1.2, "appearance": 2.1},
                        }
                    ],
                },
                {
                    "stream_id": "c2f0a1d49b7e",
                    "seq": 3042,
                    "pts": None,
                    "captured_at": 1772366409.2,
                    "latency_ms": None,
                    "state": "stalled",
                    "score": None,
                    "raw_score": None,
                    "threshold": None,
                    "alert_id": None,
                    "heads": {},
                    "objects": [],
                },
            ]
        }
    )

    stream_id: str
    seq: int = Field(description="Counts the messages of this stream; a gap says that some were lost.")
    pts: float | None = Field(description="Presentation time in seconds; null when there is no frame.")
    captured_at: float = Field(description="Wall clock of capture, Unix seconds.")
    latency_ms: float | None = Field(description="From the frame's arrival to its score.")
    state: StreamState
    score: float | None = Field(description="0..1; 0.5 means one normal frame in a thousand.")
    raw_score: float | None = Field(description="The surprise before smoothing, -log10(p), unclipped.")
    threshold: float | None = Field(description="Score at which an alert opens; null while not enrolled.")
    alert_id: str | None = Field(None, description="The open alert of this stream, if there is one.")
    heads: dict[str, float] = Field({}, description="Each head's own score, 0..1.")
    objects: list[ScoredObject] = Field([], description="What was seen, with scores once enrolled.")
