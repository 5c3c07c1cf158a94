"""The data folder belongs to one process at a time, and to nobody once that process has ended, however it ended."""

from __future__ import annotations

import errno
import fcntl
import json
import logging
import os
import socket
from datetime import UTC, datetime
from pathlib import Path

from service.errors import DATA_FOLDER_IN_USE, DATA_FOLDER_UNUSABLE, InvalidInput

logger = logging.getLogger(__name__)

NAME = "watchword.lock"
"""The file in the folder. It stays there: whoever deleted it could delete that of a process that has just begun."""

_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL}
"""Some network file systems have no locks. There nobody is refused, and the log says so."""

_MOST = 1_000
"""Bytes that are read of what the other process wrote."""


FOLDERS = ("profiles", "snapshots", "packs", "engines")
"""What is kept beside the database, each made when there is something to keep."""


class DataFolder:
    """The folder, made and looked over, and held from then to ``close``.

    The kernel frees it with the process, also after ``kill -9``. It is held by the file and not by the process
    (``flock``), so that two services in one process exclude each other too.
    """

    def __init__(self, folder: Path) -> None:
        """Take it at once or not at all.

        Raises:
            InvalidInput: ``data_folder_in_use``, with who has it; ``data_folder_unusable``, with what is in the way.
        """
        self.path = folder
        shown = folder.resolve()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for name in FOLDERS:
                _check(folder / name)
            descriptor = os.open(folder / NAME, os.O_CREAT | os.O_RDWR, 0o600)
        except OSError as error:
            if isinstance(error, FileExistsError | NotADirectoryError):
                msg = f"The data folder {shown} cannot be used: {error.filename or shown} is a file, not a folder."
            else:
                msg = f"The data folder {shown} cannot be used: {error.filename or shown}: {error.strerror}."
            raise InvalidInput(DATA_FOLDER_UNUSABLE, msg) from error
        try:
            _take(descriptor, folder)
            _sign(descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        self._descriptor: int | None = descriptor

    def close(self) -> None:
        """Give it back. Idempotent."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)


def _check(folder: Path) -> None:
    """Raise what writing into this folder would raise, if it is there."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder))
    if not os.access(folder, os.W_OK | os.X_OK):
        number = errno.EROFS if os.statvfs(folder).f_flag & os.ST_RDONLY else errno.EACCES
        raise OSError(number, os.strerror(number), str(folder))


def _take(descriptor: int, folder: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        msg = (
            f"The data folder {folder.resolve()} is in use by another Watchword{_holder(descriptor)}. "
            "Stop that one, or give this one a folder of its own (--data-dir, WATCHWORD_DATA_DIR)."
        )
        raise InvalidInput(DATA_FOLDER_IN_USE, msg) from None
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        text = "the file system of %s has no locks (%s): see to it that only one Watchword uses that folder"
        logger.warning(text, folder.resolve(), error.strerror)


def _sign(descriptor: int) -> None:
    """Write who has it, for those who come later. On a full disk they are told less."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    said = json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "since": now})
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, said.encode(), 0)
    except OSError as error:
        logger.warning("the lock of the data folder does not say who has it: %s", error.strerror)


def _holder(descriptor: int) -> str:
    """Who has it, in words that follow "another Watchword"; empty if it did not say."""
    try:
        said = json.loads(os.pread(descriptor, _MOST, 0))
        return f": process {int(said['pid'])} on {str(said['host'])[:80]}, since {str(said['since'])[:40]}"
    except (OSError, ValueError, KeyError, TypeError):
        return ""
