"""The rules in words of one stream: kept, understood, in force by the clock, tried before they are saved."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from models.guidance.effect import Judgement
from models.guidance.feedback import normal_radius
from models.guidance.language import Language
from models.guidance.rules import Seen
from models.scoring.calibration import Calibration
from service.contracts.guidance import GuidanceOut, GuidancePatch, GuidanceSpec, PreviewOut, PreviewSpec, TaughtOut
from service.contracts.patch import patched
from service.contracts.stream import Zone
from service.errors import INVALID_INPUT
from service.guidance.explanation import Explainer
from service.guidance.feedback import StreamFeedback
from service.guidance.history import History
from service.guidance.preview import Tried, brief, preview
from service.guidance.readings import Readings
from service.guidance.scope import StreamScope
from service.guidance.snapshot import Snapshot
from service.pipeline.context import UnguidedFrame
from service.store.feedback import FeedbackStore
from service.store.guidance import GuidanceStore, RuleRecord, check_room, rule_not_found

TUNE_S = 10.0
"""How often rules are set against what the stream's objects are like lately: it takes 5 ms, 0.05 % of the time."""

SAMPLE = 256
"""Clips that stand for them. The median of a rule's evidence is then known to a tenth of its spread."""

_NEW = "new"
"""Id of a rule that is not saved."""


class StreamGuidance:
    """A stream's rules from its registration to its deletion. Thread-safe.

    The worker calls ``judge`` and ``record``, which wait for nothing. Edits come from the API's threads, one at a
    time: each is stored, compiled and in force when its method returns.
    """

    def __init__(
        self,
        stream_id: str,
        store: GuidanceStore,
        feedback: FeedbackStore,
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
            feedback: Where what verdicts taught it is kept.
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
        self._feedback = StreamFeedback(stream_id, feedback)
        self._encoder: str | None = None
        self._readings = Readings()
        self._snapshot = self._compiled(self._records.values())
        self._mask: tuple[Snapshot, int, NDArray[np.bool_]] = (self._snapshot, -1, np.zeros(0, np.bool_))
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
            self._encoder, self._readings = encoder, Readings(language)
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

    def record(self, frame: UnguidedFrame) -> None:
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

    def specs(self) -> list[GuidanceSpec]:
        """What all rules say, oldest first; waits for no edit under way, which may take a second."""
        return [record.spec for record in list(self._records.values())]

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
            self._scope.check(spec, {"zone", "expires_at"})
            self._readings.read(spec.text)
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
            spec = patched(before.spec, changes, INVALID_INPUT)
            self._scope.check(spec, changes.keys())
            self._readings.read(spec.text)
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
            self._scope.check(spec.rule, {"zone", "expires_at"})
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
        out = preview(frames, rules, fused, threshold, said)
        return brief(out) if spec.brief else out

    # ---- teaching

    @contextmanager
    def learning(self) -> Iterator[float]:
        """While it lasts, what verdicts on the stream's alerts teach is stored; then that is in force.

        Several at once wait for one another, so the last that is stored is also the one in force. An exception leaves
        in force what was.

        Yields:
            Cosine distance within which an object of the stream is the same as another.
        """
        with self._lock:
            embeddings, _ = self.history.sample(2 * SAMPLE)
            yield normal_radius(embeddings)
            self._feedback.reload()
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

    def _compile(self) -> None:
        """Put the rules as they are now in force."""
        texts = {record.spec.text for record in self._records.values()}
        self._snapshot = self._tuned(self._compiled(self._records.values()))
        self._readings.keep(texts)

    def _compiled(self, records: Iterable[RuleRecord]) -> Snapshot:
        return Snapshot.of(records, self._scope, self._readings, self._feedback.modes(self._encoder))

    def _tuned(self, snapshot: Snapshot) -> Snapshot:
        if not snapshot.guide.rules:
            return snapshot
        return snapshot.tuned(*self.history.sample(SAMPLE))

    def _out(self, record: RuleRecord) -> GuidanceOut:
        return self._explainer.out(record, self._records.values())

    @property
    def _explainer(self) -> Explainer:
        return Explainer(self._scope, self._readings.language, self._readings.read)
