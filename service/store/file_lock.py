"""A lock that belongs to one process at a time, and to nobody once that process has ended, however it ended."""

from __future__ import annotations

import errno
import fcntl
import json
import logging
import os
import socket
from datetime import UTC, datetime
from pathlib import Path

logger = logging.getLogger(__name__)

_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL}
"""Some network file systems have no locks. There nobody is refused, and the log says so."""

_MOST = 1_000
"""Bytes that are read of what the other process wrote."""


class LockTaken(Exception):
    """Another process has it. The message says who, in words that follow "another Watchword"; empty if unknown."""


class FileLock:
    """A file that is locked from its making to ``close``. It stays there: who deleted it could delete another's.

    The kernel frees it with the process, also after ``kill -9``. It is held by the file and not by the process
    (``flock``), so that two services in one process exclude each other too.
    """

    def __init__(self, path: Path) -> None:
        """Take it at once or not at all.

        Raises:
            LockTaken: If another has it.
            OSError: If the file cannot be made.
        """
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
        try:
            _take(descriptor, path)
            _sign(descriptor, path)
        except BaseException:
            os.close(descriptor)
            raise
        self._descriptor: int | None = descriptor

    def close(self) -> None:
        """Give it back. Idempotent."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)


def _take(descriptor: int, path: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise LockTaken(_holder(descriptor)) from None
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        text = "the file system of %s has no locks (%s): see to it that only one Watchword uses that folder"
        logger.warning(text, path.parent.resolve(), error.strerror)


def _sign(descriptor: int, path: Path) -> None:
    """Write who has it, for those who come later. On a full disk they are told less."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    said = json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "since": now})
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, said.encode(), 0)
    except OSError as error:
        logger.warning("the lock %s does not say who has it: %s", path, error.strerror)


def _holder(descriptor: int) -> str:
    try:
        said = json.loads(os.pread(descriptor, _MOST, 0))
        return f": process {int(said['pid'])} on {str(said['host'])[:80]}, since {str(said['since'])[:40]}"
    except (OSError, ValueError, KeyError, TypeError):
        return ""
