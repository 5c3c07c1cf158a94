"""Kinetics-400: ten seconds each of 400 actions from the web.

Kay and others: The Kinetics Human Action Video Dataset, 2017. The published lists, with the clips as the two common
downloads leave them:

    annotations/train.csv, val.csv, test.csv (or kinetics_400_train.csv)    label,youtube_id,time_start,time_end,split
    train/ID_000010_000020.mp4             as CVDF hosts it
    train/riding a bike/ID_000010_000020.mp4             as ActivityNet's crawler writes it (spaces or underscores)

Videos vanish from the web, so no download is whole: what is missing is counted and left out.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from service.ingest.listing import VIDEOS, below
from training.datasets.actions.base import ActionDataset, ActionSample, Split
from training.datasets.base import DatasetError

KIND = "kinetics-400"
LOOKS_FOR = "annotations/train.csv with label,youtube_id,time_start,time_end beside train/*.mp4 (Kinetics-400)"

_COLUMNS = ("label", "youtube_id", "time_start", "time_end")
_SPLITS: dict[str, Split] = {"train": "train", "val": "validation", "test": "test"}


def matches(root: Path) -> bool:
    """Whether the folder has this layout."""
    return _list(root, "train") is not None


def read(root: Path) -> ActionDataset:
    """Read the data set's structure: its lists, and which of their clips are there."""
    samples: list[ActionSample] = []
    missing = 0
    for name, split in _SPLITS.items():
        if (path := _list(root, name)) is None:
            continue
        found = _clips(root / name)
        for label, stem in _rows(path):
            clip = found.get(stem)
            if clip is None:
                missing += 1
            else:
                samples.append(ActionSample(f"{name}/{stem}", clip, label, split))
    if not samples:
        msg = f"{root}: expected clips such as train/ID_000010_000020.mp4, got none of the {missing} listed"
        raise DatasetError(msg)
    return ActionDataset.of("Kinetics-400", KIND, root, samples, missing)


def _list(root: Path, split: str) -> Path | None:
    names = (f"{split}.csv", f"kinetics_400_{split}.csv", f"kinetics400_{split}.csv")
    paths = [folder / name for folder in (root / "annotations", root) for name in names]
    return next((path for path in paths if path.is_file()), None)


def _clips(folder: Path) -> dict[str, Path]:
    """All clips of a split by their name without suffix."""
    if not folder.is_dir():
        return {}
    return {path.stem: path for path in below(folder, VIDEOS)}


def _rows(path: Path) -> Iterator[tuple[str, str]]:
    """Label in words and clip's name. A list without labels (some publish the test list so) gives nothing."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = csv.DictReader(file)
        columns = rows.fieldnames or []
        if "label" not in columns and path.name.endswith("test.csv"):
            return
        if lacking := [name for name in _COLUMNS if name not in columns]:
            msg = f"{path}: expected the columns {', '.join(_COLUMNS)}, got {', '.join(columns)}: no {lacking[0]}"
            raise DatasetError(msg)
        for number, row in enumerate(rows, start=2):
            try:
                start, end = (int(float(row[name])) for name in ("time_start", "time_end"))
            except (TypeError, ValueError) as error:
                msg = f"{path}:{number}: expected time_start and time_end in seconds, got {dict(row)}"
                raise DatasetError(msg) from error
            yield row["label"].strip().replace("_", " "), f"{row['youtube_id']}_{start:06d}_{end:06d}"
