"""Data sets in their published layouts: one adapter a file, and one function that recognises which."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

from training.datasets import avenue, labelled, shanghaitech, ubnormal, ucf_crime, ucsd, virtual
from training.datasets.base import Clip, Dataset, DatasetError, LabelledClip, Regions, Truth

__all__ = ["ADAPTERS", "Clip", "Dataset", "DatasetError", "LabelledClip", "Regions", "Truth", "open_dataset"]

ADAPTERS: dict[str, ModuleType] = {
    adapter.KIND: adapter for adapter in (virtual, labelled, ucsd, avenue, shanghaitech, ubnormal, ucf_crime)
}
"""By kind. Each has ``LOOKS_FOR`` (a sentence), ``matches(root)`` and ``read(root)``."""


def open_dataset(path: Path | str, kind: str | None = None) -> Dataset:
    """Read a data set's structure; truth is read when asked for.

    Args:
        path: Its folder.
        kind: Which adapter, a key of ``ADAPTERS``; None recognises it by its layout.

    Raises:
        DatasetError: If the folder has no known layout, or lacks what its layout promises.
    """
    root = Path(path)
    if not root.is_dir():
        msg = f"expected the folder of a data set at {root}, which is not a folder"
        raise DatasetError(msg)
    adapter = ADAPTERS[_checked(kind)] if kind is not None else _recognise(root)
    dataset: Dataset = adapter.read(root)
    for split, clips in (("training", dataset.train), ("test", dataset.test)):
        if not clips:
            msg = f"{root}: expected {split} clips of the kind {dataset.kind}, got none"
            raise DatasetError(msg)
    return dataset


def _checked(kind: str) -> str:
    if kind not in ADAPTERS:
        msg = f"expected a kind of data set ({', '.join(ADAPTERS)}), got {kind!r}"
        raise DatasetError(msg)
    return kind


def _recognise(root: Path) -> ModuleType:
    for adapter in ADAPTERS.values():
        if adapter.matches(root):
            return adapter
    wanted = "".join(f"\n  {kind}: {adapter.LOOKS_FOR}" for kind, adapter in ADAPTERS.items())
    inside = ", ".join(sorted(path.name for path in root.iterdir())[:8]) or "nothing"
    msg = f"{root} has none of the known layouts. Looked for:{wanted}\nFound: {inside}"
    raise DatasetError(msg)
