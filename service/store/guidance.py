"""The rules of streams, who changed them and when, and what false alarms taught."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Row, delete, func, insert, select, update

from service.contracts.alert import Verdict
from service.contracts.guidance import GuidanceAudit, GuidanceSpec
from service.errors import Conflict, NotFound
from service.store.alerts import set_verdict
from service.store.database import Database
from service.store.tables import alert_clips, guidance, guidance_audit, streams, taught

AUDIT_KEPT = 2_000
"""Edits kept for each stream; the oldest go beyond that. At 600 bytes each, 1.2 MB."""

ORPHANS_KEPT = 10_000
"""Edits kept of all streams together that are deleted: 6 MB, whoever creates and deletes streams in a loop."""

CLIPS_KEPT = 10_000
"""Alerts whose objects' clip features are kept, in all; the oldest go beyond that. 768 bytes an object, and at most ten
objects an alert, bound them to 77 MB. A false alarm is told within days, not after ten thousand others."""

TAUGHT_KEPT = 100
"""Taught alerts of one stream; the oldest go beyond that. Who has taught a hundred should enrol again."""

SAYS_NOTHING = {"note", "expires_at"}
"""Fields that may change without a change of what a rule says or does: the note is for people, and when a rule ends
says nothing of what it is to count against while it is in force."""

Action = Literal["created", "changed", "deleted", "undone"]


@dataclass(frozen=True, slots=True)
class RuleRecord:
    """A rule as it is stored.

    Attributes:
        id: Of the rule.
        spec: What it says.
        created_at: When it was made.
        updated_at: When it was last written, by whatever edit.
        edited_at: When what it says or does was last changed, which of two rules decides that counts; to undo an edit
            brings back the moment before it.
    """

    id: str
    spec: GuidanceSpec
    created_at: datetime
    updated_at: datetime
    edited_at: datetime


@dataclass(frozen=True, slots=True)
class Clips:
    """Clip features of an alert's objects.

    Attributes:
        alert_id: The alert.
        encoder: Hash of the encoder pack they were made with; under another they say nothing.
        features: ``(N, D)`` float16 of unit length.
    """

    alert_id: str
    encoder: str
    features: NDArray[np.float16]


@dataclass(frozen=True, slots=True)
class FeedbackRecord:
    """Clips of a false alarm and how near to them is the same (cosine distance)."""

    clips: Clips
    radius: float
    taught_at: datetime


class GuidanceStore:
    """Reads and changes rules; each change is one transaction together with its entry in the audit. Thread-safe."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # ---- rules

    def list(self, stream_id: str) -> list[RuleRecord]:
        """A stream's rules, oldest first."""
        query = select(guidance).where(guidance.c.stream_id == stream_id)
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(guidance.c.created_at, guidance.c.id)).all()
        return [_rule(row) for row in rows]

    def add(self, stream_id: str, spec: GuidanceSpec, who: str) -> RuleRecord:
        """Store a new rule under a new id.

        Raises:
            NotFound: ``stream_not_found``.
        """
        now = datetime.now(UTC)
        record = RuleRecord(uuid4().hex[:12], spec, now, now, now)
        with self._database.transaction() as connection:
            _insert(connection, stream_id, record)
            _note(connection, stream_id, record, now, who, "created", None, spec)
        return record

    def change(self, stream_id: str, rule_id: str, spec: GuidanceSpec, who: str) -> RuleRecord:
        """Replace a rule; by the same, nothing is written.

        Raises:
            NotFound: ``rule_not_found``.
        """
        with self._database.transaction() as connection:
            before = _get(connection, stream_id, rule_id)
            if spec == before.spec:
                return before
            now = max(datetime.now(UTC), before.updated_at)
            edited_at = before.edited_at if _says(spec) == _says(before.spec) else now
            record = RuleRecord(rule_id, spec, before.created_at, now, edited_at)
            _replace(connection, record)
            _note(connection, stream_id, before, now, who, "changed", before.spec, spec)
        return record

    def remove(self, stream_id: str, rule_id: str, who: str) -> None:
        """Delete a rule. Idempotent."""
        with self._database.transaction() as connection:
            row = connection.execute(select(guidance).where(*_is(stream_id, rule_id))).first()
            if row is None:
                return
            before = _rule(row)
            connection.execute(delete(guidance).where(guidance.c.id == rule_id))
            _note(connection, stream_id, before, datetime.now(UTC), who, "deleted", before.spec, None)

    def undo(self, stream_id: str, rule_id: str, who: str, most: int) -> RuleRecord | None:
        """Take back the last edit of a rule that was not taken back yet; the rule as it is then, None if it is gone.

        Args:
            stream_id: The rule's stream.
            rule_id: The rule, which may have been deleted.
            who: Undoes it.
            most: Rules that the stream may have.

        Raises:
            NotFound: ``rule_not_found``, if there never was such a rule.
            Conflict: ``nothing_to_undo``; ``too_many_rules``, if a deleted one has no room any more.
        """
        with self._database.transaction() as connection:
            last = _last_edit(connection, stream_id, rule_id)
            row = connection.execute(select(guidance).where(*_is(stream_id, rule_id))).first()
            now = datetime.now(UTC)
            present = None if row is None else _rule(row)
            spec = None if last.before is None else GuidanceSpec.model_validate(last.before)
            record = None if spec is None else RuleRecord(rule_id, spec, last.created_at, now, last.edited_at)
            if record is None:
                connection.execute(delete(guidance).where(guidance.c.id == rule_id))
            elif present is None:
                count = select(func.count()).select_from(guidance).where(guidance.c.stream_id == stream_id)
                check_room(connection.execute(count).scalar_one(), most)
                _insert(connection, stream_id, record)
            else:
                _replace(connection, record)
            noted = record or present or RuleRecord(rule_id, GuidanceSpec.model_validate(last.after), now, now, now)
            before = None if present is None else present.spec
            _note(connection, stream_id, noted, now, who, "undone", before, spec, undoes=last.id)
        return record

    def audit(self, stream_id: str, limit: int, before: int | None = None) -> Sequence[GuidanceAudit]:
        """Edits of a stream's rules, the newest first; those with an id below ``before``."""
        query = select(guidance_audit).where(guidance_audit.c.stream_id == stream_id)
        if before is not None:
            query = query.where(guidance_audit.c.id < before)
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(guidance_audit.c.id.desc()).limit(limit)).all()
        return [GuidanceAudit.model_validate(row._mapping) for row in rows]

    # ---- what false alarms taught

    def record_clips(self, connection: Connection, stream_id: str, clips: Clips) -> None:
        """Keep, in the transaction that stores an alert, what its objects looked like."""
        connection.execute(delete(alert_clips).where(alert_clips.c.alert_id == clips.alert_id))
        connection.execute(
            insert(alert_clips).values(stream_id=stream_id, recorded_at=datetime.now(UTC), **_columns(clips))
        )

    def prune(self, keep: int = CLIPS_KEPT) -> None:
        """Forget the clips of the oldest alerts beyond those to keep."""
        order = (alert_clips.c.recorded_at.desc(), alert_clips.c.alert_id)
        kept = select(alert_clips.c.alert_id).order_by(*order).limit(keep)
        with self._database.transaction() as connection:
            connection.execute(delete(alert_clips).where(alert_clips.c.alert_id.not_in(kept)))

    def judge_alert(
        self, stream_id: str, alert_id: str, verdict: Verdict | None, radius: float, keep: int = TAUGHT_KEPT
    ) -> Sequence[FeedbackRecord]:
        """Note what a person says of a stream's alert, and what that teaches; in one transaction, or not at all.

        Args:
            stream_id: Its stream.
            alert_id: The alert.
            verdict: ``false_alarm`` teaches what is kept of its objects' looks; anything else takes that back.
            radius: Cosine distance within which an object is the same.
            keep: Taught alerts of the stream; the oldest go beyond that.

        Returns:
            As ``feedback``.

        Raises:
            NotFound: ``alert_not_found``.
            sqlalchemy.exc.IntegrityError: If there is no such stream.
        """
        with self._database.transaction() as connection:
            set_verdict(connection, alert_id, verdict)
            connection.execute(delete(taught).where(taught.c.alert_id == alert_id))
            row = connection.execute(select(alert_clips).where(alert_clips.c.alert_id == alert_id)).first()
            if verdict == "false_alarm" and row is not None:
                _teach(connection, stream_id, FeedbackRecord(_clips(row), radius, datetime.now(UTC)), keep)
            return _feedback(connection, stream_id)

    def feedback(self, stream_id: str) -> Sequence[FeedbackRecord]:
        """What false alarms taught a stream, oldest first."""
        with self._database.reading() as connection:
            return _feedback(connection, stream_id)


