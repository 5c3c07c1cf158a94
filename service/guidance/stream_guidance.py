"""The rules in words of one stream: kept, understood, in force by the clock, tried before they are saved."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from models.guidance.effect import Judgement
from models.guidance.feedback import normal_radius
from models.guidance.guide import Guide
from models.guidance.language import Language
from models.guidance.rules import Seen
from models.guidance.text_reader import Reading
from models.scoring.calibration import Calibration
from service.contracts.alert import Verdict
from service.contracts.guidance import (
    GuidanceOut,
    GuidancePatch,
    GuidanceSpec,
    PreviewOut,
    PreviewSpec,
    TaughtOut,
)
from service.contracts.stream import Zone
from service.errors import InvalidInput
from service.guidance.explanation import Explainer
from service.guidance.feedback import StreamFeedback
from service.guidance.history import History
from service.guidance.preview import Tried, preview
from service.guidance.scope import StreamScope
from service.pipeline.context import Unguided
from service.store.guidance import GuidanceStore, RuleRecord, check_room, rule_not_found

logger = logging.getLogger(__name__)

TUNE_S = 10.0
"""How often rules are set against what the stream's objects are like lately: it takes 5 ms, 0.05 % of the time."""

SAMPLE = 256
"""Clips that stand for them. The median of a rule's evidence is then known to a tenth of its spread."""

_NEW = "new"
"""Id of a rule that is not saved."""


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """Rules compiled, and when each is in force. Immutable, and swapped as a whole.

    Attributes:
        guide: The rules that are enabled and whose zones exist.
        specs: Of each of its rules, in its order.
        scope: Of the stream.
    """

    guide: Guide
    specs: tuple[GuidanceSpec, ...]
    scope: StreamScope

    def active(self, at: float) -> NDArray[np.bool_]:
        """``(R,)``, which rules are in force at a moment (Unix seconds)."""
        return np.array([self.scope.covers(spec, at) for spec in self.specs], np.bool_)

    def active_at(self, moments: Sequence[float]) -> NDArray[np.bool_]:
        """``(M, R)``, which rules were in force at each of these moments, to the minute: schedules know no seconds."""
        minutes, which = np.unique(np.floor(np.array(moments) / 60), return_inverse=True)
        rows = [self.active(minute * 60) for minute in minutes.tolist()]
        return np.array(rows, np.bool_).reshape(len(minutes), len(self.specs))[which]

    def named(self, rule_ids: Iterable[str]) -> NDArray[np.bool_]:
        """``(R,)``, which rules are these."""
        wanted = set(rule_ids)
        return np.array([rule.id in wanted for rule in self.guide.rules], np.bool_)


