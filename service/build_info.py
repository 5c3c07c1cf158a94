"""Which program this is: its version, and the commit that it was built from where that is known."""

from __future__ import annotations

import json
import re
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path

API_VERSION = "1"
"""Raised by a change that programs written against the API before it would trip over."""

_ROOT = Path(__file__).parents[1]
_HASH = re.compile(r"[0-9a-f]{40,64}")


def program_version() -> str:
    """The version of the installed distribution."""
    return version("watchword")


def commit(root: Path = _ROOT) -> str | None:
    """The commit of the checkout that this runs from, or that it was installed from; None where nobody knows.

    Args:
        root: The folder that holds this package.
    """
    return _of_checkout(root) or _of_installation()


def _of_checkout(root: Path) -> str | None:
    """What ``HEAD`` of a checkout (or of a further worktree of one) leads to."""
    try:
        folder = _git_folder(root / ".git")
        head = (folder / "HEAD").read_text().strip()
        if _HASH.fullmatch(head):
            return head
        name = head.removeprefix("ref: ")
        shared = _shared(folder)
        for place in (folder, shared):
            if (place / name).is_file():
                return _checked((place / name).read_text().strip())
        packed = (line.split() for line in (shared / "packed-refs").read_text().splitlines())
        return next((_checked(fields[0]) for fields in packed if fields[1:] == [name]), None)
    except (OSError, UnicodeDecodeError):
        return None


def _git_folder(path: Path) -> Path:
    """Itself, or where a file in its place leads."""
    if path.is_dir():
        return path
    return path.parent / path.read_text().strip().removeprefix("gitdir: ")


def _shared(folder: Path) -> Path:
    """Where all worktrees of a repository have their branches."""
    common = folder / "commondir"
    return folder / common.read_text().strip() if common.is_file() else folder


def _of_installation() -> str | None:
    """What pip notes of an installation from a repository (PEP 610)."""
    try:
        noted = json.loads(distribution("watchword").read_text("direct_url.json") or "{}")
        return _checked(noted["vcs_info"]["commit_id"])
    except (PackageNotFoundError, ValueError, KeyError, TypeError):
        return None


def _checked(text: str) -> str | None:
    return text if _HASH.fullmatch(text) else None
