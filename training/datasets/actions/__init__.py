"""Data sets of actions in their published layouts: one adapter a file, and one function that recognises which."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

from training.datasets.actions import hmdb51, kinetics400, kth, ucf_sports, weizmann
from training.datasets.actions.base import SPLITS, ActionDataset, ActionSample, Boxes, Split
from training.datasets.base import DatasetError

__all__ = ["ADAPTERS", "SPLITS", "ActionDataset", "ActionSample", "Boxes", "Split", "open_actions"]

ADAPTERS: dict[str, ModuleType] = {
    adapter.KIND: adapter for adapter in (hmdb51, ucf_sports, kth, kinetics400, weizmann)
}
"""By kind. Each has ``LOOKS_FOR`` (a sentence), ``matches(root)`` and ``read(root)``."""


def open_actions(path: Path | str, kind: str | None = None) -> ActionDataset:
    """Read the structure of a data set of actions; clips and boxes are read when asked for.

    Args:
        path: Its folder.
        kind: Which adapter, a key of ``ADAPTERS``; None recognises it by its layout.

    Raises:
        DatasetError: If the folder has no known layout, or lacks what its layout promises.
    """
    root = Path(path)
    if not root.is_dir():
        msg = f"expected the folder of a data set of actions at {root}, which is not a folder"
        raise DatasetError(msg)
    if kind is not None and kind not in ADAPTERS:
        msg = f"expected a kind of data set ({', '.join(ADAPTERS)}), got {kind!r}"
        raise DatasetError(msg)
    adapter = ADAPTERS[kind] if kind is not None else _recognise(root)
    dataset: ActionDataset = adapter.read(root)
    if not len(dataset):
        msg = f"{root}: expected samples of {dataset.name}, got none; looked for {adapter.LOOKS_FOR}"
        raise DatasetError(msg)
    return dataset


def _recognise(root: Path) -> ModuleType:
    for adapter in ADAPTERS.values():
        if adapter.matches(root):
            return adapter
    wanted = "".join(f"\n  {kind}: {adapter.LOOKS_FOR}" for kind, adapter in ADAPTERS.items())
    inside = ", ".join(sorted(path.name for path in root.iterdir())[:8]) or "nothing"
    msg = f"{root} has none of the known layouts of actions. Looked for:{wanted}\nFound: {inside}"
    raise DatasetError(msg)
