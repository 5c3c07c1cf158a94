"""Streams, their secrets and pending enrolments, alerts, and the outbox.

Times are microseconds since 1970, UTC: exact, ordered, and the same on both databases.
"""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the first tables."""
    serial = {
        "sqlite": "INTEGER PRIMARY KEY AUTOINCREMENT",
        "postgresql": "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
    }[op.get_bind().dialect.name]
    for statement in (
        """CREATE TABLE streams (
            id TEXT PRIMARY KEY,
            spec TEXT NOT NULL,
            created_at BIGINT NOT NULL,
            updated_at BIGINT NOT NULL
        )""",
        """CREATE TABLE secrets (
            stream_id TEXT PRIMARY KEY REFERENCES streams (id) ON DELETE CASCADE,
            url TEXT NOT NULL
        )""",
        """CREATE TABLE pending_enrolments (
            stream_id TEXT PRIMARY KEY REFERENCES streams (id) ON DELETE CASCADE,
            spec TEXT NOT NULL
        )""",
        # No reference to streams: alerts outlive the stream they came from.
        """CREATE TABLE alerts (
            id TEXT PRIMARY KEY,
            stream_id TEXT NOT NULL,
            stream_name TEXT NOT NULL,
            kind TEXT NOT NULL,
            state TEXT NOT NULL,
            opened_at BIGINT NOT NULL,
            updated_at BIGINT NOT NULL,
            closed_at BIGINT,
            opened_pts DOUBLE PRECISION,
            closed_pts DOUBLE PRECISION,
            peak_score DOUBLE PRECISION,
            peak_at BIGINT,
            threshold DOUBLE PRECISION,
            heads TEXT NOT NULL,
            objects TEXT NOT NULL,
            message TEXT NOT NULL,
            verdict TEXT,
            snapshot TEXT,
            clip TEXT,
            revision INTEGER NOT NULL
        )""",
        "CREATE INDEX alerts_by_time ON alerts (opened_at, id)",
        "CREATE INDEX alerts_by_stream ON alerts (stream_id, opened_at, id)",
        "CREATE INDEX alerts_by_state ON alerts (state, opened_at, id)",
        f"""CREATE TABLE outbox (
            id {serial},
            sink TEXT NOT NULL,
            alert_id TEXT NOT NULL,
            event_id TEXT NOT NULL,
            event TEXT NOT NULL,
            attempts INTEGER NOT NULL,
            next_at BIGINT NOT NULL,
            UNIQUE (sink, event_id)
        )""",
        "CREATE INDEX outbox_by_alert ON outbox (sink, alert_id, id)",
    ):
        op.execute(statement)
