"""The database: one engine, transactions, and the schema brought up to date at start."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine import URL
from sqlalchemy.engine.interfaces import DBAPIConnection, DBAPICursor
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from service.store.migrations import MIGRATIONS, migrate
from service.store.storage_trouble import StorageTrouble, storage_trouble

_WRITES = "watchword_writes"

_OPENING_S = 60.0
"""How long an opening waits for whoever migrates the same SQLite file, which takes longer than any statement."""

_WAL_RETRY_S = 0.01


class DatabaseDamaged(RuntimeError):
    """The file is no whole database any more; the message says what SQLite found."""


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
            busy_timeout_s: How long a statement waits for another process's lock on SQLite. The opening itself waits
                for a minute at least: several that start at once migrate one after another.
            migrations: Alembic's folder, of what makes the schema.

        Raises:
            ValueError: If the URL names no SQLite file and no PostgreSQL database.
            SchemaTooNew: If a newer version of the program has used this database.
            sqlalchemy.exc.SQLAlchemyError: If it cannot be opened.
        """
        location = make_url(url)
        opening = _open(location, max(busy_timeout_s, _OPENING_S))
        try:
            with _writing(opening) as connection:
                migrate(connection, migrations)
        finally:
            opening.dispose()
        self._engine = _open(location, busy_timeout_s)
        self._trouble: StorageTrouble | None = None

    @property
    def trouble(self) -> StorageTrouble | None:
        """Why the last transaction that was to write could not; None once one could again."""
        return self._trouble

    def try_to_write(self) -> StorageTrouble | None:
        """Change nothing in a transaction that writes, and return as ``trouble`` what came of it."""
        try:
            with self.transaction() as connection:
                connection.exec_driver_sql("UPDATE alembic_version SET version_num = version_num")
        except SQLAlchemyError as error:
            return storage_trouble(error)
        return None

    @property
    def engine(self) -> Engine:
        """The engine, for what looks at the schema itself."""
        return self._engine

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A connection in a transaction that may write: commits at the end, rolls back on an exception."""
        try:
            with _writing(self._engine) as connection:
                yield connection
        except (SQLAlchemyError, OSError) as error:
            self._trouble = storage_trouble(error) or self._trouble
            raise
        self._trouble = None

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection in a transaction that only reads: one consistent view, no lock that a writer minds."""
        with self._engine.connect() as connection, connection.begin():
            yield connection

    def check(self) -> None:
        """Look over a file of SQLite, which takes 0.4 s for 100 MB; a server looks after its own.

        Raises:
            DatabaseDamaged: If a part of it cannot be what was written.
            sqlalchemy.exc.SQLAlchemyError: If it cannot be read.
        """
        if self._engine.dialect.name != "sqlite":
            return
        with self.reading() as connection:
            found = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one()
        if found != "ok":
            raise DatabaseDamaged(" ".join(str(found).split()))

    def close(self) -> None:
        """Close every pooled connection. Idempotent."""
        self._engine.dispose()


@contextmanager
def _writing(engine: Engine) -> Iterator[Connection]:
    with engine.connect().execution_options(**{_WRITES: True}) as connection, connection.begin():
        yield connection


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
    _keep_write_ahead_log(cursor)
    for pragma in ("synchronous = FULL", "foreign_keys = ON", "secure_delete = ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _keep_write_ahead_log(cursor: DBAPICursor) -> None:
    """Have the file keep a write-ahead log. One that already does needs no lock for it.

    The busy timeout does not apply to the change: it reads first and writes then, and SQLite refuses that at once
    while another process does the same. So the waiting is done here, as long as the connection's timeout says.
    """
    cursor.execute("PRAGMA busy_timeout")
    (timeout_ms,) = cursor.fetchone() or (0,)
    end = time.monotonic() + timeout_ms / 1000
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() >= end:
                raise
            time.sleep(_WAL_RETRY_S)
        else:
            return


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that reads first and writes later cannot wait for a lock: SQLite refuses it at once. So
    # those that may write take the write lock at their start, where the busy timeout applies.
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
