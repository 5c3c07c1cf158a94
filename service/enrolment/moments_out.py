"""The moments of a profile as the API speaks of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from service.contracts.moment import MomentOut
from service.pipeline.scored import display
from service.profiles.moments import Moment
from service.profiles.samples import Choice, Span


def moments_out(
    stream_id: str, moments: Sequence[Moment], said: Mapping[Span, Choice | None], threshold: float
) -> list[MomentOut]:
    """What people are told of moments.

    Args:
        stream_id: Whose.
        moments: Of the profile in force.
        said: What people said of some of them since it was fitted.
        threshold: The surprise at which an alert opens.
    """
    return [_out(stream_id, moment, said.get(moment.span, moment.choice), threshold) for moment in moments]


def _out(stream_id: str, moment: Moment, choice: Choice | None, threshold: float) -> MomentOut:
    known = not math.isnan(moment.surprise)
    return MomentOut(
        id=moment.id,
        kind=moment.kind.value,
        left_out=moment.left_out,
        choice=None if choice is None else choice.value,
        recording=moment.recording or None,
        at=None if math.isnan(moment.at) else datetime.fromtimestamp(moment.at, UTC),
        begin_s=round(moment.span.begin, 3),
        end_s=round(moment.span.end, 3),
        score=round(display(moment.surprise), 4) if known else None,
        alerts=known and moment.surprise >= threshold,
        why=moment.why or None,
        picture=f"streams/{stream_id}/enrolment/moments/{moment.id}.jpg" if moment.picture else None,
    )
