"""UCF Sports: 150 sequences of ten sports, with the box of who acts in every frame.

Rodriguez, Ahmed, Shah: Action MACH, CVPR 2008. Published layout:

    ucf action/Diving-Side/001/2538-5_70133.avi        some folders lack it and have the pictures alone
    ucf action/Diving-Side/001/2538-5_70133001.jpg ...
    ucf action/Diving-Side/001/gt/2538-5_70133001.txt ...      one a frame: x, y, width, height, action, with tabs

There is no published list. The split is that of Lan, Wang, Mori (Discriminative Figure-Centric Models, ICCV 2011):
the first third of each action's sequences tests, the rest trains.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np

from service.ingest.listing import folders, listed, pictures, videos
from training.datasets.actions.base import ActionDataset, ActionSample, Boxes, in_words
from training.datasets.base import DatasetError, need
from training.datasets.text import read_text

KIND = "ucf-sports"
LOOKS_FOR = "ucf action/Diving-Side/001/ and the like, with gt/*.txt (UCF Sports)"
FPS = 10.0
"""As published for the pictures."""

ACTIONS = {
    "Diving-Side": "diving",
    "Golf-Swing-Back": "swinging a golf club",
    "Golf-Swing-Front": "swinging a golf club",
    "Golf-Swing-Side": "swinging a golf club",
    "Kicking-Front": "kicking a ball",
    "Kicking-Side": "kicking a ball",
    "Lifting": "lifting weights",
    "Riding-Horse": "riding a horse",
    "Run-Side": "running",
    "SkateBoarding-Front": "skateboarding",
    "Swing-Bench": "swinging on a pommel horse",
    "Swing-SideAngle": "swinging on a high bar",
    "Walk-Front": "walking",
}


def matches(root: Path) -> bool:
    """Whether the folder has this layout."""
    return (root / "ucf action").is_dir()


def read(root: Path) -> ActionDataset:
    """Read the data set's structure."""
    sequences: dict[str, list[Path]] = {}
    for folder in folders(root / "ucf action"):
        action = in_words(folder.name, ACTIONS, folder)
        sequences.setdefault(action, []).extend(folders(folder))
    samples = [sample for action, takes in sequences.items() for sample in _samples(action, takes)]
    return ActionDataset.of("UCF Sports", KIND, root, samples)


def _samples(action: str, takes: list[Path]) -> Iterator[ActionSample]:
    tested = len(takes) // 3
    for index, folder in enumerate(takes):
        films, frames = videos(folder), pictures(folder)
        if not films and not frames:
            msg = f"expected an .avi or .jpg pictures in {folder}, got neither"
            raise DatasetError(msg)
        truth = folder / "gt"
        yield ActionSample(
            f"{folder.parent.name}/{folder.name}",
            films[0] if films else folder,
            action,
            "test" if index < tested else "train",
            fps=None if films else FPS,
            boxes=_reader(truth, films, frames) if truth.is_dir() else None,
        )


def _reader(truth: Path, films: list[Path], frames: list[Path]) -> Callable[[], Boxes]:
    def read_boxes() -> Boxes:
        width, height = _size(films, frames)
        rows = listed(truth, frozenset({".txt"}))
        return {index: _box(path, width, height) for index, path in enumerate(rows)}

    return read_boxes


def _size(films: list[Path], frames: list[Path]) -> tuple[int, int]:
    """Width and height of a sequence in pixels: its boxes are in them."""
    if frames:
        image = cv2.imread(str(frames[0]))
    else:
        capture = cv2.VideoCapture(str(films[0]))
        image = capture.read()[1]
        capture.release()
    if image is None:
        msg = f"expected a picture at {(frames or films)[0]}, got something that cannot be read as one"
        raise DatasetError(msg)
    return image.shape[1], image.shape[0]


def _box(path: Path, width: int, height: int) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    fields = read_text(need(path, "a box")).split()
    try:
        x, y, w, h = (float(field) for field in fields[:4])
    except ValueError as error:
        msg = f"{path}: expected x, y, width and height in pixels, got {' '.join(fields[:5])!r}"
        raise DatasetError(msg) from error
    return np.array([x / width, y / height, w / width, h / height], np.float32)
