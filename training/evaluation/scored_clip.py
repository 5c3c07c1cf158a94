"""What the pipeline said of one test clip: bounded in memory for hours of footage, and kept on disk as it comes."""

from __future__ import annotations

import json
import os
import zipfile
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.scoring.smoothing import final_surprise, smooth_offline
from service.alerts.incident_machine import IncidentMachine, IncidentRules, SurpriseSample
from service.ingest.damage import Damage
from service.pipeline.scored import ScoredFrame, ScoredObjects, display
from service.profiles.profile import Profile
from training.datasets import LabelledClip, Truth
from training.evaluation.metrics import ClipAlerts, Interval
from training.evaluation.paths import result_path

OFFLINE_SIGMA_S = 0.5
"""Gaussian of the whole-clip smoothing. Taken from practice, not from any test clip: the authors of UBnormal show
15 frames at 30 frames a second; AI-VAD takes 3 frames at 10 a second on Ped2 and 7 at 24 on ShanghaiTech."""

_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Detections:
    """The ``K`` objects and moving regions that were scored in a clip of ``N`` frames, frame after frame.

    Ten hours at 5 frames a second are 180,000 frames: an array for each of them takes more than what is in it, so there
    is one of all.

    Attributes:
        boxes: ``(K, 4)`` float32, fractions of the picture.
        scores: ``(K,)`` float64, their surprise.
        first: ``(N + 1,)`` int64: frame ``i`` has the rows ``first[i]`` to ``first[i + 1]``.
    """

    boxes: NDArray[np.float32]
    scores: NDArray[np.float64]
    first: NDArray[np.int64]

    def of(self, frame: int) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
        """Boxes and scores of one frame."""
        rows = slice(int(self.first[frame]), int(self.first[frame + 1]))
        return self.boxes[rows], self.scores[rows]


