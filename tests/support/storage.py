"""A disk that takes no more: a limit on how large a file of this process may grow."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def full_disk(folder: Path, most: int | None = None) -> Iterator[None]:
    """No file of this process may grow; Python ignores the signal that comes with it.

    Args:
        folder: Beyond the largest file in it.
        most: Beyond so many bytes instead.
    """
    largest = max((path.stat().st_size for path in folder.rglob("*") if path.is_file()), default=0)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest if most is None else most, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
