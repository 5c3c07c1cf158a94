"""ShanghaiTech Campus: 13 cameras; a clip's name begins with its camera's number.

Luo, Liu, Gao: A Revisit of Sparse Coding Based Anomaly Detection in Stacked RNN Framework, ICCV 2017. Published
layout:

    training/videos/01_001.avi ...
    testing/frames/01_0014/000.jpg ...
    testing/test_frame_mask/01_0014.npy      (N,) labels
    testing/test_pixel_mask/01_0014.npy      (N, H, W) masks
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from service.ingest.listing import folders, videos
from training.datasets.base import Clip, Dataset, LabelledClip, Truth, need
from training.datasets.regions import link, mask_boxes

KIND = "shanghaitech"
LOOKS_FOR = "training/videos/*.avi, testing/frames and testing/test_frame_mask (ShanghaiTech Campus)"
FPS = 24.0


def matches(root: Path) -> bool:
    """Whether the folder has this layout."""
    return (root / "training" / "videos").is_dir() and (root / "testing" / "frames").is_dir()


def read(root: Path) -> Dataset:
    """Read the data set's structure."""
    labels = need(root / "testing" / "test_frame_mask", "ShanghaiTech's frame labels")
    train = [Clip(path.stem, path, FPS, _scene(path.stem)) for path in videos(root / "training" / "videos")]
    test = [_labelled(folder, labels) for folder in folders(root / "testing" / "frames")]
    return Dataset("ShanghaiTech Campus", KIND, root, tuple(train), tuple(test))


def _scene(name: str) -> str:
    return name.partition("_")[0]


def _labelled(folder: Path, labels: Path) -> LabelledClip:
    name = folder.name
    path = need(labels / f"{name}.npy", f"the frame labels of {name}")
    masks = labels.with_name("test_pixel_mask") / f"{name}.npy"

    def read_truth(_: int) -> Truth:
        # mmap: the masks of one clip are several hundred megabytes.
        regions = link(map(mask_boxes, np.load(masks, mmap_mode="r"))) if masks.exists() else None
        return Truth.of(np.load(path), regions)

    return LabelledClip(name, folder, FPS, _scene(name), read_truth)
