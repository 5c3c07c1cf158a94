"""Whether what a stream sees is still what it learned, from the days that were counted."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import date

from service.contracts.drift import DriftDay, DriftMoment, DriftOut
from service.delivery.drift import DriftWatch
from service.pipeline.scored import display
from service.profiles.drift import EXPECTED, Counted, beyond, changed, counts
from service.profiles.profile import Profile
from service.store.drift import DayMoment


def drift_of(watch: DriftWatch, stream_id: str, profile: Profile, fps: float) -> DriftOut:
    """Judge the days of a stream since it learned last.

    Args:
        watch: Counted them.
        stream_id: The stream.
        profile: In force.
        fps: Frames scored a second, at most.
    """
    days = watch.days(stream_id, profile.created_at)
    counted = [Counted(day.frames, day.unusual) for day in days]
    rate = min(fps, profile.frames / max(profile.seconds, 1e-9))
    judged = [counts(day, rate) and beyond(day, profile.fused) for day in counted]
    new = changed(counted, profile.fused, rate)
    told = [day.day for day, unusual in zip(days, judged, strict=True) if unusual and new]
    return DriftOut(
        expected=EXPECTED,
        changed=new,
        days=[
            DriftDay(day=date.fromordinal(day.day), frames=day.frames, share=round(each.share, 5), beyond=unusual)
            for day, each, unusual in zip(days, counted, judged, strict=True)
        ],
        moments=_shown([moment for day in told for moment in watch.moments(stream_id, day)]),
    )


def _shown(moments: Sequence[DayMoment]) -> list[DriftMoment]:
    return [
        DriftMoment(
            at=moment.at,
            score=round(display(moment.surprise), 4),
            picture="data:image/jpeg;base64," + base64.b64encode(moment.picture).decode(),
        )
        for moment in moments
    ]
