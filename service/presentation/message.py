"""From scored frames, which hold arrays, to messages, which people and programs read."""

from __future__ import annotations

import math
import time

import numpy as np

from models.guidance.vocabulary import RIDDEN, category
from service.contracts.score import Action, NearestMode, RuleMatch, ScoredObject, ScoreMessage, TaughtMatch
from service.contracts.stream import StreamState
from service.pipeline.scored import ScoredFrame, display


def score_message(
    frame: ScoredFrame, stream_id: str, seq: int, state: StreamState, latency_ms: float | None, alert_id: str | None
) -> ScoreMessage:
    """The message of a frame.

    Args:
        frame: Scored, or not while the stream is not enrolled.
        stream_id: Of its stream.
        seq: The message's number.
        state: Of the stream.
        latency_ms: From the frame's arrival to now.
        alert_id: The stream's open alert.
    """
    clocks = frame.source.frame
    return ScoreMessage(
        stream_id=stream_id,
        seq=seq,
        pts=clocks.pts,
        captured_at=clocks.captured_at,
        latency_ms=latency_ms,
        state=state,
        score=frame.score,
        raw_score=None if frame.unguided is None else display(frame.unguided),
        surprise=frame.surprise,
        guided=_guided(frame),
        threshold=None if frame.threshold is None else display(frame.threshold),
        alert_id=alert_id,
        heads={name: display(surprise) for name, surprise in frame.heads.items()},
        objects=scored_objects(frame),
    )


def scoreless_message(stream_id: str, seq: int, state: StreamState) -> ScoreMessage:
    """The message that a stream's state is news, or that there is no frame: every score is null."""
    return ScoreMessage(
        stream_id=stream_id,
        seq=seq,
        pts=None,
        captured_at=time.time(),
        latency_ms=None,
        state=state,
        score=None,
        raw_score=None,
        surprise=None,
        guided=False,
        threshold=None,
    )


def scored_objects(frame: ScoredFrame) -> list[ScoredObject]:
    """The objects of a frame, then its moving regions."""
    return [_scored_object(frame, index) for index in range(len(frame.objects) + len(frame.regions))]


def _scored_object(frame: ScoredFrame, index: int) -> ScoredObject:
    is_object = index < len(frame.objects)
    track_id = int(frame.objects.track_ids[index]) if is_object else -1
    surprise, unguided = _number(frame.surprises[index]), _number(frame.unguided_surprises[index])
    x, y, width, height = frame.box(index)
    return ScoredObject(
        track_id=track_id if track_id >= 0 else None,
        box=(round(x, 4), round(y, 4), round(width, 4), round(height, 4)),
        label=frame.label(index),
        recognised=is_object and frame.recognised,
        caption=frame.captions[index].text if frame.captions else None,
        terms={name: float(values[index]) for name, values in frame.terms.items() if not math.isnan(values[index])},
        actions=_actions(frame, index),
        nearest=_nearest(frame, index),
        matches=[RuleMatch.model_validate(match, from_attributes=True) for match in frame.matches[index]]
        if frame.matches
        else [],
        taught=_taught(frame, index),
        score=None if surprise is None else display(surprise),
        raw_score=None if unguided is None else display(unguided),
        surprise=surprise,
    )


def _actions(frame: ScoredFrame, index: int) -> list[Action]:
    likeness = frame.likeness
    if likeness is None or index >= len(likeness.actions):
        return []
    pairs = zip(likeness.actions[index].tolist(), likeness.similarities[index].tolist(), strict=True)
    named = ((likeness.phrases[each], value) for each, value in pairs if each >= 0)
    return [
        Action(
            text=text,
            similarity=round(value, 3),
            alike=value >= frame.resembles_from and _may_be(frame, index, text),
        )
        for text, value in named
    ]


def _may_be(frame: ScoredFrame, index: int, phrase: str) -> bool:
    """Whether a phrase may be of an object: what a detector calls a car or a dog does nothing that people do."""
    label = frame.label(index)
    unridden = frame.recognised and category(label) is not None and label not in RIDDEN
    return not unridden or any(category(word) is not None for word in phrase.split()[:2])


def _nearest(frame: ScoredFrame, index: int) -> NearestMode | None:
    likeness = frame.likeness
    if likeness is None or index >= len(likeness.modes) or likeness.modes[index] < 0:
        return None
    mode = likeness.phrases[int(likeness.modes[index])]
    return NearestMode(mode=mode, distance=round(float(likeness.distances[index]), 4))


def _taught(frame: ScoredFrame, index: int) -> TaughtMatch | None:
    taught = frame.taught[index] if frame.taught else None
    return None if taught is None else TaughtMatch.model_validate(taught, from_attributes=True)


def _guided(frame: ScoredFrame) -> bool:
    moved = not np.array_equal(frame.surprises, frame.unguided_surprises, equal_nan=True)
    return moved or frame.surprise != frame.unguided


def _number(value: np.float64) -> float | None:
    return None if math.isnan(value) else float(value)
