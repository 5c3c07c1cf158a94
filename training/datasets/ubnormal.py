"""UBnormal: 29 virtual scenes.

Acsintoae et al.: UBnormal: New Benchmark for Supervised Open-Set Video Anomaly Detection, CVPR 2022. Published
layout:

    Scene1/normal_scene_1_scenario1_1.mp4 ...
    Scene1/abnormal_scene_1_scenario_1.mp4 ...
    Scene1/abnormal_scene_1_scenario_1_annotations/abnormal_scene_1_scenario_1_tracks.txt
                                       rows `object_id,first_frame,last_frame`, counted from 0
    Scene1/abnormal_scene_1_scenario_1_annotations/abnormal_scene_1_scenario_1_0000_gt.png
                                       a map a frame; a pixel is the id of the object that is there

The split is in text files of the benchmark's repository (`scripts/normal_training_video_names.txt` and so on),
to be put beside the scenes or in a folder `scripts` there. One-class protocol: learn from the normal training
clips alone, test on the normal and abnormal test clips.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from service.ingest.listing import VIDEOS, named, videos
from training.datasets.base import Clip, Dataset, DatasetError, LabelledClip, Regions, Truth, labels_of, need
from training.datasets.text import read_text

KIND = "ubnormal"
LOOKS_FOR = "Scene1/*.mp4 with *_annotations folders (UBnormal)"
FPS = 30.0


def matches(root: Path) -> bool:
    """Whether the folder has this layout."""
    scenes = [path for path in root.glob("Scene*") if path.is_dir()]
    return any("normal_scene_" in path.name for scene in scenes for path in videos(scene))


def read(root: Path) -> Dataset:
    """Read the data set's structure."""
    train = [Clip(name, _video(root, name), FPS, _scene(name)) for name in _names(root, "normal_training")]
    names = [*_names(root, "normal_test"), *_names(root, "abnormal_test")]
    return Dataset("UBnormal", KIND, root, tuple(train), tuple(_labelled(root, name) for name in names))


def _names(root: Path, split: str) -> list[str]:
    file = f"{split}_video_names.txt"
    for path in (root / file, root / "scripts" / file):
        if path.exists():
            return sorted(read_text(path).split())
    msg = f"expected {file}, from the scripts folder of the benchmark's repository, in {root} or {root / 'scripts'}"
    raise DatasetError(msg)


def _scene(name: str) -> str:
    return f"Scene{name.split('_')[2]}"


def _video(root: Path, name: str) -> Path:
    folder = root / _scene(name)
    return named(folder, name, VIDEOS) or need(folder / f"{name}.mp4", f"the video {name}")


def _labelled(root: Path, name: str) -> LabelledClip:
    video = _video(root, name)
    folder = video.with_name(f"{name}_annotations")

    def read_truth(frames: int) -> Truth:
        if name.startswith("normal"):
            return Truth.of(np.zeros(frames), (Regions.none(),) * frames)
        tracks = _tracks(need(folder / f"{name}_tracks.txt", f"the tracks of {name}"))
        labels = labels_of([(first, last + 1) for _, first, last in tracks], frames, name)
        return Truth.of(labels, tuple(_regions(folder, name, index, tracks) for index in range(frames)))

    return LabelledClip(name, video, FPS, _scene(name), read_truth)


def _tracks(path: Path) -> list[tuple[int, int, int]]:
    """Rows of object id, first and last frame."""
    table = np.loadtxt(path, delimiter=",", ndmin=2)
    if table.shape[1] != 3:
        msg = f"expected rows of object_id,first_frame,last_frame in {path}, got {table.shape[1]} columns"
        raise DatasetError(msg)
    return [(int(row[0]), int(row[1]), int(row[2])) for row in table]


def _regions(folder: Path, name: str, index: int, tracks: list[tuple[int, int, int]]) -> Regions:
    """The anomalous objects of one frame; the track id is the row of the tracks file."""
    present = [(row, track[0]) for row, track in enumerate(tracks) if track[1] <= index <= track[2]]
    if not present:
        return Regions.none()
    path = need(folder / f"{name}_{index:04d}_gt.png", f"the object map of frame {index}")
    ids = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if ids is None:
        msg = f"expected a picture at {path}, got something that cannot be read as one"
        raise DatasetError(msg)
    boxes = [(row, _box(ids == object_id)) for row, object_id in present]
    seen = [(row, box) for row, box in boxes if box is not None]
    if not seen:  # the object is wholly hidden in this frame
        return Regions.none()
    return Regions(np.stack([box for _, box in seen]), np.array([row for row, _ in seen], np.int64))


def _box(mask: NDArray[np.bool_]) -> NDArray[np.float32] | None:
    """The box around all pixels of a mask as fractions of the picture, None when it is empty."""
    height, width = mask.shape
    x, y, w, h = cv2.boundingRect(mask.astype(np.uint8))
    return np.array([x / width, y / height, w / width, h / height], np.float32) if w and h else None
