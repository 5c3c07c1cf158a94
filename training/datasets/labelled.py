"""A folder of videos (or of folders of pictures) with a labels file of one's own.

Either `labels.json`, with `boxes.json` beside it where the anomalous regions are known:

    {"dataset": "loading bay", "fps": 10, "size": [360, 240],
     "train": {"01": {"file": "train_01.mp4"}},
     "test":  {"01": {"file": "test_01.mp4", "labels": [0, 0, 1, ...]},
               "02": {"file": "test_02.mp4", "intervals": [[61, 180]]}}}

    {"01": [[[x, y, w, h], ...] per frame], ...}      in pixels of `size`

or `labels.csv`, one row an interval, a test clip without one has a row with both empty:

    file,split,first,last
    train_01.mp4,train,,
    test_01.mp4,test,61,180

`labels` has one 0 or 1 a frame; intervals name the first and the last anomalous frame, counted from 0. `fps` is
needed for folders of pictures only, `size` with boxes only; `frames`, where given, is checked; `scene` tells
cameras apart.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np

from service.ingest.listing import count_frames
from training.datasets.base import Clip, Dataset, DatasetError, LabelledClip, Regions, Truth, labels_of, need
from training.datasets.footage import frame_rate
from training.datasets.regions import link, pixel_boxes

KIND = "labelled"
LOOKS_FOR = "labels.json or labels.csv beside the videos (a folder of your own, see docs/evaluation.md)"
COLUMNS = ["file", "split", "first", "last"]


def matches(root: Path) -> bool:
    """Whether the folder has this layout."""
    return (root / "labels.json").is_file() or (root / "labels.csv").is_file()


def read(root: Path) -> Dataset:
    """Read the data set's structure."""
    if not (root / "labels.json").is_file():
        return _read(root, _document_of_csv(root / "labels.csv"), {})
    boxes = _json(root / "boxes.json") if (root / "boxes.json").is_file() else {}
    return _read(root, _json(root / "labels.json"), boxes)


def _read(root: Path, document: dict[str, Any], boxes: dict[str, Any]) -> Dataset:
    for split in ("train", "test"):
        if not isinstance(document.get(split), dict):
            msg = f"{root / 'labels.json'}: expected an object {split!r} of clips, got {document.get(split)!r}"
            raise DatasetError(msg)
    train = tuple(_clip(root, name, entry, document) for name, entry in document["train"].items())
    test = tuple(
        _labelled(_clip(root, name, entry, document), entry, boxes.get(name), document)
        for name, entry in document["test"].items()
    )
    return Dataset(str(document.get("dataset", root.name)), KIND, root, train, test)


def _clip(root: Path, name: str, entry: dict[str, Any], document: dict[str, Any]) -> Clip:
    if not isinstance(entry, dict) or "file" not in entry:
        msg = f"labels, clip {name}: expected an object with `file`, got {entry!r}"
        raise DatasetError(msg)
    source = need(root / entry["file"], f"clip {name}")
    if source.is_dir() and "fps" not in document:
        msg = f"labels, clip {name}: expected `fps` for a folder of pictures"
        raise DatasetError(msg)
    clip = Clip(name, source, float(document["fps"]) if source.is_dir() else frame_rate(source), entry.get("scene", ""))
    if "frames" in entry and (frames := count_frames(source)) != entry["frames"]:
        msg = f"clip {name}: expected {entry['frames']} frames, as its labels say, got {frames} in {source}"
        raise DatasetError(msg)
    return clip


def _labelled(clip: Clip, entry: dict[str, Any], boxes: list[Any] | None, document: dict[str, Any]) -> LabelledClip:
    if ("labels" in entry) == ("intervals" in entry):
        msg = f"labels, clip {clip.name}: expected either `labels` or `intervals`, got {sorted(entry)}"
        raise DatasetError(msg)
    if boxes is not None and "size" not in document:
        msg = "labels: expected `size`, the picture's width and height in pixels, since boxes.json counts in them"
        raise DatasetError(msg)

    def read_truth(frames: int) -> Truth:
        if "labels" in entry:
            labels = np.array(entry["labels"], np.uint8)
        else:
            labels = labels_of([(first, last + 1) for first, last in entry["intervals"]], frames, clip.name)
        return Truth.of(labels, _regions(boxes, document, labels))

    return LabelledClip(clip.name, clip.source, clip.fps, clip.scene, read_truth)


def _regions(boxes: list[Any] | None, document: dict[str, Any], labels: np.ndarray) -> tuple[Regions, ...] | None:
    """The regions of each frame. A clip that boxes.json does not name has none if it is normal, unknown ones if not."""
    if boxes is None:
        return None if labels.any() else (Regions.none(),) * len(labels)
    width, height = document["size"]
    return link(pixel_boxes(rows, (width, height)) for rows in boxes)


def _json(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text())
    except json.JSONDecodeError as error:
        msg = f"expected JSON in {path}, got an error at line {error.lineno}: {error.msg}"
        raise DatasetError(msg) from error
    if not isinstance(document, dict):
        msg = f"expected an object in {path}, got {type(document).__name__}"
        raise DatasetError(msg)
    return document


def _document_of_csv(path: Path) -> dict[str, Any]:
    """The same document from rows of intervals."""
    document: dict[str, Any] = {"dataset": path.parent.name, "train": {}, "test": {}}
    with path.open(newline="") as lines:
        reader = csv.DictReader(lines)
        if reader.fieldnames != COLUMNS:
            msg = f"{path}: expected the columns {','.join(COLUMNS)}, got {','.join(reader.fieldnames or [])}"
            raise DatasetError(msg)
        for row in reader:
            _add_row(document, row, f"{path}, line {reader.line_num}")
    return document


def _add_row(document: dict[str, Any], row: dict[str, str], where: str) -> None:
    split, file = row["split"], row["file"]
    if split not in ("train", "test"):
        msg = f"{where}: expected the split train or test, got {split!r}"
        raise DatasetError(msg)
    entry = document[split].setdefault(Path(file).stem, {"file": file, "intervals": []})
    if not row["first"] and not row["last"]:
        return
    try:
        entry["intervals"].append((int(row["first"]), int(row["last"])))
    except ValueError as error:
        msg = f"{where}: expected frame numbers as first and last, got {row['first']!r} and {row['last']!r}"
        raise DatasetError(msg) from error
