from __future__ import annotations

from datetime import UTC, datetime, timedelta

from service.contracts.guidance import GuidanceSpec
from service.contracts.stream import Zone
from service.guidance.readings import Readings
from service.guidance.scope import StreamScope
from service.guidance.snapshot import Snapshot
from service.store.guidance import RuleRecord
from support import words

MIDNIGHT = datetime(2026, 3, 2, tzinfo=UTC)
GATE = Zone(name="Gate", polygon=[(0.0, 0.0), (0.5, 0.0), (0.5, 1.0)], mode="mark")
SCOPE = StreamScope.of([GATE], None)


def record(rule_id: str, **fields: object) -> RuleRecord:
    spec = GuidanceSpec.model_validate({"text": "a cyclist", "verdict": "normal", **fields})
    return RuleRecord(rule_id, spec, MIDNIGHT, MIDNIGHT, MIDNIGHT)


def test_rules_that_can_be_in_force_are_compiled_with_their_hours_in_their_order() -> None:
    records = [
        record("off", enabled=False),
        record("nowhere", zone="Tracks"),
        record("always"),
        record("mornings", schedule={"from": "06:00", "to": "12:00"}, zone="Gate"),
    ]
    snapshot = Snapshot.of(records, SCOPE, Readings(words.language), None)
    assert [rule.id for rule in snapshot.guide.rules] == ["mornings", "always"]
    assert snapshot.named(["always", "off"]).tolist() == [False, True]
    hours = [(MIDNIGHT + timedelta(hours=hour)).timestamp() for hour in (5, 7, 13)]
    assert snapshot.active_at(hours).tolist() == [[False, True], [True, True], [False, True]]
    assert snapshot.active(hours[1]).tolist() == [True, True]


def test_no_language_is_learned_for_rules_that_cannot_be_in_force() -> None:
    def learn() -> None:
        raise AssertionError

    snapshot = Snapshot.of([record("off", enabled=False)], SCOPE, Readings(learn), None)
    assert (snapshot.guide.rules, snapshot.active_at([0.0, 1.0]).shape) == ((), (2, 0))