def check_room(count: int, most: int) -> None:
    """Refuse one rule more than a stream may have.

    Raises:
        Conflict: ``too_many_rules``.
    """
    if count >= most:
        msg = f"expected fewer than {most} rules on a stream (WATCHWORD_MAX_RULES), got {count}: delete one first"
        raise Conflict("too_many_rules", msg, rules=count, limit=most)


def _is(stream_id: str, rule_id: str) -> tuple[Any, Any]:
    return guidance.c.id == rule_id, guidance.c.stream_id == stream_id


def _get(connection: Connection, stream_id: str, rule_id: str) -> RuleRecord:
    row = connection.execute(select(guidance).where(*_is(stream_id, rule_id))).first()
    if row is None:
        raise rule_not_found(rule_id)
    return _rule(row)


def rule_not_found(rule_id: str) -> NotFound:
    """The error that there is no such rule."""
    return NotFound("rule_not_found", f"expected the id of a rule of this stream, got {rule_id[:40]!r}")


def _rule(row: Row[Any]) -> RuleRecord:
    return RuleRecord(row.id, GuidanceSpec.model_validate(row.spec), row.created_at, row.updated_at, row.edited_at)


def _insert(connection: Connection, stream_id: str, record: RuleRecord) -> None:
    """Add a rule, unless its stream was deleted meanwhile."""
    if connection.execute(select(streams.c.id).where(streams.c.id == stream_id)).first() is None:
        msg = f"expected the id of a registered stream, got {stream_id[:40]!r}"
        raise NotFound("stream_not_found", msg)
    values = {"created_at": record.created_at, **_changing(record)}
    connection.execute(insert(guidance).values(id=record.id, stream_id=stream_id, **values))


