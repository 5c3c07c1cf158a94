"""UCSD Pedestrian 1 and 2.

Mahadevan, Li, Bhalodia, Vasconcelos: Anomaly Detection in Crowded Scenes, CVPR 2010. Published layout:

    UCSDped2/Train/Train001/001.tif ...
    UCSDped2/Test/Test001/001.tif ...        the frames
    UCSDped2/Test/Test001_gt/001.bmp ...     pixel masks: all clips of Ped2, some of Ped1
    UCSDped2/Test/UCSDped2.m                 frame intervals, counted from 1, one line a test clip
"""

from __future__ import annotations

import re
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from service.ingest.listing import folders, listed, pictures
from training.datasets.base import Clip, Dataset, DatasetError, LabelledClip, Truth, labels_of, need
from training.datasets.regions import link, mask_boxes

KIND = "ucsd"
LOOKS_FOR = "Train/Train001/*.tif and Test/Test001/*.tif (UCSD Ped1, Ped2)"
FPS = 10.0
_INTERVALS = re.compile(r"gt_frame\s*=\s*\[([^\]]*)\]")
_ONE = re.compile(r"(\d+)(?:\s*:\s*(\d+))?")


def matches(root: Path) -> bool:
    """Whether the folder has this layout."""
    return (root / "Train" / "Train001").is_dir() and (root / "Test" / "Test001").is_dir()


def read(root: Path) -> Dataset:
    """Read the data set's structure."""
    train = [Clip(folder.name, folder, FPS) for folder in _clips(root / "Train")]
    tested = _clips(root / "Test")
    intervals = _intervals(root / "Test")
    if len(intervals) != len(tested):
        msg = f"{root / 'Test'}: expected as many gt_frame lines as test clips ({len(tested)}), got {len(intervals)}"
        raise DatasetError(msg)
    test = [_labelled(folder, marked) for folder, marked in zip(tested, intervals, strict=True)]
    return Dataset(f"UCSD {root.name.removeprefix('UCSD').capitalize()}", KIND, root, tuple(train), tuple(test))


def _clips(folder: Path) -> list[Path]:
    return [path for path in folders(folder) if re.fullmatch(r"(Train|Test)\d+", path.name)]


def _intervals(folder: Path) -> list[list[tuple[int, int]]]:
    """Per test clip the anomalous intervals, first frame and frame after the last, counted from 0."""
    scripts = listed(folder, frozenset({".m"}))
    if len(scripts) != 1:
        msg = f"expected one .m file with the frame labels in {folder}, got {[path.name for path in scripts]}"
        raise DatasetError(msg)
    code = "\n".join(line.split("%")[0] for line in scripts[0].read_text(errors="replace").splitlines())
    return [
        [(int(first) - 1, int(last or first)) for first, last in _ONE.findall(body)]
        for body in _INTERVALS.findall(code)
    ]


def _labelled(folder: Path, marked: list[tuple[int, int]]) -> LabelledClip:
    masks = folder.with_name(f"{folder.name}_gt")

    def read_truth(frames: int) -> Truth:
        labels = labels_of(marked, frames, folder.name)
        return Truth.of(labels, link(map(_mask_boxes, pictures(masks))) if masks.is_dir() else None)

    return LabelledClip(folder.name, folder, FPS, read=read_truth)


def _mask_boxes(path: Path) -> NDArray[np.float32]:
    mask = cv2.imread(str(need(path, "a mask")), cv2.IMREAD_GRAYSCALE)
    if mask is None:
        msg = f"expected a picture at {path}, got something that cannot be read as one"
        raise DatasetError(msg)
    return mask_boxes(mask)
