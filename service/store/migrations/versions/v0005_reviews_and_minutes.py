"""Notes on alerts and when they were reviewed, what alerts are searched by, and the minute maxima of scores."""

from __future__ import annotations

import json
from typing import Any

from alembic import op
from sqlalchemy import Connection, text

revision = "0005"
down_revision = "0004"

_AT_ONCE = 1_000
"""Alerts whose words are gathered at once: 2 MB of them."""

_READ = text(
    "SELECT id, opened_at, stream_id, kind, state, verdict, stream_name, message, objects "
    "FROM alerts WHERE id > :last ORDER BY id LIMIT :at_once"
)
_WRITE = text(
    "INSERT INTO alert_words (id, opened_at, stream_id, kind, state, verdict, words) "
    "VALUES (:id, :opened_at, :stream_id, :kind, :state, :verdict, :words)"
)


def upgrade() -> None:
    """Add them, and gather the words of the alerts that there are."""
    for statement in (
        "ALTER TABLE alerts ADD COLUMN note TEXT",
        "ALTER TABLE alerts ADD COLUMN reviewed_at BIGINT",
        # Each holds all that alerts are filtered by, so that what does not fit is passed over without its row.
        "DROP INDEX alerts_by_time",
        "DROP INDEX alerts_by_stream",
        "DROP INDEX alerts_by_state",
        "CREATE INDEX alerts_by_time ON alerts (opened_at, id, stream_id, kind, state, verdict)",
        "CREATE INDEX alerts_by_stream ON alerts (stream_id, opened_at, id, kind, state, verdict)",
        "CREATE INDEX alerts_by_state ON alerts (state, opened_at, id, stream_id, kind, verdict)",
        # The same columns once more, beside the words: a search reads this narrow table instead of alerts ten times
        # as wide. In the order of time on SQLite, which keeps such a table as its key's index.
        f"""CREATE TABLE alert_words (
            opened_at BIGINT NOT NULL,
            id TEXT NOT NULL UNIQUE REFERENCES alerts (id) ON DELETE CASCADE,
            stream_id TEXT NOT NULL,
            kind TEXT NOT NULL,
            state TEXT NOT NULL,
            verdict TEXT,
            words TEXT NOT NULL,
            PRIMARY KEY (opened_at, id)
        ){_without_rowid()}""",
        # No reference to streams: minutes are written in the background, also as their stream is deleted.
        f"""CREATE TABLE score_minutes (
            stream_id TEXT NOT NULL,
            minute BIGINT NOT NULL,
            score DOUBLE PRECISION,
            state TEXT NOT NULL,
            PRIMARY KEY (stream_id, minute)
        ){_without_rowid()}""",
    ):
        op.execute(statement)
    _gather_words(op.get_bind())


def _without_rowid() -> str:
    return " WITHOUT ROWID" if op.get_bind().dialect.name == "sqlite" else ""


def _gather_words(connection: Connection) -> None:
    last = ""
    while rows := connection.execute(_READ, {"last": last, "at_once": _AT_ONCE}).all():
        connection.execute(_WRITE, [{**row._mapping, "words": _words(row)} for row in rows])
        last = rows[-1].id


def _words(row: Any) -> str:
    """Everything that was said of an alert, in small letters, each line once."""
    said = [row.message, row.stream_name]
    for each in json.loads(row.objects):
        said += [each.get("caption") or "", each.get("label") or ""]
    return "\n".join(dict.fromkeys(line.casefold() for line in said if line))
