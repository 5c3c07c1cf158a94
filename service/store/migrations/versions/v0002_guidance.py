"""Rules in words, who changed them, and what false alarms taught."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the tables of guidance."""
    serial, blob = {
        "sqlite": ("INTEGER PRIMARY KEY AUTOINCREMENT", "BLOB"),
        "postgresql": ("BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY", "BYTEA"),
    }[op.get_bind().dialect.name]
    for statement in (
        """CREATE TABLE guidance (
            id TEXT PRIMARY KEY,
            stream_id TEXT NOT NULL REFERENCES streams (id) ON DELETE CASCADE,
            spec TEXT NOT NULL,
            created_at BIGINT NOT NULL,
            updated_at BIGINT NOT NULL
        )""",
        "CREATE INDEX guidance_by_stream ON guidance (stream_id, created_at, id)",
        # No reference to streams or rules: who changed what outlives both.
        f"""CREATE TABLE guidance_audit (
            id {serial},
            stream_id TEXT NOT NULL,
            rule_id TEXT NOT NULL,
            at BIGINT NOT NULL,
            who TEXT NOT NULL,
            action TEXT NOT NULL,
            before TEXT,
            after TEXT,
            created_at BIGINT NOT NULL,
            undoes BIGINT
        )""",
        "CREATE INDEX guidance_audit_by_stream ON guidance_audit (stream_id, id)",
        "CREATE INDEX guidance_audit_by_rule ON guidance_audit (rule_id, id)",
        # No reference to streams: an alert is recorded as its stream is deleted, and must not fail for that.
        f"""CREATE TABLE alert_clips (
            alert_id TEXT PRIMARY KEY REFERENCES alerts (id) ON DELETE CASCADE,
            stream_id TEXT NOT NULL,
            encoder TEXT NOT NULL,
            dim INTEGER NOT NULL,
            clips {blob} NOT NULL,
            recorded_at BIGINT NOT NULL
        )""",
        "CREATE INDEX alert_clips_by_time ON alert_clips (recorded_at, alert_id)",
        # No reference to alerts: what was taught outlives the oldest alerts, which go.
        f"""CREATE TABLE taught (
            alert_id TEXT PRIMARY KEY,
            stream_id TEXT NOT NULL REFERENCES streams (id) ON DELETE CASCADE,
            encoder TEXT NOT NULL,
            dim INTEGER NOT NULL,
            clips {blob} NOT NULL,
            radius DOUBLE PRECISION NOT NULL,
            taught_at BIGINT NOT NULL
        )""",
        "CREATE INDEX taught_by_stream ON taught (stream_id, taught_at)",
    ):
        op.execute(statement)
