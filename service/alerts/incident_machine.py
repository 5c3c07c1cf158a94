"""When an alert opens, goes on and closes: the state machine of one stream, with no clock but its samples'."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from models.scoring.trial import COOLDOWN_RISE, COOLDOWN_S, EXIT_RATIO, GAP_S, MIN_DURATION_S, QUIET_S

RISE = 1e-3
"""A surprise is higher than another from this much on. Smoothing holds what is beyond one in a million at one value,
which it comes nearer to from frame to frame: without a least rise the peak of an incident would be wherever that ends,
on Ped2 up to seven seconds after what was most unusual."""


@dataclass(frozen=True, slots=True)
class IncidentRules:
    """What turns surprises into few, true alerts. Seconds are of the stream's presentation time.

    Attributes:
        min_duration_s: An excursion opens an incident once it has lasted so long (``models.scoring.trial``, as for the
            others that are named there: how many alerts a threshold lets pass is counted with them).
        min_samples: And once so many of its frames were above the threshold, which counts at low rates:
            at one frame a second the first frame alone would otherwise be neither short nor long.
        exit_ratio: An excursion lasts while the surprise stays above this share of the threshold.
        quiet_s: An incident closes when there was no excursion for so long; one that comes sooner continues it.
        gap_s: An incident closes when nothing was scored for so long: no evidence either way. A reconnect
            takes less. Streams of very few frames a second get three of their intervals, if that is longer.
        cooldown_s: After an alert was really sent, the next one of the stream waits so long, unless it is
            worse; an excursion that still lasts then opens then.
        cooldown_rise: Worse is a surprise this much above the last incident's peak.
        update_rise: An update tells of a peak this much above the last one told: 0.3 is twice as rare.
        update_s: But updates are at least so far apart.
        heartbeat_s: And an incident that just lasts tells so every so often.
    """

    min_duration_s: float = MIN_DURATION_S
    min_samples: int = 2
    exit_ratio: float = EXIT_RATIO
    quiet_s: float = QUIET_S
    gap_s: float = GAP_S
    cooldown_s: float = COOLDOWN_S
    cooldown_rise: float = COOLDOWN_RISE
    update_rise: float = 0.3
    update_s: float = 2.0
    heartbeat_s: float = 60.0

    def __post_init__(self) -> None:
        """Refuse what would open on a single frame or never close."""
        if self.min_samples < 2 or not 0 < self.exit_ratio <= 1 or self.gap_s <= 0:
            msg = f"expected min_samples of at least 2, exit_ratio in (0, 1] and gap_s above 0, got {self}"
            raise ValueError(msg)


@dataclass(frozen=True, slots=True)
class SurpriseSample:
    """One frame's surprise.

    Times of an incident are those of the frame that opened it, by the wall clock, and how much later they were: a wall
    clock that is set meanwhile makes no incident longer or shorter.

    Attributes:
        epoch: Of its stream; changes at a gap.
        pts: Presentation time, seconds; measures time within an epoch.
        captured_at: Wall clock of capture, Unix seconds.
        surprise: None while the stream is not scored, as is ``threshold``.
        threshold: The surprise at which an excursion begins.
        happened: When it was captured, on a clock that never jumps, in seconds; measures time from epoch to epoch.
        believable: Whether the background was known. What stood in the first picture leaves ghosts for some seconds,
            which are as unusual as can be and nothing that happens: such a frame neither begins nor prolongs anything.
    """

    epoch: int
    pts: float
    captured_at: float
    surprise: float | None
    threshold: float | None
    happened: float
    believable: bool = True


@dataclass(frozen=True, slots=True)
class Incident:
    """An incident as it stands. Times are Unix seconds, ``opened_at <= updated_at <= closed_at``.

    Attributes:
        id: One for its whole life.
        opened_at: Wall clock at capture of the frame that opened it, as is ``opened_pts``; the other times are so much
            later as its stream's own clock says.
        updated_at: Of the last frame that was scored in it.
        peak: Highest surprise since its excursion began, at ``peak_at``, which may lie before ``opened_at``.
        threshold: The surprise that counted when it peaked.
        closed_at: None while it is open, as is ``closed_pts``.
        reason: Why it was closed, when not for quiet: a sentence.
    """

    id: str
    opened_at: float
    opened_pts: float
    updated_at: float
    peak: float
    peak_at: float
    threshold: float
    closed_at: float | None = None
    closed_pts: float | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """What happened to an incident, and the incident as it then stood."""

    event: Literal["opened", "updated", "closed"]
    incident: Incident


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one sample led to.

    Attributes:
        changes: In their order; a closing one may come first.
        peak: This sample is the peak so far of the excursion or incident: remember its frame.
        suppressed: An excursion ended without an alert, and why.
    """

    changes: tuple[Change, ...] = ()
    peak: bool = False
    suppressed: Literal["too_short", "cooldown"] | None = None


