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
from itertools import count
from pathlib import Path
from typing import Any, Protocol

import av.error
import cv2
import numpy as np
from numpy.typing import NDArray

from models.inputs import FrameWindow
from models.scoring.smoothing import final_surprise, smooth_offline
from service.alerts.incident_machine import IncidentMachine, IncidentRules, SurpriseSample
from service.errors import WatchwordError
from service.frames import PreparedFrame
from service.ingest.damage import Damage
from service.ingest.listing import count_frames
from service.ingest.playback import read_all
from service.ingest.source import local_source
from service.pipeline.offline import OfflinePipeline
from service.pipeline.recordings import NormalRecording, sound
from service.pipeline.scored import ScoredFrame, display
from service.profiles.profile import Profile
from service.settings import Settings
from training.datasets import Clip, Dataset, DatasetError, LabelledClip, Truth
from training.evaluation.metrics import (
    ClipAlerts,
    Interval,
    RegionFrame,
    alert_metrics,
    clip_auc,
    frame_metrics,
    kind_metrics,
    region_metrics,
)
from training.evaluation.paths import result_path

logger = logging.getLogger(__name__)

OFFLINE_SIGMA_S = 0.5
"""Gaussian of the whole-clip smoothing. Taken from practice, not from any test clip: the authors of UBnormal show
15 frames at 30 frames a second; AI-VAD takes 3 frames at 10 a second on Ped2 and 7 at 24 on ShanghaiTech."""


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
class ScoredClip:
    """What the pipeline said of one test clip, for the ``N`` frames that it looked at.

    Attributes:
        clip: Which one.
        truth: Of the frames looked at.
        index: ``(N,)`` int64, each frame's number in the clip.
        pts: ``(N,)`` seconds.
        surprise: ``(N,)`` causal.
        offline: ``(N,)`` smoothed over the whole clip.
        threshold: Surprise at which an alert opens.
        alerts: Positions in these arrays: where an alert opened, and behind where it closed.
        boxes: Per frame ``(K, 4)``, the objects and regions that were scored in it.
        box_scores: Per frame ``(K,)``, their surprise.
        unscored: Frames of which nothing could be said, such as those of a camera that was covered. They count as calm.
        wall_s: Seconds from opening the file to the last score.
        damage: What of the clip could not be read, and so was not scored.
    """

    clip: LabelledClip
    truth: Truth
    index: NDArray[np.int64]
    pts: NDArray[np.float64]
    surprise: NDArray[np.float64]
    offline: NDArray[np.float64]
    threshold: float
    alerts: tuple[Interval, ...]
    boxes: tuple[NDArray[np.float32], ...]
    box_scores: tuple[NDArray[np.float64], ...]
    unscored: int
    wall_s: float
    damage: Damage

    @property
    def counted(self) -> ClipAlerts:
        """What events and alerts are counted by."""
        return ClipAlerts(self.truth.labels, self.truth.events, self.alerts, self.pts)

    def save_scores(self, folder: Path) -> Path:
        """Write ``NAME.csv``, what a curve is drawn from, or a figure of one's own; returns its path."""
        open_at = np.zeros(len(self.index), np.int64)
        for opened, closed in self.alerts:
            open_at[opened:closed] = 1
        score = [display(surprise) for surprise in self.surprise.tolist()]
        columns = (self.index, self.pts, self.truth.labels, self.surprise, self.offline, score, open_at)
        path = result_path(folder, self.clip.name, ".csv")
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savetxt(
            path,
            np.column_stack(columns),
            fmt=("%d", "%.6f", "%d", "%.9g", "%.9g", "%.9g", "%d"),
            delimiter=",",
            header="frame,pts,label,causal,offline,score,alert",
            comments="",
        )
        return path


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A finished evaluation.

    Attributes:
        dataset: What was measured on.
        clips: The test clips that were scored, at least one.
        profiles: By scene.
        enrolment_s: Seconds that enrolment took.
        seed: Of every generator.
        failed: Why a test clip could not be scored, by its name. No figure speaks of these.
        damaged: What of the clips could not be read, in sentences.
    """

    dataset: Dataset
    clips: tuple[ScoredClip, ...]
    profiles: Mapping[str, Profile]
    enrolment_s: float
    seed: int
    failed: Mapping[str, str] = field(default_factory=dict)
    damaged: tuple[str, ...] = ()

    def metrics(self) -> dict[str, Any]:
        """All figures, ready for JSON; docs/evaluation.md says what each is."""
        labels = [clip.truth.labels for clip in self.clips]
        counted = [clip.counted for clip in self.clips]
        alerts = alert_metrics(counted)
        regions = region_metrics(list(_region_frames(self.clips)))
        frames = sum(len(clip.index) for clip in self.clips)
        thresholds = {clip.threshold for clip in self.clips}
        threshold = thresholds.pop() if len(thresholds) == 1 else None
        heads = {name: head for profile in self.profiles.values() for name, head in profile.heads.items()}
        return {
            "dataset": {"name": self.dataset.name, "kind": self.dataset.kind, "test_clips": len(self.clips)},
            "failed": dict(self.failed),
            "causal": asdict(frame_metrics(labels, [clip.surprise for clip in self.clips])),
            "offline": asdict(frame_metrics(labels, [clip.offline for clip in self.clips])),
            "offline_sigma_s": OFFLINE_SIGMA_S,
            "frames": frames,
            "frames_per_second": frames / sum(clip.wall_s for clip in self.clips),
            "rbdc": None if regions is None else regions.rbdc,
            "tbdc": None if regions is None else regions.tbdc,
            "regions": None if regions is None else asdict(regions),
            "detection_delay_s": alerts.mean_delay_s,
            "false_alarms_per_hour": alerts.false_alarms_per_hour,
            "events": asdict(alerts),
            "kinds": {
                kind: asdict(figures)
                for kind, figures in kind_metrics(
                    counted, [clip.truth.kinds or () for clip in self.clips], [clip.surprise for clip in self.clips]
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
    clips: list[ScoredClip] = []
    failed: dict[str, str] = {}
    for clip, truth in zip(dataset.test, truths, strict=True):
        try:
            scored = run.score(clip, truth, profiles[clip.scene], threshold(profiles[clip.scene]))
            if on_clip is not None:
                on_clip(scored)
        except Exception as error:  # whatever it is, a head of another distribution included
            failed[clip.name] = _why(error)
            trace = None if isinstance(error, WatchwordError) else error
            logger.warning("clip %s could not be scored, the others go on: %s", clip.name, error, exc_info=trace)
            continue
        clips.append(scored)
    if not clips:
        name, why = next(iter(failed.items()))
        msg = f"none of the {len(failed)} test clips could be scored; the first, {name}: {why}"
        raise DatasetError(msg)
    return Evaluation(dataset, tuple(clips), profiles, enrolment_s, seed, failed, tuple(run.damaged))


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
        seen, damage = _Seen(), Damage()
        start = time.perf_counter()
        with closing(self._frames(clip, damage)) as frames:
            for frame in self._pipeline.score(frames, profile, threshold):
                seen.add(frame)
                self._progress.advance()
        wall_s = time.perf_counter() - start
        index = np.array(seen.index, np.int64)
        if damage.lost:
            self._note(damage.sentence(f"clip {clip.name}"))
            # Behind a loss frames are numbered by their time, which may round beyond the end.
            index = np.minimum(index, len(truth.labels) - 1)
        else:
            self._check(clip, index, len(truth.labels))
        pts = np.array(seen.pts)
        return ScoredClip(
            clip=clip,
            truth=_at(truth, index),
            index=index,
            pts=pts,
            surprise=np.array(seen.surprise),
            # on the same scale as the causal scores, so that clips of different profiles can be pooled
            offline=final_surprise(
                profile.fused, smooth_offline(spread(seen.raw, pts, seen.covers), pts, OFFLINE_SIGMA_S), seen.calm
            ),
            threshold=threshold,
            alerts=seen.alerts(),
            boxes=tuple(seen.boxes),
            box_scores=tuple(seen.box_scores),
            unscored=seen.unscored,
            wall_s=wall_s,
            damage=damage,
        )

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


def spread(
    raw: Sequence[float], pts: NDArray[np.float64], covers: Sequence[tuple[float, float] | None]
) -> NDArray[np.float64]:
    """``(F,)`` scores of a clip with each laid over the frames that it speaks of: the mean of all that cover a frame.

    For a head that looks at a window of frames a score is of all of them, which the whole clip can know and the live
    service cannot.

    Args:
        raw: ``F`` scores, NaN where a frame said nothing.
        pts: ``(F,)`` presentation times in seconds.
        covers: ``F``, first and last time that each speaks of; None for its own frame alone.
    """
    values = np.asarray(raw, np.float64)
    if not any(covers):
        return values
    sums, counts = np.zeros(len(values)), np.zeros(len(values))
    for index, (value, covered) in enumerate(zip(values.tolist(), covers, strict=True)):
        if not np.isnan(value):
            of = index if covered is None else (pts >= covered[0]) & (pts <= covered[1])
            sums[of] += value
            counts[of] += 1
    with np.errstate(invalid="ignore"):
        mean: NDArray[np.float64] = sums / np.where(counts > 0, counts, np.nan)
    return mean


def _frames_at_most(clip: Clip) -> int:
    """How many frames there are to read, for who is told of progress: none where reading will say what is wrong."""
    try:
        return count_frames(clip.source)
    except av.error.FFmpegError:
        return 0


class _Seen:
    """What is kept of a clip's scored frames: no pictures."""

    def __init__(self) -> None:
        self.index: list[int] = []
        self.pts: list[float] = []
        self.surprise: list[float] = []
        self.raw: list[float] = []
        self.covers: list[tuple[float, float] | None] = []
        self.boxes: list[NDArray[np.float32]] = []
        self.box_scores: list[NDArray[np.float64]] = []
        self.unscored = 0
        self._calm: list[float] = []
        numbers = count()
        self._machine = IncidentMachine(IncidentRules(), lambda: str(next(numbers)))
        self._alerts: list[Interval] = []

    def add(self, frame: ScoredFrame) -> None:
        """Take the next frame."""
        self.unscored += frame.surprise is None
        seen = frame.objects[np.isfinite(frame.objects.surprise)]
        self._follow(frame)
        self.index.append(frame.source.frame.index)
        self.pts.append(frame.source.frame.pts)
        self.surprise.append(0.0 if frame.surprise is None else frame.surprise)
        self._calm.append(max(frame.heads.values(), default=0.0))
        self.raw.append(np.nan if frame.unsmoothed is None else frame.unsmoothed)
        self.covers.append(frame.covers)
        self.boxes.append(seen.boxes)
        self.box_scores.append(seen.surprise)

    def _follow(self, frame: ScoredFrame) -> None:
        """Open and close alerts by the service's own rules; each counts as sent the moment it opens."""
        clocks = frame.source.frame
        settled = frame.settled
        sample = SurpriseSample(
            frame.source.epoch,
            clocks.pts,
            clocks.captured_at,
            frame.surprise,
            frame.threshold,
            clocks.happened,
            settled,
        )
        for change in self._machine.step(sample).changes:
            if change.event == "opened":
                self._alerts.append((len(self.index), -1))
                self._machine.sent(change.incident.id)
            elif change.event == "closed":
                self._alerts[-1] = (self._alerts[-1][0], len(self.index))

    @property
    def calm(self) -> NDArray[np.float64]:
        """``(N,)`` what each frame counts as of which nothing can be said, before the last calibration."""
        return np.array(self._calm)

    def alerts(self) -> tuple[Interval, ...]:
        """From opening to closing; one that is still open lasts to the end."""
        return tuple((opened, closed if closed >= 0 else len(self.index)) for opened, closed in self._alerts)


def _at(truth: Truth, index: NDArray[np.int64]) -> Truth:
    """The truth of some of a clip's frames, its events in positions among them."""
    events = tuple(
        (int(np.searchsorted(index, start)), int(np.searchsorted(index, end))) for start, end in truth.events
    )
    regions = None if truth.regions is None else tuple(truth.regions[position] for position in index)
    return Truth(truth.labels[index], events, regions, truth.kinds)


def _region_frames(clips: Sequence[ScoredClip]) -> Iterator[RegionFrame]:
    """Every frame whose regions are known, with track ids that are unique over all clips."""
    offset = 0
    for clip in clips:
        if clip.truth.regions is None:
            continue
        for true, boxes, scores in zip(clip.truth.regions, clip.boxes, clip.box_scores, strict=True):
            yield RegionFrame(true.boxes, true.tracks + offset, boxes, scores)
        offset += 1 + max((int(true.tracks.max(initial=-1)) for true in clip.truth.regions), default=-1)


def _clip_metrics(clip: ScoredClip) -> dict[str, Any]:
    alerts = alert_metrics([clip.counted])
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
        "frames_per_second": len(clip.index) / clip.wall_s,
    }
