"""The database: one engine, transactions, and the schema brought up to date at start."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine import URL
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

from service.store.migrations import MIGRATIONS, migrate

_WRITES = "watchword_writes"


class Database:
    """SQLite or PostgreSQL, by URL. Thread-safe: every transaction takes a connection of its own.

    SQLite runs in WAL mode, so that readers (the API) and the one writer of the moment never wait for each
    other; with full synchronisation, because an alert that was committed must survive a power cut; and with
    deleted rows overwritten, because some of them held credentials. Its file is readable by its owner only.
    """

    def __init__(self, url: str, busy_timeout_s: float = 5.0, migrations: Path = MIGRATIONS) -> None:
        """Open the database and bring its schema up to date.

        Args:
            url: SQLAlchemy URL, ``sqlite:///FILE`` or ``postgresql://...``.
            busy_timeout_s: How long a statement waits for another process's lock on SQLite.
            migrations: Alembic's folder, of what makes the schema.

        Raises:
            ValueError: If the URL names no SQLite file and no PostgreSQL database.
            SchemaTooNew: If a newer version of the program has used this database.
            sqlalchemy.exc.SQLAlchemyError: If it cannot be opened.
        """
        self._engine = _open(make_url(url), busy_timeout_s)
        with self.transaction() as connection:
            migrate(connection, migrations)

    @property
    def engine(self) -> Engine:
        """The engine, for what looks at the schema itself."""
        return self._engine

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A connection in a transaction that may write: commits at the end, rolls back on an exception."""
        with self._engine.connect().execution_options(**{_WRITES: True}) as connection, connection.begin():
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection in a transaction that only reads: one consistent view, no lock that a writer minds."""
        with self._engine.connect() as connection, connection.begin():
            yield connection

    def close(self) -> None:
        """Close every pooled connection. Idempotent."""
        self._engine.dispose()


def _open(url: URL, busy_timeout_s: float) -> Engine:
    if url.get_backend_name() == "postgresql":
        # pool_pre_ping: a restarted server leaves dead connections in the pool, and the first statement on
        # each would fail.
        return create_engine(url.set(drivername="postgresql+psycopg"), pool_pre_ping=True)
    if url.get_backend_name() != "sqlite" or url.database in {None, "", ":memory:"}:
        msg = f"expected a database URL like sqlite:///FILE or postgresql://HOST/NAME, got a {url.drivername!r} one"
        raise ValueError(msg)
    _create_private(Path(str(url.database)))
    engine = create_engine(url, connect_args={"timeout": busy_timeout_s, "check_same_thread": False})
    event.listen(engine, "connect", _configure_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _create_private(path: Path) -> None:
    """Make the file before SQLite does: SQLite gives it, its WAL and its index the mode it finds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    path.chmod(0o600)


def _configure_sqlite(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    # The driver's own transactions begin late and commit before DDL; SQLAlchemy's begin event replaces them.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "secure_delete = ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that reads first and writes later cannot wait for a lock: SQLite refuses it at once. So
    # those that may write take the write lock at their start, where the busy timeout applies.
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
