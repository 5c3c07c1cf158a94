"""Where the results of a clip go: its name may hold what no file name may."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

_PLAIN = " !#$&'()+,;=@[]^`{}~"
"""Kept as they are in file names, beside letters, digits, ``_.-`` and everything beyond ASCII."""


def result_path(folder: Path, name: str, suffix: str) -> Path:
    """The file of a clip's results: ``cam1/001`` has its own in a folder ``cam1``, and none leads out of ``folder``.

    Args:
        folder: Of all clips.
        name: Of the clip, as its data set has it; different names give different files.
        suffix: Of the file, such as ``.csv``.
    """
    *above, last = [_part(part) for part in name.split("/")]
    return folder.joinpath(*above, f"{last}{suffix}")


def _part(part: str) -> str:
    """One level of a name as a file name. Empty ones and dots, which mean folders, are spelled out."""
    if part.strip(".") == "":
        return "%2E" * len(part) or "%"
    return "".join(each if each.isalnum() else quote(each, safe=_PLAIN) for each in part)
