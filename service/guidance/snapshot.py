"""A stream's rules as they are in force: compiled once, and swapped as a whole."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from models.arrays import Float32, Float64, Mask
from models.guidance.feedback import Feedback
from models.guidance.guide import Guide
from service.contracts.guidance import GuidanceSpec
from service.guidance.readings import Readings
from service.guidance.scope import StreamScope
from service.store.guidance import RuleRecord


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Rules compiled, and when each is in force. Immutable.

    Attributes:
        guide: The rules that are enabled and whose zones exist.
        specs: Of each of its rules, in its order.
        scope: Of the stream.
    """

    guide: Guide
    specs: tuple[GuidanceSpec, ...]
    scope: StreamScope

    @classmethod
    def of(
        cls, records: Iterable[RuleRecord], scope: StreamScope, readings: Readings, feedback: Feedback | None
    ) -> Snapshot:
        """Compile rules.

        Args:
            records: As they are stored.
            scope: Of the stream.
            readings: Of their texts; asked for a language if any of the rules applies.
            feedback: What false alarms taught.
        """
        chosen = [record for record in records if scope.applies(record.spec)]
        language = readings.language if chosen else None
        if language is None:
            return cls(Guide(feedback=feedback), (), scope)
        rules = []
        for record in chosen:
            reading = readings.read(record.spec.text)
            if reading is not None:
                rules.append((scope.rule(record), reading))
        guide = Guide.compile(rules, language.statements, language.bank, feedback)
        specs = {record.id: record.spec for record in chosen}
        return cls(guide, tuple(specs[rule.id] for rule in guide.rules), scope)

    def tuned(self, embeddings: Float32, surprise: Float64) -> Snapshot:
        """Against what the stream's recent objects are like; arguments as for ``Guide.tuned``."""
        return replace(self, guide=self.guide.tuned(embeddings, surprise))

    def active(self, at: float) -> Mask:
        """``(R,)``, which rules are in force at a moment (Unix seconds)."""
        return np.array([self.scope.covers(spec, at) for spec in self.specs], np.bool_)

    def active_at(self, moments: Sequence[float]) -> Mask:
        """``(M, R)``, which rules were in force at each of these moments, to the minute: schedules know no seconds."""
        minutes, which = np.unique(np.floor(np.array(moments) / 60), return_inverse=True)
        rows = [self.active(minute * 60) for minute in minutes.tolist()]
        return np.array(rows, np.bool_).reshape(len(minutes), len(self.specs))[which]

    def named(self, rule_ids: Iterable[str]) -> Mask:
        """``(R,)``, which rules are these."""
        wanted = set(rule_ids)
        return np.array([rule.id in wanted for rule in self.guide.rules], np.bool_)
