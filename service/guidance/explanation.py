"""What is said of a rule to who wrote it: how it is understood, what contradicts it, and why it may do nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np

from models.guidance.language import Language
from models.guidance.polygon import Polygon, contains
from models.guidance.statements import sameness
from models.guidance.text_reader import Reading
from service.contracts.guidance import GuidanceOut, GuidanceSpec, Resemblance, RuleConflict
from service.guidance.schedule import overlap
from service.guidance.scope import StreamScope
from service.store.guidance import RuleRecord

SAME_MEANING = 0.5
"""How far two rules must mean the same to contradict each other."""

_STEPS = (np.arange(64, dtype=np.float32) + 0.5) / 64
_GRID = np.stack(np.meshgrid(_STEPS, _STEPS), axis=-1).reshape(-1, 2).astype(np.float32)


def missing_zone(zone: str, rule: str = "The rule") -> str:
    """What is said of a rule whose zone is not there.

    Args:
        zone: Its name.
        rule: The rule, at the beginning of a sentence.
    """
    return f"This camera has no zone {zone!r}. {rule} does nothing until there is one, or until the rule is changed."


def missing_timezone(rules: str = "this rule") -> str:
    """What is said of hours that are of no time zone.

    Args:
        rules: Whose hours, within a sentence.
    """
    return (
        f"This camera has no time zone, so the hours of {rules} are taken as UTC. "
        "Set the camera's time zone, such as Europe/Berlin."
    )


@dataclass(frozen=True, slots=True)
class Explanation:
    """What is said of a rule without looking at the past."""

    resembles: list[Resemblance]
    conflicts: list[RuleConflict]
    warnings: list[str]


@dataclass(frozen=True, slots=True)
class Explainer:
    """Explains the rules of one stream.

    Attributes:
        scope: Its zones and clock.
        language: What its rules are read with, if there is anything.
        read: Texts as they are understood; None without a language.
    """

    scope: StreamScope
    language: Language | None
    read: Callable[[str], Reading | None]

    def explain(self, record: RuleRecord, others: Iterable[RuleRecord]) -> Explanation:
        """Explain a rule beside the others of its stream, among which it may be."""
        others = list(others)
        reading = self.read(record.spec.text)
        alike = [] if self.language is None or reading is None else self.language.resembles(reading)
        resembles = [Resemblance(text=phrase, weight=round(weight, 3)) for phrase, weight in alike]
        denied = None if reading is None else reading.negation
        untrained = reading is not None and self.language is not None and not self.language.seen(reading)
        warnings = list(self._warnings(record.spec, denied, understood=bool(resembles), untrained=untrained))
        warnings += self._duplicates(record, others)
        return Explanation(resembles, self._conflicts(record, reading, others), warnings)

    def out(self, record: RuleRecord, others: Iterable[RuleRecord]) -> GuidanceOut:
        """A rule as the API answers it; arguments as for ``explain``."""
        said = self.explain(record, others)
        because = self._inactive_because(record.spec)
        return GuidanceOut(
            **dict(record.spec),
            id=record.id,
            created_at=record.created_at,
            updated_at=record.updated_at,
            active=because is None,
            inactive_because=because,
            timezone=self._timezone(record.spec),
            resembles=said.resembles,
            conflicts=said.conflicts,
            warnings=said.warnings,
        )

    def _inactive_because(self, spec: GuidanceSpec) -> str | None:
        """Why a rule is not in force at this moment; None if it is."""
        if not spec.enabled:
            return "It is switched off."
        if self.language is None:
            return "There is nothing to understand words with (no encoder pack `words`)."
        if not self.scope.applies(spec):
            return f"This camera has no zone {spec.zone!r}."
        now = time.time()
        if self.scope.covers(spec, now):
            return None
        if spec.expires_at is not None and now >= spec.expires_at.timestamp():
            return f"It expired at {spec.expires_at.isoformat()}."
        timezone = self._timezone(spec) or "UTC"
        clock = datetime.fromtimestamp(now, ZoneInfo(timezone))
        return f"It is {clock:%A, %H:%M} now ({timezone}), which is outside its hours."

    def _timezone(self, spec: GuidanceSpec) -> str | None:
        """The time zone that a rule's hours go by; None if it has none."""
        return None if spec.schedule is None else spec.schedule.timezone or self.scope.timezone or "UTC"

    def _duplicates(self, record: RuleRecord, others: Iterable[RuleRecord]) -> Iterator[str]:
        """Of rules that say the same in the same words, for the same place and time."""
        for other in others:
            if other.id != record.id and _same(record.spec, other.spec):
                yield f"Another rule says the same ({other.id}). One of them is enough: delete the other."

    def _warnings(self, spec: GuidanceSpec, denied: str | None, *, understood: bool, untrained: bool) -> Iterable[str]:
        if self.language is None:
            yield "There is nothing to understand words with (no encoder pack `words`): the rule matches nothing."
            return
        if denied is not None:
            yield (
                f'A rule names what is seen, and this text says what is not ("{denied}"): it matches nothing. '
                "Write what is seen, with the verdict that it has, and an exception as a rule of its own."
            )
        elif self.language.bank is None and spec.method == "equation10":
            yield "Equation 10 compares pictures, and the stream has no encoder: the rule matches nothing."
        elif self.language.bank is None:
            yield "The stream has no encoder: only captions are compared with the text."
        elif not understood and spec.method == "contrastive":
            yield "The text is like no phrase of the bank: it means nothing to what is seen and moves no score by it."
        elif untrained and spec.method == "contrastive":
            yield (
                "The stream's encoder has learned no clips of anything like it: only what is said of an object, its "
                "class and how it moves, is compared with the text."
            )
        if spec.zone is not None and spec.zone not in self.scope.zones:
            yield missing_zone(spec.zone)
        if spec.expires_at is not None and spec.expires_at <= datetime.now(UTC):
            yield f"It expired at {spec.expires_at.isoformat()}."
        if spec.schedule is not None and spec.schedule.timezone is None and self.scope.timezone is None:
            yield missing_timezone()
        if spec.strength == 0:
            yield "Its strength is 0: it moves nothing."

    def _conflicts(
        self, record: RuleRecord, reading: Reading | None, others: Iterable[RuleRecord]
    ) -> list[RuleConflict]:
        """Enabled rules that say the opposite of the same thing, where and when both are in force."""
        if reading is None or not self.scope.applies(record.spec):
            return []
        mine = self.scope.rule(record)
        found = []
        for other in others:
            its = self.read(other.spec.text)
            if other.id == record.id or its is None or not self.scope.applies(other.spec):
                continue
            theirs = self.scope.rule(other)
            if (
                theirs.verdict != mine.verdict
                and _mean_the_same(reading, its)
                and _meet(mine.polygon, theirs.polygon)
                and overlap(record.spec.schedule, other.spec.schedule, self.scope.timezone, datetime.now(UTC))
            ):
                wins = max(mine, theirs, key=lambda rule: rule.precedence).id
                found.append(RuleConflict(id=other.id, text=theirs.text, verdict=theirs.verdict, wins=wins))
        return found


def _same(one: GuidanceSpec, other: GuidanceSpec) -> bool:
    """Whether two rules are one but for what is no part of their meaning: capitals, blanks, strength, note."""
    parts = [
        (" ".join(each.text.casefold().split()), each.verdict, each.zone, each.schedule, each.method)
        for each in (one, other)
    ]
    return parts[0] == parts[1]


def _mean_the_same(one: Reading, other: Reading) -> bool:
    """Whether two texts do, as sentences or as what they are understood as."""
    norms = float(np.linalg.norm(one.weights) * np.linalg.norm(other.weights))
    understood = float(one.weights @ other.weights) / norms if norms > 0 else 0.0
    said = float(sameness(one.sentences @ other.sentences.T).max())
    return max(understood, said) >= SAME_MEANING


def _meet(one: Polygon | None, other: Polygon | None) -> bool:
    """Whether two zones have a part of the picture in common, to a 64th of it; None is all of it."""
    if one is None or other is None or one == other:
        return True
    return bool((contains(one, _GRID) & contains(other, _GRID)).any())
