"""Object clips of real data sets of actions, in the shards that pre-training reads (``training.data.object_clips``).

    watchword train actions runs/actions hmdb51 kth ucf-sports --detector yolox_nano.onnx --size 224

The paper's section 3.2: a detector over every clip, the main object followed, clips whose view changes left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from service.engine.detectors.base import Detector
from service.settings import Settings
from training.data.object_clips import CONTEXT, MOTION, RUN, TRUTH, UNKNOWN, Runs, finish, write_shard
from training.datasets import DatasetError
from training.datasets.actions import ActionDataset, ActionSample, Split
from training.datasets.actions.objects import Excluded, ObjectClip, object_clip

FPS: Final = 12.0
"""Pictures a second: a clip of nine at every one, or at every second one, then lasts 0.7 or 1.3 s, as those of the
virtual world do. Clips of HMDB51 and Weizmann last about 2 s, which is one run."""

SAMPLES: Final = 100
"""Of a shard: what an interruption may cost."""

_MAX_GAP_S = 0.5


def write_actions(
    folder: Path,
    datasets: Sequence[ActionDataset],
    split: Split,
    detector: Detector,
    settings: Settings,
    *,
    size: int,
    actions: Sequence[str] | None = None,
    progress: Callable[[], object] = lambda: None,
) -> Counter[str]:
    """Record the samples of a split of some data sets; shards already there are kept, so that it resumes.

    Args:
        folder: Where to; made if need be.
        datasets: Whose actions of the same name are one action.
        split: Of each.
        detector: The service's, for the samples without boxes.
        settings: The service's, for how pictures are prepared.
        size: Side of a crop.
        actions: The ones to record; None for all.
        progress: Called after each sample.

    Returns:
        How many samples were ``kept``, ``excluded`` (nobody followed, or another view) or ``short`` of a run, of those
        of this call.

    Raises:
        DatasetError: If there is no such action, or there are more than pre-training can tell apart.
    """
    chosen = _chosen(datasets, actions)
    folder.mkdir(parents=True, exist_ok=True)
    names: list[str] = []
    counts: Counter[str] = Counter()
    for dataset in datasets:
        wanted = [sample for sample in dataset.samples(split) if sample.action in chosen]
        for number, start in enumerate(range(0, len(wanted), SAMPLES)):
            part = wanted[start : start + SAMPLES]
            name = f"{dataset.kind}-{split}-{number:04d}"
            names.append(name)
            if (folder / f"{name}.runs.npz").is_file():
                for _ in part:
                    progress()
                continue
            clips = _clips(part, detector, settings, size, counts, progress)
            write_shard(folder, name, gathered(clips, chosen, size))
    finish(folder, names, chosen, size)
    return counts


def _chosen(datasets: Sequence[ActionDataset], actions: Sequence[str] | None) -> list[str]:
    known = sorted({action for dataset in datasets for action in dataset.actions})
    if actions is not None and (unknown := sorted(set(actions) - set(known))):
        msg = f"expected actions of {', '.join(dataset.name for dataset in datasets)}, got {', '.join(unknown)}"
        raise DatasetError(msg)
    chosen = known if actions is None else sorted(set(actions))
    if len(chosen) > UNKNOWN:
        msg = f"expected at most {UNKNOWN} actions, got {len(chosen)}: name those that a camera may see"
        raise DatasetError(msg)
    return chosen


def _clips(
    samples: Sequence[ActionSample],
    detector: Detector,
    settings: Settings,
    size: int,
    counts: Counter[str],
    progress: Callable[[], object],
) -> Iterator[ObjectClip]:
    for sample in samples:
        try:
            clip = object_clip(sample, detector, settings, size=size, context=CONTEXT, fps=FPS)
        except Excluded:
            counts["excluded"] += 1
        else:
            counts["kept" if len(clip.times) >= RUN else "short"] += 1
            yield clip
        progress()


def gathered(clips: Iterator[ObjectClip], actions: Sequence[str], size: int) -> Runs:
    """The whole runs of some clips, one after the other without overlap.

    Args:
        clips: Of any aspect.
        actions: By index.
        size: Side of their crops.
    """
    crops: list[NDArray[np.uint8]] = []
    boxes: list[NDArray[np.float32]] = []
    times: list[NDArray[np.float64]] = []
    labels: list[int] = []
    sources: list[int] = []
    for clip in clips:
        # A shard has one aspect and its clips may have several, so widths are given as shares of the height.
        square = clip.boxes * np.array((clip.aspect, 1.0, clip.aspect, 1.0), np.float32)
        for start in _starts(clip.times):
            crops.append(clip.crops[start : start + RUN])
            boxes.append(square[start : start + RUN])
            times.append(clip.times[start : start + RUN])
            labels.append(actions.index(clip.sample.action))
            sources.append(MOTION if clip.sample.boxes is None else TRUTH)
    return Runs(
        np.array(crops, np.uint8).reshape(-1, RUN, size, size, 3),
        np.array(boxes, np.float32).reshape(-1, RUN, 4),
        np.array(times, np.float64).reshape(-1, RUN),
        np.repeat(np.array(labels, np.uint8)[:, None], RUN, axis=1).reshape(-1, RUN),
        np.array(sources, np.uint8),
        1.0,
    )


def _starts(times: NDArray[np.float64]) -> Iterator[int]:
    """Where whole runs without a gap begin."""
    start = 0
    while start + RUN <= len(times):
        gaps = np.flatnonzero(np.diff(times[start : start + RUN]) > _MAX_GAP_S)
        if len(gaps):
            start += int(gaps[-1]) + 1
        else:
            yield start
            start += RUN
