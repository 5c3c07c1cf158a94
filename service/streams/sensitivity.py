"""A dry run of another sensitivity over the scores that are remembered, with nothing changed."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count, pairwise
from typing import NamedTuple

import numpy as np

from models.scoring.promise import Promise
from service.alerts.incident_machine import IncidentMachine, IncidentRules, SurpriseSample
from service.contracts.alert import Alert, AlertKind
from service.contracts.sensitivity import RehearsedAlert, SensitivityPreview, SensitivitySpec
from service.contracts.stream import StreamSpec
from service.delivery.feed import RememberedScore, ScoreFeed
from service.delivery.minutes import MINUTE_S, ScoreMinutes
from service.errors import NO_PROFILE, Conflict
from service.guidance.history import HistoryFrame
from service.pipeline.scored import FULL_SCALE, display
from service.store.alert_filter import AlertFilter
from service.store.alerts import AlertStore
from service.store.score_minutes import ScoreMinute

LISTED = 100
"""Alerts that are listed: who would get more knows enough."""

LOOKED_UP = 1_000
"""Alerts that there were, among which those of the dry run are looked for."""

PICTURE_WITHIN_S = 2.0
"""A picture further from the peak than this is of something else."""

BREAK_S = 1.0
"""Seconds of a remembered frame beyond which the time to the next does not count as watched."""


class Rehearsed(NamedTuple):
    """An alert of a dry run: Unix seconds and a score in [0, 1]."""

    opened: float
    closed: float
    peak: float
    peak_at: float
    exact: bool


@dataclass(frozen=True, slots=True)
class Past:
    """What is remembered of a stream's scores: each minute, then each frame.

    Attributes:
        minutes: Before the frames, oldest first; those without a score are left out.
        frames: Oldest first.
    """

    minutes: Sequence[ScoreMinute]
    frames: Sequence[RememberedScore]

    @classmethod
    def of(cls, feed: ScoreFeed, minutes: ScoreMinutes, stream_id: str, since: float, until: float) -> Past:
        """Remember a stream's scores in a span of time, in Unix seconds."""
        remembered, whole = feed.remembered(stream_id)
        # Before the first whole minute that is remembered, frames would be a part of what there was.
        first = until if not remembered else remembered[0].at if whole else -(-remembered[0].at // MINUTE_S) * MINUTE_S
        frames = [each for each in remembered if max(first, since) <= each.at <= until]
        told = minutes.between(stream_id, since, min(first, until))
        # The minute that the first frame is in would count its frames twice.
        return cls([each for each in told if each.score is not None and (each.minute + 1) * MINUTE_S <= first], frames)

    @property
    def since(self) -> float | None:
        """The oldest score, Unix seconds."""
        if self.minutes:
            return float(self.minutes[0].minute * MINUTE_S)
        return self.frames[0].at if self.frames else None

    @property
    def watched_s(self) -> float:
        """Seconds that scores speak of."""
        steps = (after.at - before.at for before, after in pairwise(self.frames) if before.score is not None)
        return MINUTE_S * len(self.minutes) + sum(min(max(step, 0.0), BREAK_S) for step in steps)

    def alerts(self, score: float) -> list[Rehearsed]:
        """The alerts that a threshold would have raised, oldest first.

        Args:
            score: At which an alert opens, in (0, 1].
        """
        return [*_of_minutes(self.minutes, score), *_of_frames(self.frames, score)]


def wished(spec: SensitivitySpec, stream: StreamSpec) -> StreamSpec:
    """A stream's settings with another sensitivity."""
    return stream.model_copy(update={"threshold": spec.threshold, "alerts_per_day": spec.alerts_per_day})


def rehearse(
    promise: Promise | None,
    now: float | None,
    past: Past,
    history: Sequence[HistoryFrame],
    known: Sequence[Alert],
) -> SensitivityPreview:
    """What a stream would have alerted to with another sensitivity.

    Args:
        promise: What it would promise with that; None if it has learned nothing.
        now: The surprise at which an alert opens now.
        past: Its scores.
        history: The last minutes, with pictures.
        known: The alerts that there were.

    Raises:
        Conflict: ``no_profile``, if it has learned nothing: there are no scores, and no threshold for a wish.
    """
    if promise is None or now is None:
        msg = "This camera has not learned what is normal yet, so it has no scores to try this on."
        raise Conflict(NO_PROFILE, msg)
    new, present = display(promise.threshold), display(now)
    alerts = past.alerts(new)
    since = past.since
    return SensitivityPreview(
        threshold=new,
        threshold_now=present,
        since=None if since is None else _utc(since),
        watched_s=round(past.watched_s, 1),
        count=len(alerts),
        count_now=len(past.alerts(present)),
        promise=promise.sentence,
        exact=new < 1 and not past.minutes,
        alerts=[_out(each, history, known) for each in reversed(alerts[-LISTED:])],
    )


def alerts_known(store: AlertStore, stream_id: str, since: datetime) -> Sequence[Alert]:
    """The alerts of a stream that opened since then, the newest first."""
    return store.list(AlertFilter(streams=[stream_id], kinds=[AlertKind.ANOMALY], since=since), LOOKED_UP)


def _of_minutes(minutes: Sequence[ScoreMinute], score: float) -> Iterator[Rehearsed]:
    """Minutes in a row that reach it are one alert."""
    run: list[ScoreMinute] = []
    for each in [*minutes, None]:
        reaches = each is not None and each.score is not None and each.score >= score
        if run and (not reaches or each is None or each.minute != run[-1].minute + 1):
            best = max(run, key=lambda one: one.score or 0.0)
            opened, closed = run[0].minute * MINUTE_S, (run[-1].minute + 1) * MINUTE_S
            yield Rehearsed(opened, closed, best.score or 0.0, (best.minute + 0.5) * MINUTE_S, exact=False)
            run = []
        if reaches and each is not None:
            run.append(each)


def _of_frames(frames: Sequence[RememberedScore], score: float) -> Iterator[Rehearsed]:
    """What the alerts' own state machine makes of the frames; the last one may still be open."""
    numbers, epoch, last = count(), 0, -np.inf
    machine = IncidentMachine(IncidentRules(), lambda: str(next(numbers)))
    ended = []
    for each in frames:
        epoch += each.at <= last  # the clock was set back
        last = each.at
        surprise = None if each.score is None else each.score * FULL_SCALE
        sample = SurpriseSample(epoch, each.at, each.at, surprise, score * FULL_SCALE, each.at)
        for change in machine.step(sample).changes:
            if change.event == "opened":
                machine.sent(change.incident.id)
            elif change.event == "closed":
                ended.append(change.incident)
    for incident in ended if machine.incident is None else [*ended, machine.incident]:
        closed = incident.updated_at if incident.closed_at is None else incident.closed_at
        yield Rehearsed(incident.opened_at, closed, display(incident.peak), incident.peak_at, exact=True)


def _out(each: Rehearsed, history: Sequence[HistoryFrame], known: Sequence[Alert]) -> RehearsedAlert:
    alert = next((one for one in known if _meet(each, one)), None)
    kept = None if alert is None or alert.snapshot is None else f"alerts/{alert.id}/snapshot.jpg"
    return RehearsedAlert(
        opened_at=_utc(each.opened),
        closed_at=_utc(each.closed),
        peak_score=round(each.peak, 4),
        exact=each.exact,
        alert_id=None if alert is None else alert.id,
        picture=kept or _picture(history, each.peak_at),
    )


def _meet(each: Rehearsed, alert: Alert) -> bool:
    ended = alert.closed_at or datetime.now(UTC)
    return alert.opened_at <= _utc(each.closed) and _utc(each.opened) <= ended + timedelta(seconds=1)


def _picture(history: Sequence[HistoryFrame], at: float) -> str | None:
    """The picture of the most unusual object around a moment, as a ``data:`` URL."""
    best, found = -1.0, None
    for frame in history:
        if abs(frame.at - at) > PICTURE_WITHIN_S:
            continue
        for track, surprise in zip(frame.tracks, np.nan_to_num(frame.surprises).tolist(), strict=True):
            if surprise > best and track in frame.thumbnails:
                best, found = surprise, frame.thumbnails[track]
    return None if found is None else "data:image/jpeg;base64," + base64.b64encode(found).decode()


def _utc(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
