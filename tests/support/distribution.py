"""A distribution of somebody else, as far as entry points and imports go."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def write_distribution(folder: Path, name: str, code: str, groups: Mapping[str, Mapping[str, str]]) -> None:
    """Install one module under its metadata, for whom the folder is on ``sys.path``.

    Args:
        folder: Made if it is not there.
        name: Of the distribution, and of its only module.
        code: Of the module.
        groups: Entry points by name, by group.
    """
    metadata = folder / f"{name}-1.0.dist-info"
    metadata.mkdir(parents=True)
    (folder / f"{name}.py").write_text(code)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    lines = [
        line
        for group, points in groups.items()
        for line in (f"[{group}]", *(f"{point} = {value}" for point, value in points.items()))
    ]
    (metadata / "entry_points.txt").write_text("\n".join(lines) + "\n")
