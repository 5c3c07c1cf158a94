"""A score message: what the WebSocket and `GET …/scores` carry for every frame."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from models.guidance.contrastive import MATCH_FROM, MATCH_FULL
from service.contracts.stream import StreamState

Box = Annotated[
    tuple[float, float, float, float],
    Field(description="x, y (top left), width, height as fractions of the picture."),
]


class Action(BaseModel):
    """A phrase that an object resembles."""

    text: str
    similarity: float = Field(description="Cosine in the joint space of pictures and words, -1..1.")
    alike: bool = Field(
        True,
        description="Whether it is alike enough to be said, as a guess: above a bar that was measured on real footage. "
        "Without such a bar, as with the built-in encoder, none is.",
    )


class NearestMode(BaseModel):
    """The normal mode of the stream that an object is nearest to."""

    mode: str = Field(description="The phrase that the mode resembles most.")
    distance: float = Field(description="Cosine distance, 0..2; 0 is the mode itself.")


class RuleMatch(BaseModel):
    """A text rule that an object matched."""

    rule_id: str
    text: str
    verdict: Literal["normal", "anomaly"]
    similarity: float = Field(
        ge=0,
        le=1,
        description=f"How surely it is what the rule says: it acts from {MATCH_FROM} on, in full from {MATCH_FULL}. "
        "Under `equation10` a bare cosine.",
    )
    evidence: Literal["image", "caption", "posture"] = Field(
        description="What matched: its picture, its caption, or a posture that its caption only guesses."
    )


class TaughtMatch(BaseModel):
    """A false alarm that taught the stream that what looks and moves like this object is normal."""

    alert_id: str = Field(description="The alert that was marked `false_alarm`.")
    relief: float = Field(ge=0, le=1, description="How much of the object's surprise does not count for it; 1: all.")


class Explained(BaseModel):
    """An object, or a moving region, and what is known of why it stands out."""

    culprit: bool = Field(
        False,
        description="Whether it made the frame's score, also when its own is lower: at most one of a frame does. None "
        "does where a head judges the picture as a whole, or what made the score is out of sight now.",
    )
    track_id: int | None = Field(description="The same for one object over time; null for a moving region.")
    box: Box
    label: str = Field(description="The detector's class, or `motion` for what is only known to move.")
    recognised: bool = Field(True, description="Whether the detector named it; false for what is only known to move.")
    caption: str | None = Field(None, description="What it is and does, in words; null while not enrolled.")
    posture: dict[str, float] = Field(
        default_factory=dict,
        description="How surely a person is `standing`, `sitting`, `crouching`, `lying` or `falling`, or has "
        "`arms raised`, 0..1, where anybody could tell; captions say so from 0.6 on, with `perhaps` below 0.8. Empty "
        "while not enrolled.",
    )
    why: list[str] = Field(
        [],
        description="In which ways it is unusual, in words, most telling first: `moving about 3 times as fast as is "
        "usual there`. Empty while it is as usual.",
    )
    place: str | None = Field(
        None, description="Where it is, in words: `on the left of the picture`, or `in zone Tracks`."
    )
    terms: dict[str, float] = Field(
        default_factory=dict,
        description="Per attribute, how far from normal. Where two packs have one of the same name, `pack/attribute`.",
    )
    actions: list[Action] = Field([], description="The actions it resembles most, most first.")
    nearest: NearestMode | None = Field(None, description="The normal mode it is nearest to.")
    matches: list[RuleMatch] = Field([], description="The text rules that it matched.")
    taught: TaughtMatch | None = Field(
        None, description="The false alarm whose objects it is like, if that lowers its score."
    )


class ScoredObject(Explained):
    """One object, or moving region, of a scored frame."""

    score: float | None = Field(description="0..1, text rules applied; null while nothing is known of it.")
    raw_score: float | None = Field(description="0..1, as if there were no text rules and nothing was taught.")
    surprise: float | None = Field(description="Behind `score`: -log10(p), unclipped.")


class HeatMap(BaseModel):
    """Where in the picture a score comes from, on a grid over all of it."""

    rows: int
    columns: int
    values: list[float] = Field(description="Row by row from the top left, 0..1; 1 is where most comes from.")


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
                    "raw_score": 0.91,
                    "surprise": 5.46,
                    "guided": False,
                    "threshold": 0.62,
                    "alert_id": "5f1d2c9a0b7e4c1e9a3d6f8b2c4e7a10",
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
                            "score": 0.94,
                            "raw_score": 0.94,
                            "surprise": 5.62,
                        }
                    ],
                    "heat": None,
                    "covers": None,
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
                    "surprise": None,
                    "guided": False,
                    "threshold": None,
                    "alert_id": None,
                    "heads": {},
                    "objects": [],
                    "heat": None,
                    "covers": None,
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
    raw_score: float | None = Field(description="0..1, as if there were no text rules and nothing was taught.")
    surprise: float | None = Field(description="Behind `score`: -log10(p), unclipped.")
    guided: bool = Field(
        description="Whether a text rule, or what a false alarm taught, moved a score of this message."
    )
    threshold: float | None = Field(description="Score at which an alert opens; null while not enrolled.")
    alert_id: str | None = Field(None, description="The open alert of this stream, if there is one.")
    heads: dict[str, float] = Field({}, description="Each head's own score, 0..1, before smoothing and text rules.")
    objects: list[ScoredObject] = Field([], description="What was seen, with scores once enrolled.")
    heat: HeatMap | None = Field(None, description="Where the score comes from, if the head that makes it tells.")
    covers: tuple[float, float] | None = Field(
        None,
        description="First and last presentation time of the frames that the score speaks of, if it is more than one.",
    )


class ScorePoint(BaseModel):
    """The highest score of a stretch of time: of a single frame, of a minute, or of a longer step.

    Stretches of which nothing is known (the service did not run) are left out; they are not zero.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"at": "2026-03-01T12:00:00Z", "seconds": 60, "score": 0.91, "state": "live"},
                {"at": "2026-03-01T12:01:00Z", "seconds": 60, "score": None, "state": "offline"},
            ]
        }
    )

    at: datetime = Field(description="When it begins; of a frame, when it was captured.")
    seconds: int = Field(ge=0, description="How long it is; 0 is a single frame.")
    score: float | None = Field(description="0..1; null where no frame was scored.")
    state: StreamState = Field(description="Of the stream, when it had that score or else at the end.")
