"""Measure the service on a data set, through the service's own pipeline: enrol, score every frame, compare.

    watchword evaluate ../shared/data/ped2 --heads attributes --detector motion --out results/ped2

What is scored here is what is deployed, so a figure from here is a figure of the service. Scores are causal:
what the service could have known at that frame. The same smoothed over the whole clip, as papers report it, stands
beside them. Truth is read before anything is scored, so that a data set with a fault costs seconds.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Any, Protocol

import av.error
import cv2
import numpy as np
from numpy.typing import NDArray

from models.inputs import FrameWindow
from service.errors import WatchwordError
from service.frames import PreparedFrame
from service.ingest.damage import Damage
from service.ingest.listing import count_frames
from service.ingest.playback import read_all
from service.ingest.source import local_source
from service.pipeline.offline import OfflinePipeline
from service.pipeline.recordings import NormalRecording, sound
from service.pipeline.scored import display
from service.profiles.profile import Profile
from service.settings import Settings
from training.datasets import Clip, Dataset, DatasetError, LabelledClip, Truth
from training.evaluation.events import event_metrics
from training.evaluation.false_alerts import normal_clips, normal_frames
from training.evaluation.groups import groups_of
from training.evaluation.metrics import (
    RegionFrame,
    alert_metrics,
    clip_auc,
    frame_metrics,
    kind_metrics,
    region_metrics,
)
from training.evaluation.scored_clip import OFFLINE_SIGMA_S, ScoredClip, SeenFrames
from training.evaluation.within import within_clips

logger = logging.getLogger(__name__)


class Progress(Protocol):
    """Told how far the evaluation is."""

    def begin(self, task: str, frames: int) -> None:
        """A task of so many frames starts; the one before it is done."""
        ...

    def advance(self) -> None:
        """One frame more is done."""
        ...


class Silent:
    """No progress shown."""

    def begin(self, task: str, frames: int) -> None:
        """Nothing."""

    def advance(self) -> None:
        """Nothing."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """An evaluation, finished or as far as it is.

    Attributes:
        dataset: What was measured on.
        clips: The test clips that were scored, at least one.
        profiles: By scene.
        enrolment_s: Seconds that enrolment took.
        seed: Of every generator.
        failed: Why a test clip could not be scored, by its name. No figure speaks of these.
        damaged: What of the clips could not be read, in sentences.
        promised_per_day: False alerts a day that the thresholds were asked to keep to; None if nobody said.
        complete: Whether every test clip was scored or has failed.
    """

    dataset: Dataset
    clips: tuple[ScoredClip, ...]
    profiles: Mapping[str, Profile]
    enrolment_s: float
    seed: int
    failed: Mapping[str, str] = field(default_factory=dict)
    damaged: tuple[str, ...] = ()
    promised_per_day: float | None = None
    complete: bool = True

    def metrics(self) -> dict[str, Any]:
        """All figures, ready for JSON; docs/evaluation.md says what each is."""
        labels = [clip.truth.labels for clip in self.clips]
        causal, offline = [clip.surprise for clip in self.clips], [clip.offline for clip in self.clips]
        counted = [clip.counted for clip in self.clips]
        alerts = alert_metrics(counted)
        regions = region_metrics(list(_region_frames(self.clips)))
        frames = sum(len(clip.index) for clip in self.clips)
        thresholds = {clip.threshold for clip in self.clips}
        threshold = thresholds.pop() if len(thresholds) == 1 else None
        heads = {name: head for profile in self.profiles.values() for name, head in profile.heads.items()}
        return {
            "dataset": {"name": self.dataset.name, "kind": self.dataset.kind, "test_clips": len(self.clips)},
            "complete": self.complete,
            "failed": dict(self.failed),
            "causal": asdict(frame_metrics(labels, causal)),
            "offline": asdict(frame_metrics(labels, offline)),
            "within_clips": {
                "causal": asdict(within_clips(labels, causal)),
                "offline": asdict(within_clips(labels, offline)),
            },
            "offline_sigma_s": OFFLINE_SIGMA_S,
            "frames": frames,
            "frames_per_second": frames / sum(clip.wall_s for clip in self.clips),
            "rbdc": None if regions is None else regions.rbdc,
            "tbdc": None if regions is None else regions.tbdc,
            "regions": None if regions is None else asdict(regions),
            "detection_delay_s": alerts.mean_delay_s,
            "false_alarms_per_hour": alerts.false_alarms_per_hour,
            "events": asdict(alerts),
            "event_detection": asdict(event_metrics(counted, causal)),
            "false_alerts": {
                "normal_clips": asdict(normal_clips(counted, self.promised_per_day)),
                "normal_frames": asdict(normal_frames(counted, self.promised_per_day)),
            },
            "groups": groups_of(self.clips, self.promised_per_day),
            "kinds": {
                kind: asdict(figures)
                for kind, figures in kind_metrics(
                    counted, [clip.truth.kinds or () for clip in self.clips], causal
                ).items()
            },
            "unscored_frames": sum(clip.unscored for clip in self.clips),
            "threshold": threshold,
            "threshold_score": None if threshold is None else display(threshold),
            "per_clip": {clip.clip.name: _clip_metrics(clip) for clip in self.clips},
            "enrolment": {
                "wall_s": self.enrolment_s,
                "scenes": {
                    scene: {"frames": profile.frames, "seconds": profile.seconds, "origin": profile.origin}
                    for scene, profile in self.profiles.items()
                },
            },
            "packs": {name: head.pack_hash for name, head in heads.items()},
            "damaged": list(self.damaged),
            "seed": self.seed,
        }


def evaluate(
    dataset: Dataset,
    pipeline: OfflinePipeline,
    settings: Settings,
    threshold: Callable[[Profile], float],
    *,
    profile: Profile | None = None,
    fps: float | None = None,
    seed: int = 0,
    progress: Progress | None = None,
    on_clip: Callable[[ScoredClip], object] | None = None,
    so_far: Callable[[Evaluation], object] | None = None,
    kept: Callable[[LabelledClip, Truth, float], ScoredClip | None] | None = None,
    promised_per_day: float | None = None,
) -> Evaluation:
    """Enrol on the training clips, one profile a scene, and score every test clip.

    A clip that cannot be scored costs itself alone: hours of others may lie before it.

    Args:
        dataset: What to measure on.
        pipeline: The service's, with its detector and heads.
        settings: The service's, for how pictures are prepared.
        threshold: Gives the surprise at which an alert opens under a profile.
        profile: Scores all scenes; None enrols.
        fps: Frames looked at per second, at most; None looks at every one.
        seed: Of the generators that something might draw from.
        progress: Told how far it is.
        on_clip: Given each clip as soon as it is scored, so that it can be kept.
        so_far: Given what there is after each of them, so that a killed evaluation leaves its figures. What it raises
            is logged: the clip itself is kept.
        kept: Gives a clip that was scored before, by the clip, its truth and the threshold; None has it scored.
        promised_per_day: False alerts a day that ``threshold`` is to keep to, to hold what was seen against.

    Raises:
        DatasetError: If truth and footage do not fit together, or no test clip could be scored.
        service.profiles.fit.EnrolmentError: If the training clips do not suffice.
    """
    random.seed(seed)
    np.random.seed(seed)  # what draws without a generator of its own draws from this one
    cv2.setRNGSeed(seed)
    run = _Run(pipeline, settings, fps, progress or Silent())
    truths = [clip.truth() for clip in dataset.test]
    start = time.perf_counter()
    profiles = run.enrol(dataset) if profile is None else {clip.scene: profile for clip in dataset.test}
    enrolment_s = time.perf_counter() - start
    result = Evaluation(dataset, (), profiles, enrolment_s, seed, promised_per_day=promised_per_day, complete=False)
    for clip, truth in zip(dataset.test, truths, strict=True):
        profile = profiles[clip.scene]
        limit = threshold(profile)
        try:
            scored = kept(clip, truth, limit) if kept is not None else None
            if scored is None:
                scored = run.score(clip, truth, profile, limit)
                if on_clip is not None:
                    on_clip(scored)
            else:
                run.note(scored)
        except Exception as error:  # whatever it is, a head of another distribution included
            trace = None if isinstance(error, WatchwordError) else error
            logger.warning("clip %s could not be scored, the others go on: %s", clip.name, error, exc_info=trace)
            result = replace(result, failed={**result.failed, clip.name: _why(error)})
            continue
        result = replace(result, clips=(*result.clips, scored), damaged=tuple(run.damaged))
        if so_far is not None:
            _tell(so_far, result)
    if not result.clips:
        name, why = next(iter(result.failed.items()))
        msg = f"none of the {len(result.failed)} test clips could be scored; the first, {name}: {why}"
        raise DatasetError(msg)
    return replace(result, damaged=tuple(run.damaged), complete=True)


def _tell(so_far: Callable[[Evaluation], object], result: Evaluation) -> None:
    try:
        so_far(result)
    except Exception as error:
        logger.warning("the figures so far could not be kept, the evaluation goes on: %s", error, exc_info=error)


def _why(error: Exception) -> str:
    """The sentence of an error that was raised on purpose; of any other also its kind."""
    return str(error) if isinstance(error, WatchwordError) else f"{type(error).__name__}: {error}"


def decoded(
    clip: Clip,
    settings: Settings,
    fps: float | None,
    windows: Sequence[FrameWindow] = (),
    damage: Damage | None = None,
) -> Generator[PreparedFrame]:
    """The frames of a clip as the service prepares them, named by its file; close it, or read it to its end.

    Args:
        clip: Of a data set.
        settings: Sizes and time-outs.
        fps: Frames wanted per second; None for every one.
        windows: ``OfflinePipeline.windows`` of what is to look at them.
        damage: Told what is left out.
    """
    yield from read_all(str(clip.source), local_source(clip.source, rate=clip.fps), fps, settings, windows, damage)


class _Run:
    """Drives the pipeline over clips."""

    def __init__(self, pipeline: OfflinePipeline, settings: Settings, fps: float | None, progress: Progress) -> None:
        self._pipeline = pipeline
        self._settings = settings
        self._fps = fps
        self._progress = progress
        self.damaged: list[str] = []

    def enrol(self, dataset: Dataset) -> dict[str, Profile]:
        """A profile for each scene of the test clips, from its own training clips.

        A scene without any is scored under one learned from all of them, as if it were a camera just put up.
        """
        scenes = sorted({clip.scene for clip in dataset.test})
        own = {scene: [clip for clip in dataset.train if clip.scene == scene] for scene in scenes}
        profiles = {scene: self._learn(clips, scene or dataset.name) for scene, clips in own.items() if clips}
        if len(profiles) < len(scenes):
            pooled = self._learn(dataset.train, "all scenes")
            profiles |= {scene: pooled for scene in scenes if scene not in profiles}
        return profiles

    def _learn(self, clips: Sequence[Clip], name: str) -> Profile:
        self._progress.begin(f"enrolment: {name}", sum(_frames_at_most(clip) for clip in clips))
        footage = [NormalRecording(f"clip {clip.name}", partial(self._frames, clip)) for clip in clips]
        normal = sound(footage, self._note)
        profile = self._pipeline.enrol(normal, f"{len(clips)} clips of {name}", self._progress.advance)
        return replace(profile, samples=None)  # many scenes at once must not hold all their samples

    def score(self, clip: LabelledClip, truth: Truth, profile: Profile, threshold: float) -> ScoredClip:
        """Score one clip as the live service would have."""
        self._progress.begin(f"scoring: {clip.name}", len(truth.labels))
        seen, damage = SeenFrames(boxes=truth.regions is not None), Damage()
        start = time.perf_counter()
        with closing(self._frames(clip, damage)) as frames:
            for frame in self._pipeline.score(frames, profile, threshold):
                seen.add(frame)
                self._progress.advance()
        wall_s = time.perf_counter() - start
        index = seen.index
        if damage.lost:
            # Behind a loss frames are numbered by their time, which may round beyond the end.
            index = np.minimum(index, len(truth.labels) - 1)
        else:
            self._check(clip, index, len(truth.labels))
        scored = replace(seen.finish(clip, truth, index, profile, threshold), wall_s=wall_s, damage=damage)
        self.note(scored)
        return scored

    def note(self, scored: ScoredClip) -> None:
        """Remember what of a scored clip is damaged."""
        self._note(scored.damage.sentence(f"clip {scored.clip.name}"))

    def _frames(self, clip: Clip, damage: Damage) -> Generator[PreparedFrame]:
        return decoded(clip, self._settings, self._fps, self._pipeline.windows, damage)

    def _note(self, damage: str | None) -> None:
        if damage is not None:
            self.damaged.append(damage)

    def _check(self, clip: Clip, index: NDArray[np.int64], frames: int) -> None:
        """A score for every frame: labels that slip by one frame would be a figure of nothing."""
        if not len(index) or index[-1] >= frames or (self._fps is None and len(index) != frames):
            last = int(index[-1]) + 1 if len(index) else 0
            msg = f"clip {clip.name}: expected {frames} frames, as its labels say; decoded {last}, scored {len(index)}"
            raise DatasetError(msg)


def _frames_at_most(clip: Clip) -> int:
    """How many frames there are to read, for who is told of progress: none where reading will say what is wrong."""
    try:
        return count_frames(clip.source)
    except av.error.FFmpegError:
        return 0


def _region_frames(clips: Sequence[ScoredClip]) -> Iterator[RegionFrame]:
    """Every frame whose regions are known, with track ids that are unique over all clips."""
    offset = 0
    for clip in clips:
        if clip.truth.regions is None or clip.detections is None:
            continue
        for frame, true in enumerate(clip.truth.regions):
            boxes, scores = clip.detections.of(frame)
            yield RegionFrame(true.boxes, true.tracks + offset, boxes, scores)
        offset += 1 + max((int(true.tracks.max(initial=-1)) for true in clip.truth.regions), default=-1)


def _clip_metrics(clip: ScoredClip) -> dict[str, Any]:
    alerts = alert_metrics([clip.counted])
    found = event_metrics([clip.counted], [clip.surprise])
    return {
        "frames": len(clip.index),
        "damaged_frames": clip.damage.lost,
        "anomalous_frames": int(clip.truth.labels.sum()),
        "unscored_frames": clip.unscored,
        "causal_auc": clip_auc(clip.truth.labels, clip.surprise),
        "offline_auc": clip_auc(clip.truth.labels, clip.offline),
        "threshold": clip.threshold,
        "threshold_score": display(clip.threshold),
        "alerts_s": [[float(clip.pts[start]), float(clip.pts[end - 1])] for start, end in clip.alerts],
        "delays_s": list(alerts.delays_s),
        "missed": alerts.missed,
        "false_alarms": alerts.false_alarms,
        "events": found.events,
        "noticed_in_time": found.noticed_in_time,
        "normal_hours": alerts.normal_hours,
        "frames_per_second": len(clip.index) / clip.wall_s,
    }
