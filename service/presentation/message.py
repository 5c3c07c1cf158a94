"""From scored frames, which hold arrays, to messages, which people and programs read."""

from __future__ import annotations

import math
import time

import numpy as np

from models.arrays import Float32
from models.guidance.captions import Caption
from models.guidance.vocabulary import RIDDEN, category
from models.posture import POSTURES
from service.contracts.score import Action, HeatMap, NearestMode, RuleMatch, ScoredObject, ScoreMessage, TaughtMatch
from service.contracts.stream import StreamState
from service.pipeline.scored import Legend, ScoredFrame, ScoredObjects, display

UNUSUAL = 1.0
"""Surprise of an object from which is said in which ways it is unusual: one in ten."""

TELLING = 0.5
"""Of an object's strongest evidence, from which on another way in which it is unusual is worth a word."""

MAX_HEAT = 24
"""Cells a side of a heat map in messages: of 640x360, 27 by 15 pixels each, and 3 kB of JSON at most."""


def score_message(
    frame: ScoredFrame,
    objects: list[ScoredObject],
    stream_id: str,
    seq: int,
    state: StreamState,
    latency_ms: float | None,
    alert_id: str | None,
) -> ScoreMessage:
    """The message of a frame.

    Args:
        frame: Scored, or not while the stream is not enrolled.
        objects: Its ``scored_objects``.
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
        objects=objects,
        heat=None if frame.heat is None else heat_map(frame.heat),
        covers=frame.covers,
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
    culprit = frame.blame.culprit
    return [
        _scored_object(frame.objects, frame.legend, row, culprit=row == culprit) for row in range(len(frame.objects))
    ]


def heat_map(heat: Float32) -> HeatMap:
    """A head's heat on a grid of at most ``MAX_HEAT`` cells a side; each cell has the hottest of what it stands for."""
    rows, columns = (min(side, MAX_HEAT) for side in heat.shape)
    row, column = np.arange(rows) * heat.shape[0] // rows, np.arange(columns) * heat.shape[1] // columns
    cells = np.maximum.reduceat(np.maximum.reduceat(heat, row, axis=0), column, axis=1)
    # Of float64: rounded to two digits in float32, 0.1 is written with seventeen.
    return HeatMap(rows=rows, columns=columns, values=np.clip(cells.astype(np.float64), 0, 1).round(2).ravel().tolist())


def _scored_object(objects: ScoredObjects, legend: Legend, row: int, *, culprit: bool) -> ScoredObject:
    track_id, caption, taught = int(objects.track_ids[row]), objects.captions[row], objects.feedback[row]
    surprise, unguided = _number(objects.surprise[row]), _number(objects.unguided[row])
    x, y, width, height = objects.boxes[row].tolist()
    return ScoredObject(
        culprit=culprit,
        track_id=track_id if track_id >= 0 else None,
        box=(round(x, 4), round(y, 4), round(width, 4), round(height, 4)),
        label=objects.labels[row],
        recognised=_recognised(objects, legend, row),
        caption=None if caption is None else caption.text,
        posture=_posture(objects, row),
        why=_why(objects, legend, row) if culprit or (unguided or 0.0) >= UNUSUAL else [],
        place=_place((x, y, width, height), caption),
        terms={name: float(values[row]) for name, values in objects.terms.items() if not math.isnan(values[row])},
        actions=_actions(objects, legend, row),
        nearest=_nearest(objects, row),
        matches=[RuleMatch.model_validate(match, from_attributes=True) for match in objects.matches[row]],
        taught=None if taught is None else TaughtMatch.model_validate(taught, from_attributes=True),
        score=None if surprise is None else display(surprise),
        raw_score=None if unguided is None else display(unguided),
        surprise=surprise,
    )


def _posture(objects: ScoredObjects, row: int) -> dict[str, float]:
    """How surely a person is held so, of the postures that somebody could judge."""
    known = [math.nan] * len(POSTURES) if objects.postures is None else objects.postures[row].tolist()
    return {name: round(value, 2) for name, value in zip(POSTURES, known, strict=True) if not math.isnan(value)}


def _why(objects: ScoredObjects, legend: Legend, row: int) -> list[str]:
    """In which ways an object is unusual, by the head that finds it most unusual: its evidence is on one scale."""
    head = objects.leading[row] if objects.leading else None
    evidence = {
        name: float(values[row])
        for name, values in objects.terms.items()
        if values[row] > 0 and legend.packs.get(name) == head
    }
    most = max(evidence.values(), default=0.0)
    telling = [name for name in sorted(evidence, key=lambda name: -evidence[name]) if evidence[name] >= TELLING * most]
    # Two terms may say the same, of an object and of the motion around it: then the stronger says it.
    ways = {legend.sentences[name]: name for name in reversed(telling)}
    return [_in_words(objects, legend, row, name) for name in telling if ways[legend.sentences[name]] == name]


def _in_words(objects: ScoredObjects, legend: Legend, row: int, term: str) -> str:
    """A way in which an object is unusual, with how far where that is known."""
    say, measures = legend.say.get(term), objects.measures.get(term)
    if say is None or measures is None or math.isnan(measures[row]):
        return legend.sentences[term]
    return say(float(measures[row]))


def _place(box: tuple[float, float, float, float], caption: Caption | None) -> str:
    """Where an object is: its zone, or the third of the picture that holds its middle."""
    if caption is not None and caption.zone is not None:
        return f"in zone {caption.zone}"
    across, down = box[0] + box[2] / 2, box[1] + box[3] / 2
    column = "left" if across < 1 / 3 else "right" if across > 2 / 3 else ""
    row = "top" if down < 1 / 3 else "bottom" if down > 2 / 3 else ""
    if not column and not row:
        return "in the middle of the picture"
    return f"{'at' if row else 'on'} the {f'{row} {column}'.strip()} of the picture"


def _recognised(objects: ScoredObjects, legend: Legend, row: int) -> bool:
    return legend.recognised and not objects.regions[row]


def _actions(objects: ScoredObjects, legend: Legend, row: int) -> list[Action]:
    likeness = objects.likeness
    if likeness is None:
        return []
    pairs = zip(likeness.actions[row].tolist(), likeness.similarities[row].tolist(), strict=True)
    named = ((likeness.phrases[each], value) for each, value in pairs if each >= 0)
    return [
        Action(
            text=text,
            similarity=round(value, 3),
            alike=value >= legend.resembles_from and _may_be(objects, legend, row, text),
        )
        for text, value in named
    ]


def _may_be(objects: ScoredObjects, legend: Legend, row: int, phrase: str) -> bool:
    """Whether a phrase may be of an object: what a detector calls a car or a dog does nothing that people do."""
    label = objects.labels[row]
    unridden = _recognised(objects, legend, row) and category(label) is not None and label not in RIDDEN
    return not unridden or any(category(word) is not None for word in phrase.split()[:2])


def _nearest(objects: ScoredObjects, row: int) -> NearestMode | None:
    likeness = objects.likeness
    if likeness is None or likeness.modes[row] < 0:
        return None
    mode = likeness.phrases[int(likeness.modes[row])]
    return NearestMode(mode=mode, distance=round(float(likeness.distances[row]), 4))


def _guided(frame: ScoredFrame) -> bool:
    moved = not np.array_equal(frame.objects.surprise, frame.objects.unguided, equal_nan=True)
    return moved or frame.surprise != frame.unguided


def _number(value: np.float64) -> float | None:
    return None if math.isnan(value) else float(value)
