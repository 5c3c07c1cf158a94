"""The rules of streams."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from service.contracts.guidance import GuidanceAudit, GuidanceSpec
from service.errors import NOTHING_TO_UNDO, RULE_NOT_FOUND, STREAM_NOT_FOUND, TOO_MANY_RULES, Conflict, NotFound
from service.store import audit
from service.store.database import Database
from service.store.tables import guidance, streams

SAYS_NOTHING = {"note", "expires_at"}
"""Fields that may change without a change of what a rule says or does: the note is for people, and when a rule ends
says nothing of what it is to count against while it is in force."""


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


class GuidanceStore:
    """Reads and changes rules; each change is one transaction together with its entry in the audit. Thread-safe."""

    def __init__(self, database: Database) -> None:
        self._database = database

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
        with self._database.reading() as connection:
            return audit.page(connection, stream_id, limit, before)


def check_room(count: int, most: int) -> None:
    """Refuse one rule more than a stream may have.

    Raises:
        Conflict: ``too_many_rules``.
    """
    if count >= most:
        msg = f"This camera has {count} rules, and no more are allowed (WATCHWORD_MAX_RULES). Delete one first."
        raise Conflict(TOO_MANY_RULES, msg, rules=count, limit=most)


def _is(stream_id: str, rule_id: str) -> tuple[Any, Any]:
    return guidance.c.id == rule_id, guidance.c.stream_id == stream_id


def _get(connection: Connection, stream_id: str, rule_id: str) -> RuleRecord:
    row = connection.execute(select(guidance).where(*_is(stream_id, rule_id))).first()
    if row is None:
        raise rule_not_found(rule_id)
    return _rule(row)


def rule_not_found(rule_id: str) -> NotFound:
    """The error that there is no such rule."""
    return NotFound(RULE_NOT_FOUND, f"expected the id of a rule of this stream, got {rule_id[:40]!r}")


def _rule(row: Row[Any]) -> RuleRecord:
    return RuleRecord(row.id, GuidanceSpec.model_validate(row.spec), row.created_at, row.updated_at, row.edited_at)


def _insert(connection: Connection, stream_id: str, record: RuleRecord) -> None:
    """Add a rule, unless its stream was deleted meanwhile."""
    if connection.execute(select(streams.c.id).where(streams.c.id == stream_id)).first() is None:
        msg = f"There is no stream {stream_id[:40]!r}."
        raise NotFound(STREAM_NOT_FOUND, msg)
    values = {"created_at": record.created_at, **_changing(record)}
    connection.execute(insert(guidance).values(id=record.id, stream_id=stream_id, **values))


def _replace(connection: Connection, record: RuleRecord) -> None:
    connection.execute(update(guidance).where(guidance.c.id == record.id).values(_changing(record)))


def _changing(record: RuleRecord) -> dict[str, Any]:
    """The columns that an edit may change."""
    return {"spec": audit.stored(record.spec), "updated_at": record.updated_at, "edited_at": record.edited_at}


def _says(spec: GuidanceSpec) -> dict[str, Any]:
    return spec.model_dump(exclude=SAYS_NOTHING)


def _note(
    connection: Connection,
    stream_id: str,
    rule: RuleRecord,
    now: datetime,
    who: str,
    action: audit.AuditAction,
    before: GuidanceSpec | None,
    after: GuidanceSpec | None,
    undoes: int | None = None,
) -> None:
    """Note an edit of ``rule``, as it was before."""
    times = (rule.created_at, rule.edited_at)
    audit.note(connection, audit.Edit(stream_id, rule.id, now, who, action, before, after, *times, undoes))


def _last_edit(connection: Connection, stream_id: str, rule_id: str) -> Row[Any]:
    """The newest edit of a rule that can be taken back."""
    if not audit.knows(connection, stream_id, rule_id):
        raise rule_not_found(rule_id)
    last = audit.last_edit(connection, stream_id, rule_id)
    if last is None:
        msg = f"Every edit of rule {rule_id[:40]!r} has been undone already."
        raise Conflict(NOTHING_TO_UNDO, msg)
    return last
