"""One stream's anomalies: when an incident opens, goes on and closes, and what its alert then shows and says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from service.alerts.compose import AlertEvidence
from service.alerts.incident_machine import Incident, IncidentMachine, IncidentRules, Outcome, SurpriseSample
from service.alerts.incident_view import IncidentView
from service.contracts.score import ScoredObject
from service.pipeline.scored import ScoredFrame


@dataclass(frozen=True, slots=True)
class Told:
    """What happened to an incident, the incident as it then stood, and what is to be shown and said of it."""

    event: Literal["opened", "updated", "closed"]
    incident: Incident
    evidence: AlertEvidence


@dataclass(frozen=True, slots=True)
class Followed:
    """What a frame, or an end, led to.

    Attributes:
        told: In their order; a closing one may come first.
        suppressed: An excursion ended without an alert, and why.
    """

    told: tuple[Told, ...] = ()
    suppressed: Literal["too_short", "cooldown"] | None = None


class IncidentScene:
    """Follows one stream. Not thread-safe; the caller serialises."""

    def __init__(self, rules: IncidentRules, new_id: Callable[[], str]) -> None:
        """Begin without an incident; arguments as for ``IncidentMachine``."""
        self.machine = IncidentMachine(rules, new_id)
        self._view: IncidentView | None = None

    def observe(self, scored: ScoredFrame, objects: Sequence[ScoredObject]) -> Followed:
        """Take the next frame.

        Args:
            scored: The frame.
            objects: What it holds, as messages say it.
        """
        frame = scored.source.frame
        believable = scored.believable
        clocks = frame.pts, frame.captured_at, scored.surprise, scored.threshold, frame.happened
        step = self.machine.step(SurpriseSample(scored.source.epoch, *clocks, believable))
        # A closing belongs to what was seen so far, an opening or an update to this frame too.
        ended = self._ended(step)
        if not self.machine.is_idle and (step.peak or self._view is not None):
            self._view = self._view or IncidentView()
            self._view.observe(scored, objects, peak=step.peak)
        return Followed((*ended, *self._told(step, ("opened", "updated"))), step.suppressed)

    def close(self, reason: str) -> Followed:
        """End what is going on; see ``IncidentMachine.close``."""
        return Followed(self._ended(self.machine.close(reason)))

    def _ended(self, step: Outcome) -> tuple[Told, ...]:
        told = self._told(step, ("closed",))
        if told or self.machine.is_idle:
            self._view = None
        return told

    def _told(self, step: Outcome, events: tuple[str, ...]) -> tuple[Told, ...]:
        changes = [change for change in step.changes if change.event in events]
        if not changes:
            return ()
        if self._view is None:
            msg = f"expected what was seen of incident {changes[0].incident.id}, got nothing"
            raise RuntimeError(msg)
        return tuple(Told(change.event, change.incident, self._view.told()) for change in changes)
