"""What may not be as it was meant in a stream's settings, though each of them is good by itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from service.guidance.explanation import missing_timezone, missing_zone
from service.streams.entry import Entry


@dataclass(frozen=True, slots=True)
class Hints:
    """Looks over streams beside one another.

    Attributes:
        names: How many streams have each name, in small letters.
    """

    names: Counter[str]

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> Hints:
        """For these streams."""
        return cls(Counter(entry.record.spec.name.casefold() for entry in entries))

    def about(self, entry: Entry) -> list[str]:
        """What is to be said of one of them, each a sentence or two."""
        return list(dict.fromkeys([*self._name(entry), *_zones(entry), *_timezone(entry)]))

    def _name(self, entry: Entry) -> Iterator[str]:
        name = entry.record.spec.name
        others = self.names[name.casefold()] - 1
        if others == 1:
            yield f"Another camera is called {name!r} too. Rename one, to tell their alerts apart."
        elif others > 1:
            yield f"{others} other cameras are called {name!r} too. Rename them, to tell their alerts apart."


def _zones(entry: Entry) -> Iterator[str]:
    zones = {zone.name for zone in entry.record.spec.zones}
    for rule in entry.guidance.specs():
        if rule.zone is not None and rule.zone not in zones:
            yield missing_zone(rule.zone, f"The rule {rule.text!r}")


def _timezone(entry: Entry) -> Iterator[str]:
    if entry.record.spec.timezone is not None:
        return
    count = sum(rule.schedule is not None and rule.schedule.timezone is None for rule in entry.guidance.specs())
    if count:
        yield missing_timezone("a rule" if count == 1 else f"{count} rules")
