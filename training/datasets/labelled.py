"""A folder of videos (or of folders of pictures) with a labels file of one's own.

Either `labels.json`, with `boxes.json` beside it where the anomalous regions are known:

    {"dataset": "loading bay", "fps": 10, "size": [360, 240],
     "train": {"01": {"file": "train_01.mp4"}},
     "test":  {"01": {"file": "test_01.mp4", "labels": [0, 0, 1, ...]},
               "02": {"file": "test_02.mp4", "intervals": [[61, 180]]}}}

    {"01": [[[x, y, w, h], ...] per frame], ...}      in pixels of `size`

or `labels.csv`, one row an interval, a test clip without one has a row with both empty:

    file,split,first,last                   file,split,from,until
    train_01.mp4,train,,                    train_01.mp4,train,,
    test_01.mp4,test,61,180                 test_01.mp4,test,0:06.1,0:18.1

`labels` has one 0 or 1 a frame; `intervals`, and `first` and `last`, name the first and the last anomalous frame,
counted from 0; `times`, and `from` and `until`, name the time at which an anomaly begins and the time at which it is
over, as a player shows them (`75`, `1:15`, `0:01:15.5`). `fps` is needed for folders of pictures only, `size` with
boxes only; `frames`, where given, is checked; `scene` tells cameras apart. A clip of `labels.csv` is named by its file
without the ending: `cam1/001.mp4` is `cam1/001`.
"""

from __future__ import annotations

import csv
import json
import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import av.error
import numpy as np

from service.ingest.listing import count_frames
from training.datasets.base import Clip, Dataset, DatasetError, LabelledClip, Labels, Regions, Truth, labels_of, need
from training.datasets.footage import frame_rate, frame_times
from training.datasets.regions import link, pixel_boxes
from training.datasets.text import read_text

KIND = "labelled"
LOOKS_FOR = "labels.json or labels.csv beside the videos (a folder of your own, see docs/evaluation.md)"
BY_FRAME = ("file", "split", "first", "last")
BY_TIME = ("file", "split", "from", "until")
TRUTHS = ("labels", "intervals", "times")
"""The ways of a test clip's entry to say what is anomalous; each has exactly one."""

LINE = "line"
"""The key under which an entry that comes from a table says where it stands."""

_CLOCK = re.compile(r"(?:(?:(\d+):)?(\d+):)?(\d+(?:[.,]\d+)?)")
"""Seconds, with minutes and hours before them where there are any."""


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
    _refuse_shared(train, test)
    return Dataset(str(document.get("dataset", root.name)), KIND, root, train, test)


def _clip(root: Path, name: str, entry: dict[str, Any], document: dict[str, Any]) -> Clip:
    if not isinstance(entry, dict) or not isinstance(entry.get("file"), str):
        msg = f"labels, clip {name}: expected an object with `file`, got {entry!r}"
        raise DatasetError(msg)
    where = entry.get(LINE, f"labels, clip {name}")
    if posixpath.normpath(entry["file"] or ".") == ".":
        msg = f"{where}: expected the name of a video or a folder of pictures, got {entry['file']!r}"
        raise DatasetError(msg)
    try:
        source = need(root / entry["file"], f"clip {name}")
    except (DatasetError, OSError, ValueError) as error:
        msg = f"{where}: {error}"
        raise DatasetError(msg) from error
    if source.is_dir() and "fps" not in document:
        msg = f"{where}: expected `fps` in labels.json for a folder of pictures"
        raise DatasetError(msg)
    try:
        clip = Clip(
            name, source, float(document["fps"]) if source.is_dir() else frame_rate(source), entry.get("scene", "")
        )
        frames = count_frames(source) if "frames" in entry else None
    except (av.error.FFmpegError, OSError, IndexError) as error:  # IndexError: it has sound alone
        msg = f"{where}: expected a video or a folder of pictures, got {source}, which cannot be read as one"
        raise DatasetError(msg) from error
    if frames is not None and frames != entry["frames"]:
        msg = f"{where}: expected {entry['frames']} frames, as its labels say, got {frames} in {source}"
        raise DatasetError(msg)
    return clip


def _refuse_shared(train: Iterable[Clip], test: Iterable[Clip]) -> None:
    """What was learned from must not be tested with: it would look better than it is."""
    taught = {clip.source.resolve(): clip.name for clip in train}
    for clip in test:
        if (name := taught.get(clip.source.resolve())) is not None:
            msg = f"labels, clip {clip.name}: expected a file that is not in train, got that of clip {name}"
            raise DatasetError(f"{msg}, {clip.source}")


def _labelled(clip: Clip, entry: dict[str, Any], boxes: list[Any] | None, document: dict[str, Any]) -> LabelledClip:
    given = [key for key in TRUTHS if key in entry]
    if len(given) != 1:
        msg = f"labels, clip {clip.name}: expected one of {', '.join(TRUTHS)}, got {', '.join(given) or 'none of them'}"
        raise DatasetError(msg)
    if boxes is not None and "size" not in document:
        msg = "labels: expected `size`, the picture's width and height in pixels, since boxes.json counts in them"
        raise DatasetError(msg)

    def read_truth(frames: int) -> Truth:
        labels = _labels(clip, given[0], entry[given[0]], frames)
        return Truth.of(labels, _regions(boxes, document, labels))

    return LabelledClip(clip.name, clip.source, clip.fps, clip.scene, read_truth)