class StreamGuidance:
    """A stream's rules from its registration to its deletion. Thread-safe.

    The worker calls ``judge`` and ``record``, which wait for nothing. Edits come from the API's threads, one at a
    time: each is stored, compiled and in force when its method returns.
    """

    def __init__(
        self,
        stream_id: str,
        store: GuidanceStore,
        zones: Sequence[Zone] = (),
        timezone: str | None = None,
        *,
        max_rules: int,
        past_bytes: int,
    ) -> None:
        """Take up the rules that are stored.

        Args:
            stream_id: Whose.
            store: Where they are kept.
            zones: Of the stream.
            timezone: Of the stream, an IANA name; None is UTC.
            max_rules: Rules it may have.
            past_bytes: Memory for the past that previews look at.
        """
        self.stream_id = stream_id
        self.history = History(past_bytes)
        self._store = store
        self._max_rules = max_rules
        self._lock = threading.RLock()
        self._scope = StreamScope.of(zones, timezone)
        self._records = {record.id: record for record in store.list(stream_id)}
        self._feedback = StreamFeedback(stream_id, store)
        self._encoder: str | None = None
        self._learn: Callable[[], Language | None] | None = None
        self._learned: Language | None = None
        self._readings: dict[str, Reading] = {}
        self._snapshot = self._compiled(self._records.values())
        self._mask: tuple[_Snapshot, int, NDArray[np.bool_]] = (self._snapshot, -1, np.zeros(0, np.bool_))
        self._tuned_at = 0.0

    # ---- what the stream tells

    def configure(self, zones: Sequence[Zone], timezone: str | None) -> None:
        """Take the stream's new zones and time zone. Rules of a zone that is gone wait until it is back."""
        with self._lock:
            self._scope = StreamScope.of(zones, timezone)
            self._compile()

    def understand(self, language: Callable[[], Language | None], encoder: str | None) -> None:
        """Read the rules with another language from now on.

        Args:
            language: Gives it, or None if there is nothing to read rules with. Called when there is a rule to read
                and not before: to encode a bank takes a second, which streams without rules need not wait for.
            encoder: Hash of the pack that sees the stream's clips, or None.
        """
        with self._lock:
            if encoder != self._encoder:
                self.history.clear()
            self._encoder, self._learn, self._learned = encoder, language, None
            self._readings = {}
            self._compile()

    # ---- what the worker calls

    def judge(self, seen: Seen, at: float) -> Judgement:
        """What the rules in force say of a frame's objects.

        Args:
            seen: The objects.
            at: Capture time, Unix seconds.
        """
        snapshot = self._snapshot
        known, second, mask = self._mask
        if known is not snapshot or second != int(at):
            mask = snapshot.active(at)
            self._mask = (snapshot, int(at), mask)
        return snapshot.guide.judge(seen, mask)

    def record(self, frame: Unguided) -> None:
        """Remember a frame for previews, and now and then set the rules against what the past is like."""
        self.history.add(frame)
        if abs(frame.at - self._tuned_at) >= TUNE_S:
            self._tuned_at = frame.at
            snapshot = self._snapshot
            tuned = self._tuned(snapshot)
            # An edit under way compiles and tunes by itself, and is not waited for.
            if self._lock.acquire(blocking=False):
                try:
                    if self._snapshot is snapshot:
                        self._snapshot = tuned
                finally:
                    self._lock.release()

    # ---- rules

    def rules(self) -> list[GuidanceOut]:
        """All rules, oldest first."""
        with self._lock:
            return [self._out(record) for record in self._records.values()]

    def rule(self, rule_id: str) -> GuidanceOut:
        """One rule.

        Raises:
            NotFound: ``rule_not_found``.
        """
        with self._lock:
            return self._out(self._record(rule_id))

    def add(self, spec: GuidanceSpec, who: str) -> GuidanceOut:
        """Save a rule; it is in force from the next frame on.

        Raises:
            InvalidInput: ``unknown_zone`` or ``expires_in_past``.
            Conflict: ``too_many_rules``.
        """
        with self._lock:
            check_room(len(self._records), self._max_rules)
            self._check(spec, {"zone", "expires_at"})
            self._read(spec.text)
            record = self._store.add(self.stream_id, spec, who)
            self._records[record.id] = record
            self._compile()
            return self._out(record)

    def change(self, rule_id: str, patch: GuidancePatch, who: str) -> GuidanceOut:
        """Change what the patch names.

        Raises:
            NotFound: ``rule_not_found``.
            InvalidInput: As for ``add``, or a field that cannot be null is.
        """
        with self._lock:
            before = self._record(rule_id)
            changes = {name: getattr(patch, name) for name in patch.model_fields_set}
            spec = _revalidated(before.spec, changes)
            self._check(spec, changes.keys())
            self._read(spec.text)
            record = self._store.change(self.stream_id, rule_id, spec, who)
            self._records[rule_id] = record
            self._compile()
            return self._out(record)

    def remove(self, rule_id: str, who: str) -> None:
        """Delete a rule. Idempotent."""
        with self._lock:
            self._store.remove(self.stream_id, rule_id, who)
            self._records.pop(rule_id, None)
            self._compile()

    def undo(self, rule_id: str, who: str) -> GuidanceOut | None:
        """Take back the last edit of a rule, also its deletion; None if the rule is gone by it.

        Raises:
            NotFound: ``rule_not_found``.
            Conflict: ``nothing_to_undo`` or ``too_many_rules``.
        """
        with self._lock:
            record = self._store.undo(self.stream_id, rule_id, who, self._max_rules)
            if record is None:
                self._records.pop(rule_id, None)
            else:
                self._records[rule_id] = record
                self._records = dict(sorted(self._records.items(), key=lambda each: (each[1].created_at, each[0])))
            self._compile()
            return None if record is None else self._out(record)

    def preview(self, spec: PreviewSpec, fused: Calibration, threshold: float) -> PreviewOut:
        """What a rule that is not saved would have done to the last minutes; runs no model but the text's.

        Args:
            spec: The rule and how far to look back.
            fused: The profile's calibration of smoothed scores.
            threshold: The surprise at which alerts open.

        Raises:
            NotFound: ``rule_not_found``, if it is to replace a rule that is not there.
            InvalidInput: As for ``add``.
        """
        with self._lock:
            self._check(spec.rule, {"zone", "expires_at"})
            now = datetime.now(UTC)
            new = RuleRecord(_NEW, spec.rule, now, now, now)
            others = [record for record in self._records.values() if record.id != spec.replaces]
            if spec.replaces is not None:
                self._record(spec.replaces)
            snapshot = self._tuned(self._compiled([*self._records.values(), new]))
            said = self._explainer.explain(new, others)
        frames = self.history.frames(spec.minutes * 60)
        active = snapshot.active_at([frame.at for frame in frames])
        tried = snapshot.named([_NEW])
        kept = snapshot.named([*(record.id for record in others), _NEW])
        rules = Tried(snapshot.guide, active & ~tried, active & kept, active & tried)
        return preview(frames, rules, fused, threshold, said)

    # ---- teaching

    def judge_alert(self, alert_id: str, verdict: Verdict | None) -> None:
        """Note what a person says of an alert of the stream.

        A false alarm teaches that its objects are normal, if it is known what they looked like; any other verdict
        takes that back. The last of several at once is both noted and in force.

        Raises:
            NotFound: ``alert_not_found``.
        """
        with self._lock:
            embeddings, _ = self.history.sample(2 * SAMPLE)
            self._feedback.judge_alert(alert_id, verdict, normal_radius(embeddings))
            self._compile()

    def feedback(self) -> list[TaughtOut]:
        """What false alarms taught, oldest first."""
        with self._lock:
            return self._feedback.out(self._encoder)

    # ---- inside; called with the lock held

    def _record(self, rule_id: str) -> RuleRecord:
        record = self._records.get(rule_id)
        if record is None:
            raise rule_not_found(rule_id)
        return record

    def _check(self, spec: GuidanceSpec, fields: Iterable[str]) -> None:
        if "zone" in fields and spec.zone is not None and spec.zone not in self._scope.zones:
            names = ", ".join(map(repr, self._scope.zones)) or "none (the stream has no zones)"
            msg = f"expected a zone of the stream, of {names}; got {spec.zone!r}"
            raise InvalidInput("unknown_zone", msg, zones=sorted(self._scope.zones))
        if "expires_at" in fields and spec.expires_at is not None and spec.expires_at <= datetime.now(UTC):
            msg = f"expected `expires_at` in the future, got {spec.expires_at.isoformat()}"
            raise InvalidInput("expires_in_past", msg)

    @property
    def _language(self) -> Language | None:
        if self._learn is not None:
            self._learned, self._learn = self._learn(), None
        return self._learned

    def _read(self, text: str) -> Reading | None:
        language = self._language
        if language is None:
            return None
        if text not in self._readings:
            self._readings[text] = language.read(text)
        return self._readings[text]

    def _compile(self) -> None:
        """Put the rules as they are now in force."""
        texts = {record.spec.text for record in self._records.values()}
        self._snapshot = self._tuned(self._compiled(self._records.values()))
        self._readings = {text: reading for text, reading in self._readings.items() if text in texts}

    def _compiled(self, records: Iterable[RuleRecord]) -> _Snapshot:
        chosen = [record for record in records if self._scope.applies(record.spec)]
        modes = self._feedback.modes(self._encoder)
        language = self._language if chosen else None
        if language is None:
            return _Snapshot(Guide(feedback=modes), (), self._scope)
        rules = []
        for record in chosen:
            reading = self._read(record.spec.text)
            if reading is not None:
                rules.append((self._scope.rule(record), reading))
        guide = Guide.compile(rules, language.statements, language.bank, modes)
        specs = {record.id: record.spec for record in chosen}
        return _Snapshot(guide, tuple(specs[rule.id] for rule in guide.rules), self._scope)

    def _tuned(self, snapshot: _Snapshot) -> _Snapshot:
        if not snapshot.guide.rules:
            return snapshot
        return replace(snapshot, guide=snapshot.guide.tuned(*self.history.sample(SAMPLE)))

    # ---- as the API speaks of rules

    def _out(self, record: RuleRecord) -> GuidanceOut:
        said = self._explainer.explain(record, self._records.values())
        return GuidanceOut(
            **dict(record.spec),
            id=record.id,
            created_at=record.created_at,
            updated_at=record.updated_at,
            active=self._active(record.spec),
            resembles=said.resembles,
            conflicts=said.conflicts,
            warnings=said.warnings,
        )

    def _active(self, spec: GuidanceSpec) -> bool:
        return self._language is not None and self._scope.applies(spec) and self._scope.covers(spec, time.time())

    @property
    def _explainer(self) -> Explainer:
        return Explainer(self._scope, self._language, self._read)


def _revalidated(spec: GuidanceSpec, changes: dict[str, Any]) -> GuidanceSpec:
    """The rule with these changes, checked as a whole: a patch must not pass what a new rule would not."""
    try:
        return GuidanceSpec.model_validate({**dict(spec), **changes})
    except ValidationError as error:
        problems = error.errors(include_url=False, include_input=False)
        msg = "; ".join(f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}".lstrip(": ") for problem in problems)
        raise InvalidInput("invalid_input", msg) from error