@dataclass(frozen=True, slots=True)
class ScoredClip:
    """What the pipeline said of one test clip, for the ``N`` frames that it looked at.

    Attributes:
        clip: Which one.
        truth: Of the frames looked at.
        index: ``(N,)`` int64, each frame's number in the clip.
        pts: ``(N,)`` seconds.
        surprise: ``(N,)`` causal, finite.
        offline: ``(N,)`` smoothed over the whole clip, finite.
        threshold: Surprise at which an alert opens.
        alerts: Positions in these arrays: where an alert opened, and behind where it closed.
        detections: What was scored in each frame; None where the truth knows no regions to hold it against.
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
    detections: Detections | None
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

    def save(self, folder: Path) -> Path:
        """Write ``NAME.npz``, from which ``load`` has the clip again; whole or not at all. Returns its path."""
        about = {
            "format": _FORMAT,
            "threshold": self.threshold,
            "unscored": self.unscored,
            "wall_s": self.wall_s,
            "damage": asdict(self.damage),
        }
        arrays = {
            "index": self.index,
            "pts": self.pts,
            "labels": self.truth.labels,
            "surprise": self.surprise,
            "offline": self.offline,
            "alerts": np.array(self.alerts, np.int64).reshape(-1, 2),
            "about": np.frombuffer(json.dumps(about).encode(), np.uint8),
        }
        found = self.detections
        if found is not None:
            arrays |= {"boxes": found.boxes, "scores": found.scores, "first": found.first}
        path = result_path(folder, self.clip.name, ".npz")
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f"{path.name}.part")
        with unfinished.open("wb") as file:
            np.savez_compressed(file, **arrays)  # type: ignore[arg-type]  # its flag is taken for one of the arrays
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
        return path

    @classmethod
    def load(cls, folder: Path, clip: LabelledClip, truth: Truth) -> ScoredClip | None:
        """The clip as ``save`` wrote it.

        Args:
            folder: As it was given to ``save``.
            clip: Which one.
            truth: Of all its frames.

        Returns:
            None if it is not there, or not readable, or was held against another truth: then it is to be scored.
        """
        path = result_path(folder, clip.name, ".npz")
        try:
            with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
                kept = {name: file[name] for name in file.files}
            about = json.loads(kept["about"].tobytes())
            index = kept["index"]
            looked_at = truth_at(truth, index)
            detections = Detections(kept["boxes"], kept["scores"], kept["first"]) if "boxes" in kept else None
            told = (detections is not None) == (looked_at.regions is not None)
            if about["format"] != _FORMAT or not told or not np.array_equal(looked_at.labels, kept["labels"]):
                return None
            return cls(
                clip,
                looked_at,
                index,
                kept["pts"],
                kept["surprise"],
                kept["offline"],
                float(about["threshold"]),
                tuple((int(opened), int(closed)) for opened, closed in kept["alerts"]),
                detections,
                int(about["unscored"]),
                float(about["wall_s"]),
                _damage(about["damage"]),
            )
        except (OSError, ValueError, KeyError, IndexError, TypeError, EOFError, zipfile.BadZipFile):
            return None


class SeenFrames:
    """What is kept of a clip's scored frames: no pictures, and boxes only where there is a truth for them."""

    def __init__(self, *, boxes: bool) -> None:
        """Begin a clip.

        Args:
            boxes: Keep the objects and regions of each frame.
        """
        self._keep_boxes = boxes
        self._index = array("q")
        self._pts = array("d")
        self._surprise = array("d")
        self._raw = array("d")
        self._calm = array("d")
        self._covers: list[tuple[float, float] | None] = []
        self._boxes: list[NDArray[np.float32]] = []
        self._box_scores: list[NDArray[np.float64]] = []
        self._counts = array("q")
        self._unscored = 0
        numbers = count()
        self._machine = IncidentMachine(IncidentRules(), lambda: str(next(numbers)))
        self._alerts: list[Interval] = []

    def add(self, frame: ScoredFrame) -> None:
        """Take the next frame. A score that is no number says as much as none: nothing."""
        said = _number(frame.surprise)
        self._unscored += said is None
        self._follow(frame, said)
        self._index.append(frame.source.frame.index)
        self._pts.append(frame.source.frame.pts)
        self._surprise.append(0.0 if said is None else said)
        self._calm.append(max((calm for calm in frame.heads.values() if np.isfinite(calm)), default=0.0))
        raw = _number(frame.unsmoothed)
        self._raw.append(np.nan if raw is None else raw)
        self._covers.append(frame.covers)
        if self._keep_boxes:
            self._take_boxes(frame.objects)

    def _take_boxes(self, objects: ScoredObjects) -> None:
        told = np.isfinite(objects.surprise)
        self._boxes.append(objects.boxes[told])
        self._box_scores.append(objects.surprise[told])
        self._counts.append(int(told.sum()))

    def _follow(self, frame: ScoredFrame, surprise: float | None) -> None:
        """Open and close alerts by the service's own rules; each counts as sent the moment it opens."""
        clocks = frame.source.frame
        believable = frame.believable
        sample = SurpriseSample(
            frame.source.epoch,
            clocks.pts,
            clocks.captured_at,
            surprise,
            frame.threshold,
            clocks.happened,
            believable,
        )
        for change in self._machine.step(sample).changes:
            if change.event == "opened":
                self._alerts.append((len(self._index), -1))
                self._machine.sent(change.incident.id)
            elif change.event == "closed":
                self._alerts[-1] = (self._alerts[-1][0], len(self._index))

    @property
    def index(self) -> NDArray[np.int64]:
        """``(N,)``, the number of each frame in its clip."""
        return np.array(self._index, np.int64)

    @property
    def pts(self) -> NDArray[np.float64]:
        """``(N,)`` seconds."""
        return np.array(self._pts)

    @property
    def surprise(self) -> NDArray[np.float64]:
        """``(N,)`` causal, finite."""
        return np.array(self._surprise)

    @property
    def alerts(self) -> tuple[Interval, ...]:
        """From opening to closing; one that is still open lasts to the end."""
        end = len(self._index)
        return tuple((opened, closed if closed >= 0 else end) for opened, closed in self._alerts)

    @property
    def unscored(self) -> int:
        """Frames of which nothing could be said."""
        return self._unscored

    def offline(self, profile: Profile) -> NDArray[np.float64]:
        """``(N,)`` finite: what no frame within the Gaussian's reach says anything of is calm, as live.

        On the scale of the causal scores, so that clips of different profiles can be pooled.

        Args:
            profile: That the clip was scored under.
        """
        pts = self.pts
        smooth = smooth_offline(spread(self._raw, pts, self._covers), pts, OFFLINE_SIGMA_S)
        return final_surprise(profile.fused, smooth, np.array(self._calm))

    def finish(
        self, clip: LabelledClip, truth: Truth, index: NDArray[np.int64], profile: Profile, threshold: float
    ) -> ScoredClip:
        """The clip, with no wall time and no damage yet.

        Args:
            clip: Which one.
            truth: Of all its frames.
            index: ``(N,)``, the number of each frame that was seen, as the truth counts them.
            profile: That it was scored under.
            threshold: Surprise at which an alert opened.
        """
        return ScoredClip(
            clip=clip,
            truth=truth_at(truth, index),
            index=index,
            pts=self.pts,
            surprise=self.surprise,
            offline=self.offline(profile),
            threshold=threshold,
            alerts=self.alerts,
            detections=self._detections() if self._keep_boxes else None,
            unscored=self._unscored,
            wall_s=0.0,
            damage=Damage(),
        )

    def _detections(self) -> Detections:
        return Detections(
            np.concatenate([np.zeros((0, 4), np.float32), *self._boxes]),
            np.concatenate([np.zeros(0), *self._box_scores]),
            np.concatenate([[0], np.cumsum(self._counts)]).astype(np.int64),
        )


def _damage(told: Mapping[str, Any]) -> Damage:
    return Damage(**{**told, "stretches": [(float(start), float(end)) for start, end in told["stretches"]]})


def _number(value: float | None) -> float | None:
    """The value, if it is a finite number."""
    return value if value is not None and np.isfinite(value) else None


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
            of = slice(index, index + 1) if covered is None else _between(pts, *covered)
            sums[of] += value
            counts[of] += 1
    with np.errstate(invalid="ignore"):
        mean: NDArray[np.float64] = sums / np.where(counts > 0, counts, np.nan)
    return mean


def _between(pts: NDArray[np.float64], first: float, last: float) -> slice:
    """The frames from one time to another, both included."""
    return slice(int(np.searchsorted(pts, first)), int(np.searchsorted(pts, last, side="right")))


def truth_at(truth: Truth, index: NDArray[np.int64]) -> Truth:
    """The truth of some of a clip's frames, its events in positions among them.

    Raises:
        IndexError: If there is a frame that the truth does not have.
    """
    events = tuple(
        (int(np.searchsorted(index, start)), int(np.searchsorted(index, end))) for start, end in truth.events
    )
    regions = None if truth.regions is None else tuple(truth.regions[position] for position in index)
    return Truth(truth.labels[index], events, regions, truth.kinds)
