"""Weizmann: nine people, ten actions, one still camera.

Gorelick, Blank, Shechtman, Irani, Basri: Actions as Space-Time Shapes, TPAMI 2007. Published layout, the archives of
the actions unpacked into one folder or into one each:

    daria_bend.avi, lena_walk1.avi ...        or bend/daria_bend.avi
    classification_masks.mat                  optional: `original_masks`, a field (H, W, N) for each clip

The published protocol leaves out one person at a time. For one fixed split, the last two people by name test.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.io import loadmat  # type: ignore[import-untyped]

from service.ingest.listing import below
from training.datasets.actions.base import ActionDataset, ActionSample, Boxes, in_words
from training.datasets.base import DatasetError

KIND = "weizmann"
LOOKS_FOR = "daria_bend.avi and the like, in one folder or in one an action (Weizmann)"
TESTED = ("moshe", "shahar")

ACTIONS = {
    "bend": "bending down",
    "jack": "doing jumping jacks",
    "jump": "jumping forward on two legs",
    "pjump": "jumping in place",
    "run": "running",
    "side": "galloping sideways",
    "skip": "skipping",
    "walk": "walking",
    "wave1": "waving one hand",
    "wave2": "waving both hands",
}
PEOPLE = ("daria", "denis", "eli", "ido", "ira", "lena", "lyova", "moshe", "shahar")
_NAME = re.compile(r"(?P<person>[a-z]+)_(?P<action>[a-z]+?[12]?)")
_TAKE = re.compile(r"(run|skip|walk)[12]")  # lena did these twice; wave1 and wave2 are actions of their own


def matches(root: Path) -> bool:
    """Whether the folder has this layout."""
    return any(_clips(root))


def read(root: Path) -> ActionDataset:
    """Read the data set's structure."""
    masks = root / "classification_masks.mat"
    samples = []
    for clip in _clips(root):
        person, _, label = clip.stem.partition("_")
        take = _TAKE.fullmatch(label)
        samples.append(
            ActionSample(
                clip.stem,
                clip,
                in_words(take[1] if take else label, ACTIONS, clip),
                "test" if person in TESTED else "train",
                still=True,
                boxes=_reader(masks, clip.stem) if masks.is_file() else None,
            )
        )
    return ActionDataset.of("Weizmann", KIND, root, samples)


def _clips(root: Path) -> Iterator[Path]:
    for path in below(root, frozenset({".avi"})):
        name = _NAME.fullmatch(path.stem)
        if name and name["person"] in PEOPLE:
            yield path


def _reader(path: Path, clip: str) -> Callable[[], Boxes]:
    def read_boxes() -> Boxes:
        content = loadmat(path, variable_names=["original_masks"])
        fields = content.get("original_masks")
        if fields is None or fields.dtype.names is None or clip not in fields.dtype.names:
            msg = f"{path}: expected original_masks with a field {clip}, got none"
            raise DatasetError(msg)
        masks: NDArray[np.generic] = fields[clip][0, 0]
        return {index: box for index in range(masks.shape[2]) if (box := _tight(masks[:, :, index] != 0)) is not None}

    return read_boxes


def _tight(mask: NDArray[np.bool_]) -> NDArray[np.float32] | None:
    """The box around a mask's pixels, or None where it has none."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return None
    height, width = mask.shape
    corner = (columns[0] / width, rows[0] / height)
    size = ((columns[-1] - columns[0] + 1) / width, (rows[-1] - rows[0] + 1) / height)
    return np.array([*corner, *size], np.float32)
