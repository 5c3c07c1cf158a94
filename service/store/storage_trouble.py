"""Errors that say the disk takes no more: full, over quota, read-only, or failing. In words, with what to do."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Kind = Literal["full", "read_only", "failing"]

_SAID: Mapping[Kind, tuple[str, str]] = {
    "full": ("The disk of the data folder is full.", "Make room there; nothing needs to be restarted."),
    "read_only": ("The data folder is read-only.", "Make it writable again; nothing needs to be restarted."),
    "failing": ("The disk of the data folder reports an error.", "Look at the system's log."),
}
"""What is wrong, and what to do while the service runs."""

_ERRNO: Mapping[int, Kind] = {
    errno.ENOSPC: "full",
    errno.EDQUOT: "full",
    errno.EFBIG: "full",
    errno.EROFS: "read_only",
    errno.EACCES: "read_only",
    errno.EPERM: "read_only",
    errno.EIO: "failing",
}

_SQLITE: Mapping[int, Kind] = {
    sqlite3.SQLITE_FULL: "full",
    sqlite3.SQLITE_READONLY: "read_only",
    sqlite3.SQLITE_IOERR: "failing",
}
"""By the primary code, the lowest byte."""

_CANNOT_WRITE = {sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_SHMSIZE, sqlite3.SQLITE_IOERR_TRUNCATE}
"""Extended codes of a file that did not grow: over a limit of its size, say. SQLite has no word for that."""

_LEAST_BYTES = 1 << 20
"""With less the next alert has no room: a picture takes 0.1 MB, and SQLite writes pages twice."""

_POSTGRESQL: Mapping[str, Kind] = {"53100": "full", "25006": "read_only", "58030": "failing"}
"""By ``sqlstate``: disk_full, read_only_sql_transaction (as after a failover), io_error."""


@dataclass(frozen=True, slots=True)
class StorageTrouble:
    """Why nothing can be stored now.

    Attributes:
        kind: What it is.
    """

    kind: Kind

    @property
    def said(self) -> str:
        """What it is, in a sentence."""
        return _SAID[self.kind][0]

    @property
    def detail(self) -> str:
        """The same, and what to do while the service runs."""
        return " ".join(_SAID[self.kind])


def folder_trouble(folder: Path) -> StorageTrouble | None:
    """What can be seen of a folder's disk without writing to it: that it is full, or mounted to be read only."""
    try:
        found = os.statvfs(folder)
    except OSError as error:
        return storage_trouble(error)
    if found.f_flag & os.ST_RDONLY:
        return StorageTrouble("read_only")
    if found.f_bavail * found.f_frsize < _LEAST_BYTES:
        return StorageTrouble("full")
    return None if os.access(folder, os.W_OK | os.X_OK) else StorageTrouble("read_only")


def storage_trouble(error: BaseException) -> StorageTrouble | None:
    """What an error says of the disk; None if it says nothing of it.

    Args:
        error: Of the file system, of a database's driver, or SQLAlchemy's around that.
    """
    cause = getattr(error, "orig", None) or error
    kind = _kind(cause)
    return None if kind is None else StorageTrouble(kind)


def _kind(cause: object) -> Kind | None:
    if isinstance(cause, sqlite3.Error):
        code = getattr(cause, "sqlite_errorcode", None) or 0
        return "full" if code in _CANNOT_WRITE else _SQLITE.get(code & 0xFF)
    if isinstance(cause, OSError):
        return _ERRNO.get(cause.errno or 0)
    return _POSTGRESQL.get(str(getattr(cause, "sqlstate", "")))
