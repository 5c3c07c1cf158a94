"""CUHK Avenue.

Lu, Shi, Jia: Abnormal Event Detection at 150 FPS in Matlab, ICCV 2013. Published layout (two archives, unpacked
into one folder):

    training_videos/01.avi ...
    testing_videos/01.avi ...
    ground_truth_demo/testing_label_mask/1_label.mat ...    `volLabel`, a cell of one pixel mask a frame
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.io import loadmat  # type: ignore[import-untyped]

from service.ingest.listing import videos
from training.datasets.base import Clip, Dataset, DatasetError, LabelledClip, Truth, need
from training.datasets.regions import link, mask_boxes

KIND = "avenue"
LOOKS_FOR = "training_videos/*.avi, testing_videos/*.avi and ground_truth_demo/testing_label_mask (CUHK Avenue)"
FPS = 25.0


def matches(root: Path) -> bool:
    """Whether the folder has this layout."""
    return (root / "training_videos").is_dir() and (root / "testing_videos").is_dir()


def read(root: Path) -> Dataset:
    """Read the data set's structure."""
    folder = need(root / "ground_truth_demo" / "testing_label_mask", "Avenue's pixel masks")
    train = [Clip(path.stem, path, FPS) for path in videos(root / "training_videos")]
    test = [_labelled(path, folder) for path in videos(root / "testing_videos")]
    return Dataset("CUHK Avenue", KIND, root, tuple(train), tuple(test))


def _labelled(video: Path, masks: Path) -> LabelledClip:
    path = need(masks / f"{int(video.stem)}_label.mat", f"the masks of {video.name}")

    def read_truth(_: int) -> Truth:
        cells = _cells(path)
        return Truth.of(np.array([np.any(mask) for mask in cells]), link(map(mask_boxes, cells)))

    return LabelledClip(video.stem, video, FPS, read=read_truth)


def _cells(path: Path) -> list[NDArray[np.generic]]:
    """The pixel masks of a clip, each ``(H, W)``."""
    content = loadmat(path)
    if "volLabel" not in content:
        names = sorted(name for name in content if not name.startswith("__"))
        msg = f"expected a variable volLabel in {path}, got {names}"
        raise DatasetError(msg)
    return list(content["volLabel"].ravel())
