"""The virtual world's data sets; the format is described in ``training/virtual/truth.py``."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from service.ingest.listing import videos
from training.datasets.base import Clip, Dataset, DatasetError, LabelledClip, Regions, Truth, need
from training.datasets.footage import frame_rate
from training.datasets.text import read_text
from training.virtual.truth import ClipTruth, ObjectTruth, TruthError

KIND = "virtual"
LOOKS_FOR = "dataset.json with train/*.mp4 and test/*.mp4 (`watchword simulate`)"


def matches(root: Path) -> bool:
    """Whether the folder has this layout."""
    return (root / "dataset.json").is_file()


def read(root: Path) -> Dataset:
    """Read the data set's structure."""
    document = json.loads(read_text(root / "dataset.json"))
    if (document.get("format"), document.get("kind")) != (1, "virtual"):
        msg = f"{root / 'dataset.json'}: expected format 1 of kind virtual, got {document}"
        raise DatasetError(msg)
    scene = str(document.get("scene", ""))
    train = [Clip(video.stem, video, frame_rate(video), scene) for video in _videos(root / "train")]
    test = [_labelled(video, scene) for video in _videos(root / "test")]
    return Dataset(f"virtual {scene}".strip(), KIND, root, tuple(train), tuple(test))


def _videos(folder: Path) -> list[Path]:
    return [path for path in videos(need(folder, "the clips")) if not path.stem.endswith(".masks")]


def _labelled(video: Path, scene: str) -> LabelledClip:
    path = need(video.with_suffix(".truth.json"), f"the truth of {video.name}")

    def read_truth(frames: int) -> Truth:
        try:
            truth = ClipTruth.load(path)
        except TruthError as error:
            raise DatasetError(str(error)) from error
        events = tuple(
            (round(event.start * truth.fps), min(round(event.end * truth.fps), frames)) for event in truth.events
        )
        kinds = tuple(event.kind for event in truth.events)
        return Truth(np.array(truth.labels, np.uint8), events, tuple(map(_regions, truth.objects)), kinds)

    return LabelledClip(video.stem, video, frame_rate(video), scene, read_truth)


def _regions(objects: list[ObjectTruth]) -> Regions:
    anomalous = [item for item in objects if item.anomalous]
    if not anomalous:
        return Regions.none()
    return Regions(
        np.array([item.box for item in anomalous], np.float32),
        np.array([item.track_id for item in anomalous], np.int64),
    )
