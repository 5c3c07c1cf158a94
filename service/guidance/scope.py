"""Where and when a stream's rules hold: the zone and the hours that each names, by the stream's zones and clock."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from models.guidance.polygon import Polygon
from models.guidance.rules import Rule
from service.contracts.guidance import GuidanceSpec
from service.contracts.stream import Zone
from service.errors import EXPIRES_IN_PAST, UNKNOWN_ZONE, InvalidInput
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

    def check(self, spec: GuidanceSpec, fields: Collection[str]) -> None:
        """See that a rule can ever be in force, as far as it is edited.

        Args:
            spec: The rule.
            fields: Names of those that the edit is of: what was true when it was saved may have changed since.

        Raises:
            InvalidInput: ``unknown_zone`` or ``expires_in_past``.
        """
        if "zone" in fields and spec.zone is not None and spec.zone not in self.zones:
            there = f"Its zones: {', '.join(map(repr, self.zones))}." if self.zones else "It has none yet."
            msg = f"This camera has no zone {spec.zone!r}. {there}"
            raise InvalidInput(UNKNOWN_ZONE, msg, zones=sorted(self.zones))
        if "expires_at" in fields and spec.expires_at is not None and spec.expires_at <= datetime.now(UTC):
            msg = f"The rule would end at {spec.expires_at.isoformat()}, which is past."
            raise InvalidInput(EXPIRES_IN_PAST, msg)

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