def _labels(clip: Clip, way: str, given: list[Any], frames: int) -> Labels:
    """Labels of a clip's frames, from one of the ``TRUTHS``."""
    if way == "labels":
        return np.array(given, np.uint8)
    if way == "intervals":
        return labels_of([(first, last + 1) for first, last in given], frames, clip.name)
    times = frame_times(clip.source, clip.fps)
    labels = np.zeros(len(times), np.uint8)
    for start, end in given:
        begin, over = _seconds(start, clip.name), _seconds(end, clip.name)
        within = (times >= begin) & (times < over)
        if not within.any():
            msg = f"clip {clip.name}: expected times within its {times[-1]:.1f} s, the first before the second"
            raise DatasetError(f"{msg}, got {start} to {end}")
        labels[within] = 1
    return labels


def _seconds(moment: str | float, clip: str) -> float:
    """A moment as a person writes it, in seconds."""
    match = _CLOCK.fullmatch(str(moment).strip())
    if match is None:
        msg = f"clip {clip}: expected a time such as 75, 1:15 or 0:01:15.5, got {moment!r}"
        raise DatasetError(msg)
    hours, minutes, seconds = match.groups()
    return 3600 * int(hours or 0) + 60 * int(minutes or 0) + float(seconds.replace(",", "."))


def _regions(boxes: list[Any] | None, document: dict[str, Any], labels: np.ndarray) -> tuple[Regions, ...] | None:
    """The regions of each frame. A clip that boxes.json does not name has none if it is normal, unknown ones if not."""
    if boxes is None:
        return None if labels.any() else (Regions.none(),) * len(labels)
    width, height = document["size"]
    return link(pixel_boxes(rows, (width, height)) for rows in boxes)


def _json(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(read_text(path))
    except json.JSONDecodeError as error:
        msg = f"expected JSON in {path}, got an error at line {error.lineno}: {error.msg}"
        raise DatasetError(msg) from error
    if not isinstance(document, dict):
        msg = f"expected an object in {path}, got {type(document).__name__}"
        raise DatasetError(msg)
    return document


def _document_of_csv(path: Path) -> dict[str, Any]:
    """The same document from rows of intervals or times."""
    columns, rows = _table(path)
    if columns not in (BY_FRAME, BY_TIME):
        wanted = " or ".join(",".join(each) for each in (BY_FRAME, BY_TIME))
        msg = f"{path}: expected the columns {wanted}, got {','.join(columns) or 'an empty file'}"
        raise DatasetError(msg)
    way = "intervals" if columns == BY_FRAME else "times"
    files: dict[str, dict[str, Any]] = {"train": {}, "test": {}}
    for line, row in rows:
        _add_row(files, way, dict(zip(columns, row, strict=False)), f"{path}, line {line}")
    return {"dataset": path.parent.name} | {split: _named(entries) for split, entries in files.items()}


def _table(path: Path) -> tuple[tuple[str, ...], Iterator[tuple[int, list[str]]]]:
    """The columns of a CSV file, and its rows with their line numbers, empty ones left out.

    Spreadsheets of many countries write semicolons, others tabs.
    """
    text = read_text(path)
    head = text.partition("\n")[0]
    reader = csv.reader(text.splitlines(), delimiter=max(",;\t", key=head.count))
    rows = _rows(reader, path)
    _, head_row = next(rows, (0, []))
    columns = tuple(name.lower() for name in head_row)
    return columns, ((line, row) for line, row in rows if any(row))


def _rows(reader: Any, path: Path) -> Iterator[tuple[int, list[str]]]:
    try:
        for row in reader:
            yield reader.line_num, [field.strip() for field in row]
    except csv.Error as error:  # such as a quotation mark that is never closed
        msg = f"{path}, line {reader.line_num}: expected a row of a table, got one that cannot be read: {error}"
        raise DatasetError(msg) from error


def _add_row(files: Mapping[str, dict[str, Any]], way: str, row: Mapping[str, str], where: str) -> None:
    file, split, start, end = (list(row.values()) + [""] * 4)[:4]
    if split not in files:
        msg = f"{where}: expected the split train or test, got {split!r}"
        raise DatasetError(msg)
    file = posixpath.normpath(file.replace("\\", "/") or ".")  # as Windows writes paths
    if file == ".":
        msg = f"{where}: expected the name of a video or a folder of pictures as file, got none"
        raise DatasetError(msg)
    other = "test" if split == "train" else "train"
    if file in files[other]:
        msg = f"{where}: expected each file in train or in test, got {file} in both ({files[other][file][LINE]})"
        raise DatasetError(msg)
    entry = files[split].setdefault(file, {"file": file, LINE: where, way: []})
    if not start and not end:
        return
    if split == "train":
        msg = f"{where}: expected nothing marked in {file}, which is for training: what it shows is taken for normal"
        raise DatasetError(f"{msg}. Got {start!r} to {end!r}")
    if way == "times":
        entry[way].append((start, end))
        return
    try:
        entry[way].append((int(start), int(end)))
    except ValueError as error:
        msg = f"{where}: expected frame numbers as first and last, got {start!r} and {end!r}"
        raise DatasetError(msg) from error


def _named(entries: Mapping[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Clips by name: the file's, without its ending unless that is what tells two apart."""
    short = [str(PurePosixPath(file).with_suffix("")) for file in entries]
    return {
        name if short.count(name) == 1 else file: entry
        for name, (file, entry) in zip(short, entries.items(), strict=True)
    }
