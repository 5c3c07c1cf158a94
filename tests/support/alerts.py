"""Alerts and scored frames for tests."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np

from models.observation import Objects
from service.contracts.alert import Alert, AlertKind, AlertState
from service.frames import Frame, PreparedFrame
from service.pipeline.culprit import Blame
from service.pipeline.scored import Legend, ScoredFrame, ScoredObjects

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
THRESHOLD = 4.0
"""Surprise at which alerts open."""


def make_alert(alert_id: str, second: float = 0.0, stream: str = "yard", **fields: object) -> Alert:
    """An open alert, opened so many seconds after noon."""
    at = NOON + timedelta(seconds=second)
    alert = Alert(
        id=alert_id,
        stream_id=stream,
        stream_name=stream.title(),
        kind=AlertKind.ANOMALY,
        state=AlertState.OPEN,
        opened_at=at,
        updated_at=at,
        opened_pts=second,
        peak_score=0.75,
        peak_at=at,
        threshold=0.6,
        heads={"attributes": 0.75},
        objects=[{"track_id": 3, "box": (0.1, 0.2, 0.3, 0.4), "label": "person", "score": 0.8, "terms": {"size": 2.0}}],
        message="A person of an unusual size, on the left of the picture.",
    )
    return alert.model_copy(update=fields)


def scored_frame(
    second: float, surprise: float | None, stream: str = "yard", epoch: int = 0, image: np.ndarray | None = None
) -> ScoredFrame:
    """A frame so many seconds after noon, with one person who is as unusual as the frame."""
    picture = np.full((120, 160, 3), 90, np.uint8) if image is None else image
    frame = Frame(round(second * 10), second, NOON.timestamp() + second, time.monotonic(), picture)
    box = np.array([[0.4, 0.2, 0.2, 0.6]], np.float32)
    person = Objects(box, np.ones(1, np.float32), np.zeros(1, np.int32), np.array([3]), ("person",))
    source = PreparedFrame(stream, epoch, frame, None)
    unscored = ScoredObjects.unscored(person, None)
    if surprise is None:
        return ScoredFrame(source, unscored, threshold=THRESHOLD)
    surprises = np.array([surprise])
    terms = {"speed": surprises.astype(np.float32), "size": np.ones(1, np.float32)}
    return ScoredFrame(
        source,
        replace(unscored, surprise=surprises, unguided=surprises, terms=terms),
        Legend(sentences={"speed": "moving too fast", "size": "too large"}),
        surprise=surprise,
        unguided=surprise,
        unsmoothed=surprise,
        threshold=THRESHOLD,
        blame=Blame(np.array([3]), 3),
        heads={"attributes": surprise},
    )


def with_embedding(frame: ScoredFrame, embeddings: np.ndarray, encoder: str) -> ScoredFrame:
    """The frame with what its person looked like to an encoder."""
    return replace(
        frame,
        objects=replace(frame.objects, embeddings=embeddings),
        legend=replace(frame.legend, encoder=encoder),
    )


def wait_until(condition: Callable[[], object], timeout: float = 60.0) -> None:
    """Return once the condition holds."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, f"still not true after {timeout} s"
        time.sleep(0.01)
