"""Where and when a stream's rules hold: the zone and the hours that each names, by the stream's zones and clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from models.guidance.polygon import Polygon
from models.guidance.rules import Rule
from service.contracts.guidance import GuidanceSpec
from service.contracts.stream import Zone
from service.guidance.schedule import covers
from service.store.guidance import RuleRecord


@dataclass(frozen=True, slots=True)
class StreamScope:
    """What the scopes of a stream's rules refer to. Immutable.

    Attributes:
        zones: Of the stream, by name.
        timezone: Of the stream, an IANA name; None is UTC.
    """

    zones: Mapping[str, Polygon]
    timezone: str | None

    @classmethod
    def of(cls, zones: Sequence[Zone], timezone: str | None) -> StreamScope:
        """From a stream's settings."""
        return cls({zone.name: tuple(zone.polygon) for zone in zones}, timezone)

    def applies(self, spec: GuidanceSpec) -> bool:
        """Whether it can be in force at all: a rule of a zone that is gone must not spread over the whole picture."""
        return spec.enabled and (spec.zone is None or spec.zone in self.zones)

    def covers(self, spec: GuidanceSpec, at: float) -> bool:
        """Whether a moment (Unix seconds) is among a rule's hours, and it has not expired then."""
        if spec.expires_at is not None and at >= spec.expires_at.timestamp():
            return False
        return spec.schedule is None or covers(spec.schedule, at, self.timezone)

    def rule(self, record: RuleRecord) -> Rule:
        """A rule that applies here, with its zone's polygon."""
        spec = record.spec
        return Rule(
            id=record.id,
            text=spec.text,
            verdict=spec.verdict,
            strength=spec.strength,
            polygon=None if spec.zone is None else self.zones[spec.zone],
            method=spec.method,
            scheduled=spec.schedule is not None,
            edited_at=record.edited_at.timestamp(),
        )
