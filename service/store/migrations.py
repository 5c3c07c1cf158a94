"""The schema's history: what takes a database from each version to the next, in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import Connection, text

Migration = Callable[[Connection], None]
"""Takes the schema one version further. Runs inside the caller's transaction and never changes once released."""

_LOCK = 0x77_61_74_63_68
"""Key of the PostgreSQL advisory lock that keeps two starting processes from migrating at once."""


class SchemaTooNew(RuntimeError):
    """The database was used by a newer version of the program, which this one could only damage."""


def migrate(connection: Connection, migrations: Sequence[Migration]) -> int:
    """Bring the schema up to date and return its version, the number of migrations it has had.

    Args:
        connection: In a transaction that may write; if a migration fails, roll it back and nothing has changed.
        migrations: All of them, oldest first.

    Raises:
        SchemaTooNew: If the database has had more migrations than there are.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    connection.execute(text("CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL)"))
    version = connection.execute(text("SELECT version FROM schema_version")).scalar()
    if version is None:
        version = 0
        connection.execute(text("INSERT INTO schema_version (version) VALUES (0)"))
    if version > len(migrations):
        msg = (
            f"expected a database of schema version {len(migrations)} or older, got {version}: start the newer program"
        )
        raise SchemaTooNew(msg)
    for migration in migrations[version:]:
        migration(connection)
    connection.execute(text("UPDATE schema_version SET version = :version"), {"version": len(migrations)})
    return len(migrations)


def _create_tables(connection: Connection) -> None:
    """Version 1. Times are microseconds since 1970, UTC: exact, ordered, and the same on both databases."""
    serial = {
        "sqlite": "INTEGER PRIMARY KEY AUTOINCREMENT",
        "postgresql": "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
    }[connection.dialect.name]
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
        connection.execute(text(statement))


def _add_guidance(connection: Connection) -> None:
    """Version 2: rules in words, who changed them, and what false alarms taught."""
    serial, blob = {
        "sqlite": ("INTEGER PRIMARY KEY AUTOINCREMENT", "BLOB"),
        "postgresql": ("BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY", "BYTEA"),
    }[connection.dialect.name]
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
        connection.execute(text(statement))


def _add_edited_at(connection: Connection) -> None:
    """Version 3: when what a rule says or does was last changed, apart from when it was last written."""
    for statement in (
        "ALTER TABLE guidance ADD COLUMN edited_at BIGINT NOT NULL DEFAULT 0",
        "UPDATE guidance SET edited_at = updated_at",
        "ALTER TABLE guidance_audit ADD COLUMN edited_at BIGINT NOT NULL DEFAULT 0",
        # What it was before these edits was not kept: to undo one puts the rule back to its making.
        "UPDATE guidance_audit SET edited_at = created_at",
    ):
        connection.execute(text(statement))


MIGRATIONS: tuple[Migration, ...] = (_create_tables, _add_guidance, _add_edited_at)
