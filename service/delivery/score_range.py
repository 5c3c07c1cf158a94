"""The scores of a span of time: frames where they are remembered, else the maxima of minutes, or of longer steps."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import groupby

from service.contracts.score import ScorePoint
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
    seen = {int(each.at // MINUTE_S) for each in usable}
    frames = [_frame(each) for each in usable if begin <= each.at < end]
    coarse = [
        ScorePoint(
            at=datetime.fromtimestamp(each.minute * MINUTE_S, UTC), seconds=MINUTE_S, score=each.score, state=each.state
        )
        for each in minutes.between(stream_id, begin, end)
        if each.minute not in seen
    ]
    points = sorted([*coarse, *frames], key=lambda each: each.at)
    return points if step is None else list(_steps(points, step))


def _frame(frame: RememberedScore) -> ScorePoint:
    return ScorePoint(at=datetime.fromtimestamp(frame.at, UTC), seconds=0, score=frame.score, state=frame.state)


def _steps(points: Iterable[ScorePoint], step: int) -> Iterator[ScorePoint]:
    """The highest point of every step; a step of which nothing is known is left out."""

    def place(point: ScorePoint) -> tuple[int, int]:
        length = max(step, point.seconds)
        return int(point.at.timestamp() // length) * length, length

    for (at, length), group in groupby(points, key=place):
        members = list(group)
        scored = [each for each in members if each.score is not None]
        best = max(scored, key=lambda each: each.score or 0.0) if scored else members[-1]
        yield ScorePoint(at=datetime.fromtimestamp(at, UTC), seconds=length, score=best.score, state=best.state)
