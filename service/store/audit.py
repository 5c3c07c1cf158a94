"""Who changed a stream's rules, and when: every edit is noted in the transaction that makes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, Row, delete, insert, select

from service.contracts.guidance import GuidanceAudit, GuidanceSpec
from service.store.tables import guidance_audit, streams

EDITS_KEPT = 2_000
"""Edits kept for each stream; the oldest go beyond that. At 600 bytes each, 1.2 MB."""

ORPHANS_KEPT = 10_000
"""Edits kept of all streams together that are deleted: 6 MB, whoever creates and deletes streams in a loop."""

AuditAction = Literal["created", "changed", "deleted", "undone"]


@dataclass(frozen=True, slots=True)
class Edit:
    """One edit of a rule.

    Attributes:
        stream_id: The rule's stream.
        rule_id: The rule.
        at: When.
        who: By whom.
        action: What was done.
        before: What the rule said before; None if there was none.
        after: What it says since; None if it is gone.
        created_at: When the rule was made.
        edited_at: When what it said before was last changed.
        undoes: The id of the edit that this one takes back.
    """

    stream_id: str
    rule_id: str
    at: datetime
    who: str
    action: AuditAction
    before: GuidanceSpec | None
    after: GuidanceSpec | None
    created_at: datetime
    edited_at: datetime
    undoes: int | None = None


def note(connection: Connection, edit: Edit) -> None:
    """Add an edit, in the caller's transaction; forget the stream's oldest ones beyond what is kept."""
    values = {name: getattr(edit, name) for name in Edit.__slots__ if name not in {"before", "after"}}
    values |= {"before": stored(edit.before), "after": stored(edit.after)}
    connection.execute(insert(guidance_audit).values(values))
    mine = guidance_audit.c.stream_id == edit.stream_id
    newest = select(guidance_audit.c.id).where(mine).order_by(guidance_audit.c.id.desc())
    oldest = connection.execute(newest.offset(EDITS_KEPT).limit(1)).scalar()
    if oldest is not None:
        connection.execute(delete(guidance_audit).where(mine, guidance_audit.c.id <= oldest))


def stored(spec: GuidanceSpec | None) -> Any:
    """What a rule says, as the database keeps it."""
    return None if spec is None else spec.model_dump(mode="json")


def page(connection: Connection, stream_id: str, limit: int, before: int | None = None) -> Sequence[GuidanceAudit]:
    """Edits of a stream's rules, the newest first; those with an id below ``before``."""
    query = select(guidance_audit).where(guidance_audit.c.stream_id == stream_id)
    if before is not None:
        query = query.where(guidance_audit.c.id < before)
    rows = connection.execute(query.order_by(guidance_audit.c.id.desc()).limit(limit)).all()
    return [GuidanceAudit.model_validate(row._mapping) for row in rows]


def knows(connection: Connection, stream_id: str, rule_id: str) -> bool:
    """Whether there is an edit of a stream's rule."""
    columns = guidance_audit.c
    query = select(columns.id).where(columns.stream_id == stream_id, columns.rule_id == rule_id)
    return connection.execute(query.limit(1)).first() is not None


def last_edit(connection: Connection, stream_id: str, rule_id: str) -> Row[Any] | None:
    """The newest edit of a rule that is no undoing and was not undone; None if there is none."""
    columns = guidance_audit.c
    mine = (columns.stream_id == stream_id, columns.rule_id == rule_id)
    undone = select(columns.undoes).where(*mine, columns.undoes.is_not(None))
    query = select(guidance_audit).where(*mine, columns.undoes.is_(None), columns.id.not_in(undone))
    return connection.execute(query.order_by(columns.id.desc()).limit(1)).first()


def prune_orphans(connection: Connection) -> None:
    """Forget, in the caller's transaction, the oldest edits on deleted streams beyond what is kept."""
    orphan = guidance_audit.c.stream_id.not_in(select(streams.c.id))
    newest = select(guidance_audit.c.id).where(orphan).order_by(guidance_audit.c.id.desc())
    oldest = connection.execute(newest.offset(ORPHANS_KEPT).limit(1)).scalar()
    if oldest is not None:
        connection.execute(delete(guidance_audit).where(orphan, guidance_audit.c.id <= oldest))
