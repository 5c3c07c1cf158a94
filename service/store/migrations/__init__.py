"""The schema's history: Alembic takes a database from each version to the next, in one transaction, forward only."""

from __future__ import annotations

import threading
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

MIGRATIONS = Path(__file__).parent
"""Alembic's folder: ``env.py``, and in ``versions/`` one file a revision. Released ones never change."""

_LOCK = 0x77_61_74_63_68
"""Key of the PostgreSQL advisory lock that keeps two starting processes from migrating at once."""

_COUNTED_BY_HAND = 3
"""The last version that was counted in a table of our own, ``schema_version``; from the next on Alembic's counts."""

_one_at_a_time = threading.Lock()
"""Alembic keeps what it is working on in module globals, so one thread of a process may use it at a time."""


class SchemaTooNew(RuntimeError):
    """The database was used by a newer version of the program, which this one could only damage."""


def migrate(connection: Connection, folder: Path = MIGRATIONS) -> str:
    """Bring the schema up to date and return its version, the newest revision.

    Args:
        connection: In a transaction that may write; if a migration fails, roll it back and nothing has changed.
        folder: Where Alembic's files are.

    Raises:
        SchemaTooNew: If the database has had a migration that is not there.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    with _one_at_a_time:
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(folder).replace("%", "%%"))  # a Config reads % as a reference
        scripts = ScriptDirectory.from_config(config)
        newest = str(scripts.get_current_head())
        counted = _take_over(connection)
        if counted is not None:
            command.stamp(config, counted)
        known = {script.revision for script in scripts.walk_revisions()}
        heads = MigrationContext.configure(connection).get_current_heads()
        for revision in heads:
            if revision not in known:
                raise _too_new(newest, revision)
        if not heads and inspect(connection).has_table("streams"):
            # To make the schema would fail at its first table, in words that say nothing of why.
            raise SchemaTooNew(
                f"expected a database of schema version {newest} or older, got tables whose version is kept in a way "
                "that this program does not know: start the newer program"
            )
        command.upgrade(config, "head")
    return newest


def _take_over(connection: Connection) -> str | None:
    """The revision of a database from before Alembic, whose own table is then gone; None if it is none or empty."""
    if not inspect(connection).has_table("schema_version"):
        return None
    version = connection.execute(text("SELECT version FROM schema_version")).scalar() or 0
    if version > _COUNTED_BY_HAND:
        raise _too_new(f"{_COUNTED_BY_HAND:04d}", f"{version:04d}")
    connection.execute(text("DROP TABLE schema_version"))
    return f"{version:04d}" if version else None


def _too_new(newest: str, found: str) -> SchemaTooNew:
    return SchemaTooNew(
        f"expected a database of schema version {newest} or older, got {found}: start the newer program"
    )
