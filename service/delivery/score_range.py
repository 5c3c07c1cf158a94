"""The scores of a span of time: frames where they are remembered, else the maxima of minutes, or of longer steps."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import NamedTuple

from service.contracts.score import ScorePoint
from service.contracts.stream import StreamState
from service.delivery.feed import RememberedScore, ScoreFeed
from service.delivery.minutes import MINUTE_S, ScoreMinutes


def score_range(
    feed: ScoreFeed, minutes: ScoreMinutes, stream_id: str, begin: float, end: float, step: int | None
) -> Sequence[ScorePoint]:
    """What is known of a stream's scores in a span of time, oldest first.

    Args:
        feed: Remembers the newest frames.
        minutes: Keeps the maxima of minutes.
        stream_id: The stream.
        begin: Unix seconds.
        end: Unix seconds, exclusive.
        step: Seconds over which the maximum is taken, from whole multiples of it on; None takes none. Minutes are
            not divided: below a minute a step is of frames alone.
    """
    remembered, whole = feed.remembered(stream_id)
    # Before the first whole minute that is remembered, frames would be a part of what there was.
    first = -math.inf if whole or not remembered else -(-remembered[0].at // MINUTE_S) * MINUTE_S
    usable = [each for each in remembered if each.at >= first]
    seen: dict[float, float] = {}
    for each in usable:
        minute = each.at // MINUTE_S
        seen[minute] = max(seen.get(minute, -1.0), _height(each))
    points = [_Point(each.at, 0, each.score, each.state) for each in usable if begin <= each.at < end]
    points += [
        _Point(float(each.minute * MINUTE_S), MINUTE_S, each.score, each.state)
        for each in minutes.between(stream_id, begin, end)
        # Of the minute of a restart frames are remembered, and its highest score may be from before.
        if each.minute not in seen or (each.score is not None and each.score > seen[each.minute])
    ]
    points.sort(key=lambda each: each.at)
    return [each.out() for each in (points if step is None else _steps(points, step))]


class _Point(NamedTuple):
    """A `ScorePoint` to reckon with: a month has 43,200, and a model of each step would take most of the time."""

    at: float
    seconds: int
    score: float | None
    state: StreamState

    def out(self) -> ScorePoint:
        at = datetime.fromtimestamp(self.at, UTC)
        return ScorePoint.model_construct(at=at, seconds=self.seconds, score=self.score, state=self.state)


def _steps(points: Iterable[_Point], step: int) -> Iterator[_Point]:
    """The highest point of every step; a step of which nothing is known is left out."""

    def place(point: _Point) -> tuple[float, int]:
        length = max(step, point.seconds)
        return point.at // length * length, length

    for (at, length), group in groupby(points, key=place):
        members = list(group)
        best = max(members, key=_height) if any(each.score is not None for each in members) else members[-1]
        yield best._replace(at=at, seconds=length)


def _height(point: _Point | RememberedScore) -> float:
    return -1.0 if point.score is None else point.score