def _replace(connection: Connection, record: RuleRecord) -> None:
    connection.execute(update(guidance).where(guidance.c.id == record.id).values(_changing(record)))


def _changing(record: RuleRecord) -> dict[str, Any]:
    """The columns that an edit may change."""
    return {"spec": _stored(record.spec), "updated_at": record.updated_at, "edited_at": record.edited_at}


def _says(spec: GuidanceSpec) -> dict[str, Any]:
    return spec.model_dump(exclude=SAYS_NOTHING)


def _stored(spec: GuidanceSpec | None) -> Any:
    return None if spec is None else spec.model_dump(mode="json")


def _note(
    connection: Connection,
    stream_id: str,
    rule: RuleRecord,
    now: datetime,
    who: str,
    action: Action,
    before: GuidanceSpec | None,
    after: GuidanceSpec | None,
    undoes: int | None = None,
) -> None:
    """Add an edit of ``rule``, as it was before, to the audit; forget its oldest entries beyond what is kept."""
    values = {"action": action, "before": _stored(before), "after": _stored(after), "undoes": undoes}
    values |= {"created_at": rule.created_at, "edited_at": rule.edited_at}
    connection.execute(insert(guidance_audit).values(stream_id=stream_id, rule_id=rule.id, at=now, who=who, **values))
    mine = guidance_audit.c.stream_id == stream_id
    newest = select(guidance_audit.c.id).where(mine).order_by(guidance_audit.c.id.desc())
    oldest = connection.execute(newest.offset(AUDIT_KEPT).limit(1)).scalar()
    if oldest is not None:
        connection.execute(delete(guidance_audit).where(mine, guidance_audit.c.id <= oldest))


def _last_edit(connection: Connection, stream_id: str, rule_id: str) -> Row[Any]:
    """The newest edit of a rule that is no undoing and was not undone."""
    columns = guidance_audit.c
    mine = (columns.stream_id == stream_id, columns.rule_id == rule_id)
    if connection.execute(select(columns.id).where(*mine).limit(1)).first() is None:
        raise rule_not_found(rule_id)
    undone = select(columns.undoes).where(*mine, columns.undoes.is_not(None))
    query = select(guidance_audit).where(*mine, columns.undoes.is_(None), columns.id.not_in(undone))
    last = connection.execute(query.order_by(columns.id.desc()).limit(1)).first()
    if last is None:
        msg = f"expected an edit of rule {rule_id[:40]!r} to take back, got none that was not taken back"
        raise Conflict("nothing_to_undo", msg)
    return last


def prune_orphans(connection: Connection) -> None:
    """Forget, in the caller's transaction, the oldest edits on deleted streams beyond what is kept."""
    orphan = guidance_audit.c.stream_id.not_in(select(streams.c.id))
    newest = select(guidance_audit.c.id).where(orphan).order_by(guidance_audit.c.id.desc())
    oldest = connection.execute(newest.offset(ORPHANS_KEPT).limit(1)).scalar()
    if oldest is not None:
        connection.execute(delete(guidance_audit).where(orphan, guidance_audit.c.id <= oldest))


def _teach(connection: Connection, stream_id: str, record: FeedbackRecord, keep: int) -> None:
    values = _columns(record.clips) | {"radius": record.radius, "taught_at": record.taught_at}
    connection.execute(insert(taught).values(stream_id=stream_id, **values))
    order = (taught.c.taught_at.desc(), taught.c.alert_id)
    excess = select(taught.c.alert_id).where(taught.c.stream_id == stream_id).order_by(*order).offset(keep)
    ids = connection.execute(excess.limit(TAUGHT_KEPT)).scalars().all()
    connection.execute(delete(taught).where(taught.c.alert_id.in_(ids)))


def _feedback(connection: Connection, stream_id: str) -> Sequence[FeedbackRecord]:
    query = select(taught).where(taught.c.stream_id == stream_id).order_by(taught.c.taught_at, taught.c.alert_id)
    return [FeedbackRecord(_clips(row), row.radius, row.taught_at) for row in connection.execute(query)]


def _columns(clips: Clips) -> dict[str, Any]:
    features = np.ascontiguousarray(clips.features, np.float16)
    return {
        "alert_id": clips.alert_id,
        "encoder": clips.encoder,
        "dim": features.shape[1],
        "clips": features.astype("<f2").tobytes(),
    }


def _clips(row: Row[Any]) -> Clips:
    features = np.frombuffer(row.clips, "<f2").reshape(-1, row.dim).astype(np.float16)
    return Clips(row.alert_id, row.encoder, features)
