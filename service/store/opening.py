"""The database of the settings, opened for a person who starts the program: what is wrong with it is one sentence."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from service.errors import DATABASE_UNUSABLE, InvalidInput
from service.redact import redact
from service.store.database import Database, DatabaseDamaged
from service.store.file_lock import FileLock, LockTaken
from service.store.migrations import SchemaTooNew
from service.store.storage_trouble import storage_trouble

_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


def open_database(url: str) -> Database:
    """Open the database, its schema brought up to date.

    Args:
        url: As of ``Settings.database``.

    Raises:
        InvalidInput: ``database_unusable``, in words that name the file or the server.
    """
    try:
        with naming_database(url):
            database = Database(url)
    except ValueError as error:
        raise InvalidInput(DATABASE_UNUSABLE, f"{_named(url)} cannot be one: {redact(str(error))}.") from error
    try:
        with naming_database(url):
            database.check()
    except BaseException:
        database.close()
        raise
    return database


def lock_database(url: str) -> FileLock | None:
    """Take a database of SQLite for this process: two services with folders of their own may name one file.

    The lock lies beside the file, whatever links lead to it. None for a database on a server, which is not taken, and
    for a URL that cannot be one, of which ``open_database`` tells.

    Args:
        url: As of ``Settings.database``.

    Raises:
        InvalidInput: ``database_unusable``, with who has it or what is in the way.
    """
    try:
        location = make_url(url)
    except (ArgumentError, ValueError):
        return None
    if location.get_backend_name() != "sqlite" or location.database in {None, "", ":memory:"}:
        return None
    path = Path(str(location.database)).resolve()
    try:
        with naming_database(url):
            path.parent.mkdir(parents=True, exist_ok=True)
            return FileLock(path.with_name(f"{path.name}.lock"))
    except LockTaken as taken:
        msg = (
            f"{_named(url)} is in use by another Watchword{taken}. "
            "Stop that one, or give this one a database of its own (WATCHWORD_DATABASE_URL)."
        )
        raise InvalidInput(DATABASE_UNUSABLE, msg) from None


@contextmanager
def naming_database(url: str) -> Iterator[None]:
    """Turn what goes wrong with the database into a sentence that names it.

    Raises:
        InvalidInput: ``database_unusable``.
    """
    try:
        yield
    except SchemaTooNew as error:
        raise InvalidInput(DATABASE_UNUSABLE, f"{_named(url)} is of a newer version: {error}.") from error
    except DatabaseDamaged as error:
        raise InvalidInput(DATABASE_UNUSABLE, f"{_named(url)} {_damaged(str(error))}") from error
    except (SQLAlchemyError, OSError, ImportError) as error:
        raise InvalidInput(DATABASE_UNUSABLE, f"{_named(url)} {_why(error)}") from error


def _named(url: str) -> str:
    """The database as a person knows it, without its password."""
    try:
        location = make_url(url)
    except ArgumentError:
        return "The database of WATCHWORD_DATABASE_URL"
    if location.get_backend_name() == "sqlite" and location.database:
        return f"The database {Path(location.database).resolve()}"
    return f"The database {redact(location.render_as_string(hide_password=True))}"


def _damaged(what: str) -> str:
    return f"is damaged ({what[:200]}). Restore it from a backup, or move it away to begin anew."


def _why(error: Exception) -> str:
    cause = getattr(error, "orig", None) or error
    said = redact(" ".join(str(getattr(cause, "strerror", None) or cause).split()))[:200].rstrip(".")
    if trouble := storage_trouble(error):
        return f"cannot be written: {trouble.said}"
    code = (getattr(cause, "sqlite_errorcode", None) or 0) & 0xFF
    if code in _DAMAGED:
        return _damaged(said)
    if code == sqlite3.SQLITE_BUSY:
        return "is in use by another program, which keeps it locked."
    if isinstance(cause, ImportError):
        return "needs a driver that is not installed: pip install 'watchword[postgres]'."
    if isinstance(cause, ArgumentError):
        return f"cannot be one: {said}."
    return f"cannot be opened: {said}."
