"""The data folder belongs to one process at a time, and to nobody once that process has ended, however it ended."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from service.errors import DATA_FOLDER_IN_USE, DATA_FOLDER_UNUSABLE, InvalidInput
from service.store.file_lock import FileLock, LockTaken

NAME = "watchword.lock"
"""The lock in the folder."""

FOLDERS = ("profiles", "snapshots", "packs", "engines")
"""What is kept beside the database, each made when there is something to keep."""


class DataFolder:
    """The folder, made and looked over, and held by a `FileLock` from then to ``close``."""

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
            self._lock = FileLock(folder / NAME)
        except LockTaken as taken:
            msg = (
                f"The data folder {shown} is in use by another Watchword{taken}. "
                "Stop that one, or give this one a folder of its own (--data-dir, WATCHWORD_DATA_DIR)."
            )
            raise InvalidInput(DATA_FOLDER_IN_USE, msg) from None
        except OSError as error:
            if isinstance(error, FileExistsError | NotADirectoryError):
                msg = f"The data folder {shown} cannot be used: {error.filename or shown} is a file, not a folder."
            else:
                msg = f"The data folder {shown} cannot be used: {error.filename or shown}: {error.strerror}."
            raise InvalidInput(DATA_FOLDER_UNUSABLE, msg) from error

    def close(self) -> None:
        """Give it back. Idempotent."""
        self._lock.close()


def _check(folder: Path) -> None:
    """Raise what writing into this folder would raise, if it is there."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder))
    if not os.access(folder, os.W_OK | os.X_OK):
        number = errno.EROFS if os.statvfs(folder).f_flag & os.ST_RDONLY else errno.EACCES
        raise OSError(number, os.strerror(number), str(folder))
