"""UCF-Crime: long surveillance videos of many cameras, intervals of the test videos, no regions.

Sultani, Chen, Shah: Real-World Anomaly Detection in Surveillance Videos, CVPR 2018. Published layout:

    Anomaly-Videos-Part-1/Abuse/Abuse001_x264.mp4 ...           (how the parts are unpacked does not matter)
    Training-Normal-Videos-Part-1/Normal_Videos001_x264.mp4 ... (or Training_Normal_Videos_Anomaly/)
    Testing_Normal_Videos_Anomaly/Normal_Videos_003_x264.mp4 ...
    Temporal_Anomaly_Annotation_for_Testing_Videos.txt
                  rows `file class first last first last`, counted from 1, -1 where there is no event

The cameras are not named, so every clip is of one scene and one profile is learned from all normal training
videos. That is not how the service is meant to be used (one profile a camera): read the figure with that in mind.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from service.ingest.listing import VIDEOS, below
from training.datasets.base import Clip, Dataset, DatasetError, LabelledClip, Truth, labels_of
from training.datasets.text import read_text

KIND = "ucf-crime"
ANNOTATIONS = "Temporal_Anomaly_Annotation_for_Testing_Videos.txt"
LOOKS_FOR = f"{ANNOTATIONS} beside folders of videos (UCF-Crime)"
FPS = 30.0


def matches(root: Path) -> bool:
    """Whether the folder has this layout."""
    return (root / ANNOTATIONS).is_file()


def read(root: Path) -> Dataset:
    """Read the data set's structure."""
    videos = below(root, VIDEOS)
    test = [
        _labelled(_find(root, videos, name, kind), marked) for name, kind, marked in _annotations(root / ANNOTATIONS)
    ]
    training = [path for path in videos if _is_training(path.relative_to(root))]
    stems = Counter(path.stem for path in training)
    train = [
        Clip(path.stem if stems[path.stem] == 1 else path.relative_to(root).with_suffix("").as_posix(), path, FPS)
        for path in training
    ]
    return Dataset("UCF-Crime", KIND, root, tuple(train), tuple(test))


def _find(root: Path, videos: list[Path], name: str, kind: str) -> Path:
    """The video that a row names, in any case of its ending; of several of one name, that in the folder of its kind.

    A copy of a test video that lies among those of training is none.
    """
    stem, ending = Path(name).stem, Path(name).suffix.lower()
    found = [path for path in videos if path.stem == stem and path.suffix.lower() == ending]
    if len(found) > 1:
        found = [path for path in found if not _is_training(path.relative_to(root))] or found
    if len(found) > 1:
        found = [path for path in found if kind in path.relative_to(root).parts[:-1]] or found
    if not found:
        msg = f"{ANNOTATIONS} names {name}, which is nowhere below {root}"
        raise DatasetError(msg)
    if len(found) > 1:
        places = " and ".join(path.relative_to(root).as_posix() for path in found[:2])
        msg = f"{ANNOTATIONS} names {name}, of which there are several below {root}: {places}. Keep one of them."
        raise DatasetError(msg)
    return found[0]


def _is_training(path: Path) -> bool:
    """Normal training videos lie in folders that say so; both spellings are in circulation."""
    return any(part.replace("-", "_").startswith("Training_Normal") for part in path.parts[:-1])


def _annotations(path: Path) -> list[tuple[str, str, list[tuple[int, int]]]]:
    """File names with their kinds and intervals, first frame and frame after the last, counted from 0."""
    rows = []
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        fields = line.split()
        if not fields:
            continue
        try:
            marks = [int(field) for field in fields[2:]]
        except ValueError:
            marks = []
        if len(marks) != 4:
            msg = f"{path}, line {number}: expected a file, a class and four frame numbers, got {line!r}"
            raise DatasetError(msg)
        rows.append((fields[0], fields[1], [(first - 1, last) for first, last in (marks[:2], marks[2:]) if first > 0]))
    return rows


def _labelled(video: Path, marked: list[tuple[int, int]]) -> LabelledClip:
    def read_truth(frames: int) -> Truth:
        # Some published intervals end a few frames behind the video's last one.
        return Truth.of(labels_of([(start, min(end, frames)) for start, end in marked], frames, video.stem))

    return LabelledClip(video.stem, video, FPS, read=read_truth)
