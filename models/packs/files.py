"""The files of a pack: that they are inside its folder, no links, and what the manifest says."""

from __future__ import annotations

import hashlib
import re
import stat
from pathlib import Path, PurePosixPath

from models.packs.errors import PackError
from models.packs.manifest import MANIFEST, File

_MAX_MANIFEST = 1_000_000


def read_manifest(folder: Path) -> bytes:
    """What stands in a pack's manifest, up to a megabyte of it.

    Args:
        folder: The pack's.

    Raises:
        PackError: ``symlink``, ``missing_file`` or ``wrong_size``.
    """
    path = folder / MANIFEST
    if path.is_symlink():
        code, message = "symlink", f"expected a file {MANIFEST}, got a link"
        raise PackError(code, message)
    if not path.is_file():
        code, message = "missing_file", f"expected {MANIFEST} in {folder.name}, found none"
        raise PackError(code, message)
    if path.stat().st_size > _MAX_MANIFEST:
        code, message = "wrong_size", f"expected at most {_MAX_MANIFEST} bytes of {MANIFEST}"
        raise PackError(code, message)
    return path.read_bytes()


def path_inside(folder: Path, file: str) -> Path:
    """The path of a file in a pack, if it cannot lead out of it.

    Args:
        folder: The pack's.
        file: Its path in the pack, as a manifest names it.

    Raises:
        PackError: ``bad_path``.
    """
    parts = PurePosixPath(file).parts
    plain = all(re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]*", part) for part in parts)
    if not plain or "/".join(parts) != file:
        code, message = "bad_path", f"expected a plain path inside the pack, got {file!r}"
        raise PackError(code, message)
    return folder.joinpath(*parts)


def verify_file(folder: Path, file: File) -> None:
    """See that a file is there, itself and not a link, with the size and the content that the manifest says.

    Args:
        folder: The pack's.
        file: What the manifest says of it.

    Raises:
        PackError: ``bad_path``, ``symlink``, ``missing_file``, ``wrong_size`` or ``wrong_hash``.
    """
    path = path_inside(folder, file.file)
    steps = [folder.joinpath(*PurePosixPath(file.file).parts[: depth + 1]) for depth in range(file.file.count("/") + 1)]
    if any(step.is_symlink() for step in steps):
        code, message = "symlink", f"expected a file {file.file}, got a link"
        raise PackError(code, message)
    if not path.exists() or not stat.S_ISREG(path.stat().st_mode):
        code, message = "missing_file", f"expected the file {file.file}, found none"
        raise PackError(code, message)
    size = path.stat().st_size
    if size != file.bytes:
        code, message = "wrong_size", f"expected {file.bytes} bytes in {file.file}, got {size}"
        raise PackError(code, message)
    found = file_hash(path)
    if found != file.sha256:
        code, message = "wrong_hash", f"expected sha256 {file.sha256} of {file.file}, got {found}"
        raise PackError(code, message)


def file_hash(path: Path) -> str:
    """sha256 of a file, in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