@dataclass(slots=True)
class _Excursion:
    """Surprise above the threshold that has not become an incident (yet)."""

    since: float
    samples: int
    peak: float
    peaked: float
    threshold: float
    cooling: bool = False


class IncidentMachine:
    """Follows one stream. Not thread-safe; the caller serialises."""

    def __init__(self, rules: IncidentRules, new_id: Callable[[], str]) -> None:
        """Begin without an incident.

        Args:
            rules: What makes one.
            new_id: Gives an id never given before.
        """
        self._rules = rules
        self._new_id = new_id
        self._elapsed = 0.0
        self._interval = 0.0
        self._last: SurpriseSample | None = None
        self._scored: SurpriseSample | None = None
        self._excursion: _Excursion | None = None
        self._incident: Incident | None = None
        self._scored_at = 0.0
        self._opened_at = 0.0
        self._active_at = 0.0
        self._told_at = 0.0
        self._told_peak = 0.0
        self._latest_id: str | None = None
        self._latest_peak = 0.0
        self._sent_at = -math.inf

    @property
    def incident(self) -> Incident | None:
        """The open incident, if there is one."""
        return self._incident

    @property
    def is_idle(self) -> bool:
        """Whether nothing is going on: no incident, and no excursion that may become one."""
        return self._incident is None and self._excursion is None

    @property
    def gap_s(self) -> float:
        """How long without a scored frame is a gap, at the stream's present rate."""
        return max(self._rules.gap_s, 3 * self._interval)

    def step(self, sample: SurpriseSample) -> Outcome:
        """Take the next frame's surprise."""
        gap = self._advance(sample)
        changes = self._close_at_gap(gap)
        if sample.surprise is None or sample.threshold is None:
            return Outcome(changes)
        self._scored, self._scored_at = sample, self._elapsed
        if not sample.believable:
            self._excursion = None
            return Outcome(changes)
        if self._incident is not None:
            step = self._continue(self._incident, sample, sample.surprise, sample.threshold)
        else:
            step = self._watch(sample, sample.surprise, sample.threshold)
        return replace(step, changes=changes + step.changes)

    def close(self, reason: str) -> Outcome:
        """End what is going on, because nothing will be scored for now: a gap, a pause, the end."""
        self._excursion = None
        if self._incident is None:
            return Outcome()
        return Outcome((self._closed(self._incident, self._incident.updated_at, self._scored, reason),))

    def sent(self, incident_id: str) -> None:
        """An incident's alert was really sent: its cooldown starts with the sample last seen."""
        if incident_id == self._latest_id:
            self._sent_at = self._elapsed

    def _advance(self, sample: SurpriseSample) -> float:
        """Move the clock on, by PTS within an epoch and by capture time across; return time since the last score."""
        last, self._last = self._last, sample
        limit = self.gap_s
        if last is None:
            return 0.0
        if sample.epoch == last.epoch:
            self._interval = max(0.0, sample.pts - last.pts)
            self._elapsed += self._interval
        else:
            self._elapsed += max(0.0, sample.happened - last.happened)
            self._excursion = None
        since = self._elapsed - self._scored_at
        return since if since > limit else 0.0

    def _close_at_gap(self, gap: float) -> tuple[Change, ...]:
        if not gap:
            return ()
        return self.close(f"Closed because nothing was scored for {gap:.0f} seconds.").changes

    def _watch(self, sample: SurpriseSample, surprise: float, threshold: float) -> Outcome:
        """No incident is open: follow an excursion until it is long enough, or over."""
        excursion = self._excursion
        if excursion is None:
            if not surprise >= threshold:
                return Outcome()
            self._excursion = _Excursion(self._elapsed, 1, surprise, self._elapsed, threshold)
            return Outcome(peak=True)
        if not surprise >= threshold * self._rules.exit_ratio:
            self._excursion = None
            return Outcome(suppressed="cooldown" if excursion.cooling else "too_short")
        peak = surprise > excursion.peak + RISE
        if peak:
            excursion.peak, excursion.peaked, excursion.threshold = surprise, self._elapsed, threshold
        if surprise >= threshold:
            excursion.samples += 1
            if self._is_long_enough(excursion):
                return self._open(excursion, sample, peak)
        return Outcome(peak=peak)

    def _is_long_enough(self, excursion: _Excursion) -> bool:
        lasted = self._elapsed - excursion.since
        return lasted >= self._rules.min_duration_s and excursion.samples >= self._rules.min_samples

    def _open(self, excursion: _Excursion, sample: SurpriseSample, peak: bool) -> Outcome:
        cooling = self._elapsed - self._sent_at < self._rules.cooldown_s
        if cooling and excursion.peak < self._latest_peak + self._rules.cooldown_rise:
            excursion.cooling = True
            return Outcome(peak=peak)
        self._excursion = None
        self._incident = Incident(
            id=self._new_id(),
            opened_at=sample.captured_at,
            opened_pts=sample.pts,
            updated_at=sample.captured_at,
            peak=excursion.peak,
            peak_at=sample.captured_at - (self._elapsed - excursion.peaked),
            threshold=excursion.threshold,
        )
        self._latest_id, self._sent_at = self._incident.id, -math.inf
        self._active_at = self._opened_at = self._elapsed
        return Outcome((self._told("opened", self._incident),), peak)

    def _continue(self, incident: Incident, sample: SurpriseSample, surprise: float, threshold: float) -> Outcome:
        """An incident is open: follow its peak until it was quiet for long enough."""
        now = incident.opened_at + (self._elapsed - self._opened_at)
        incident = replace(incident, updated_at=now)
        peak = surprise > incident.peak + RISE
        if peak:
            incident = replace(incident, peak=surprise, peak_at=now, threshold=threshold)
        self._incident, self._latest_peak = incident, incident.peak
        if surprise >= threshold * self._rules.exit_ratio:
            self._active_at = self._elapsed
        elif self._elapsed - self._active_at >= self._rules.quiet_s:
            return Outcome((self._closed(incident, now, sample, None),), peak)
        return Outcome((self._told("updated", incident),) if self._is_news(incident) else (), peak)

    def _is_news(self, incident: Incident) -> bool:
        since = self._elapsed - self._told_at
        rose = incident.peak - self._told_peak >= self._rules.update_rise
        return (rose and since >= self._rules.update_s) or since >= self._rules.heartbeat_s

    def _told(self, event: Literal["opened", "updated"], incident: Incident) -> Change:
        self._told_at, self._told_peak, self._latest_peak = self._elapsed, incident.peak, incident.peak
        return Change(event, incident)

    def _closed(self, incident: Incident, at: float, sample: SurpriseSample | None, reason: str | None) -> Change:
        self._incident = None
        pts = None if sample is None else sample.pts
        return Change("closed", replace(incident, closed_at=at, closed_pts=pts, reason=reason))
