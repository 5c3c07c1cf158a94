"""A disk that takes no more: a limit on how large a file of this process may grow."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def full_disk(folder: Path, room: int = 0) -> Iterator[None]:
    """No file may grow beyond the largest in the folder and so many bytes more; Python ignores the signal for it."""
    largest = max((path.stat().st_size for path in folder.rglob("*") if path.is_file()), default=0)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest + room, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
