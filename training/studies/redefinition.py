"""What a rule in words does to the scores, in numbers: the test-time redefinition of the paper (section 4.5, figure 5).

The paper shows three curves. Here every rule is measured on footage whose truth is known object by object:

* of the frames in which nothing but the named action is anomalous and that alerted, how many no longer do;
* how well the other anomalies are still told from normal footage;
* whether another anomaly beside the named action in the same frame still alerts;
* how far sentences that name nothing move any score;
* and, for rules that make a normal action an anomaly, how many of its frames alert, and how many others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np

from models.arrays import Float64, Mask
from models.boxes import iou_table
from models.guidance.effect import Judgement
from service.pipeline.scored import display
from training.evaluation.metrics import auc_between
from training.studies.replay import Recording, replay
from training.virtual.truth import ClipTruth, ObjectTruth

QUIET = 0.95
"""Share of the alerting frames of an action that a rule which calls it normal must silence to hold."""
MAX_FALL = 0.01
"""AUC that the other anomalies may lose for the rule to hold."""
MAX_MOVE = 0.02
"""Of any displayed score, in [0, 1], under a sentence that names nothing."""
SEEN_IOU = 0.3
"""A detection shows a true object if they overlap by so much."""

RuleJudge = Callable[[Recording], Judgement]
"""What a rule in words says of a recording's objects."""


@dataclass(frozen=True, slots=True)
class RecordedScene:
    """A recording with what is true of its ``F`` frames."""

    recording: Recording
    truth: ClipTruth

    def doing(self, action: str, *, anomalous: bool) -> Mask:
        """``(F,)`` frames in which somebody does this, as an anomaly or as what is normal there."""
        return self._frames(lambda one: one.action == action and one.anomalous == anomalous)

    def others(self, action: str) -> Mask:
        """``(F,)`` frames with an anomaly of somebody who does this at no time: who fell also gets up."""
        tracks = {one.track_id for objects in self.truth.objects for one in objects if one.action == action}
        return self._frames(lambda one: one.anomalous and one.track_id not in tracks)

    def normal(self) -> Mask:
        """``(F,)`` frames without an anomaly."""
        return self._frames(lambda one: not one.anomalous, every=True)

    def alerting(self, surprise: Float64) -> Mask:
        """``(F,)`` frames whose score is one to alert on."""
        return np.asarray(surprise >= self.recording.threshold)

    def rows(self, action: str) -> Mask:
        """``(N,)`` detections, of the recording's rows, that show somebody who does this."""
        recording = self.recording
        shown = np.zeros(len(recording.seen), bool)
        for frame, index in enumerate(recording.index):
            rows = recording.rows(frame)
            true = [one.box for one in self.truth.objects[index] if one.action == action]
            if true and rows.stop > rows.start:
                shown[rows] = (iou_table(np.array(true, np.float32), recording.seen.boxes[rows]) >= SEEN_IOU).any(
                    axis=0
                )
        return shown

    def detected(self, action: str) -> Mask:
        """``(F,)`` frames in which an object with a clip shows somebody who does this: no rule can see others."""
        shown = np.zeros(len(self.recording.pts), bool)
        clips = ~np.isnan(self.recording.seen.embeddings).any(axis=1)
        shown[self.recording.frames()[self.rows(action) & clips]] = True
        return shown

    def without(self, action: str) -> Float64:
        """``(F,)`` scores as a rule would leave them that knew the truth and took away just who does this."""
        relief = self.rows(action).astype(np.float64)
        count = len(relief)
        return replay(self.recording, Judgement(relief, np.zeros(count), ((),) * count)).surprise

    def _frames(self, holds: Callable[[ObjectTruth], bool], *, every: bool = False) -> Mask:
        count = all if every else any
        return np.array([count(map(holds, self.truth.objects[index])) for index in self.recording.index], bool)


@dataclass(slots=True)
class _Pool:
    """Gathers masks and scores of many scenes."""

    high: list[Mask] = field(default_factory=list)
    low: list[Mask] = field(default_factory=list)
    before: list[Float64] = field(default_factory=list)
    after: list[Float64] = field(default_factory=list)

    def add(self, high: Mask, low: Mask, before: Float64, after: Float64) -> None:
        self.high.append(high)
        self.low.append(low)
        self.before.append(before)
        self.after.append(after)

    def aucs(self) -> tuple[float | None, float | None]:
        return auc_between(self.high, self.low, self.before), auc_between(self.high, self.low, self.after)


@dataclass(frozen=True, slots=True)
class Relief:
    """What a rule that calls an action normal did.

    Attributes:
        alerted: Frames that alerted without the rule and in which nothing but the action was anomalous.
        quiet: Of them, those that no longer alert.
        visible: Of the alerted ones, those in which an object with a clip shows the action.
        visible_quiet: Of those, the ones that no longer alert.
        others_before: AUC of the frames with other anomalies and without the action against normal ones, without the
            rule; None where the footage has none.
        others_after: The same with the rule.
        beside: Frames with another anomaly beside the action that alert also when a rule that knew the truth takes
            away who does it: the other anomaly's own alerts.
        beside_kept: Of them, those that alert with the rule.
    """

    alerted: int
    quiet: int
    visible: int
    visible_quiet: int
    others_before: float | None
    others_after: float | None
    beside: int
    beside_kept: int

    @property
    def share(self) -> float | None:
        """Of the alerted frames, those that are quiet."""
        return self.quiet / self.alerted if self.alerted else None

    @property
    def fall(self) -> float:
        """AUC that the other anomalies lose."""
        if self.others_before is None or self.others_after is None:
            return 0.0
        return self.others_before - self.others_after

    @property
    def holds(self) -> bool:
        """Whether it silences the action and leaves the rest."""
        return self.share is not None and self.share >= QUIET and self.fall <= MAX_FALL

    def same_as(self, other: Relief) -> bool:
        """Whether it silences nearly as much as another rule that silences something, and costs hardly more."""
        if not self.share or not other.share:
            return False
        return self.share >= other.share - (1.0 - QUIET) and self.fall <= max(0.0, other.fall) + MAX_FALL


def measure_relief(scenes: Iterable[RecordedScene], action: str, rule: RuleJudge) -> Relief:
    """What a rule that calls ``action`` normal does in these scenes."""
    counts = np.zeros(6, int)
    pool = _Pool()
    for scene in scenes:
        before = scene.recording.surprise
        after = replay(scene.recording, rule(scene.recording)).surprise
        target, others = scene.doing(action, anomalous=True), scene.others(action)
        was, now = scene.alerting(before), scene.alerting(after)
        alone, beside = target & ~others & was, target & others & scene.alerting(scene.without(action))
        visible = alone & scene.detected(action)
        masks = (alone, alone & ~now, visible, visible & ~now, beside, beside & now)
        counts += [int(mask.sum()) for mask in masks]
        pool.add(others & ~target, scene.normal(), before, after)
    alerted, quiet, visible, visible_quiet, beside, kept = counts.tolist()
    return Relief(alerted, quiet, visible, visible_quiet, *pool.aucs(), beside, kept)


@dataclass(frozen=True, slots=True)
class Alarm:
    """What a rule that calls a normal action an anomaly did, over the frames without any anomaly.

    Attributes:
        frames: With the action, none of which should have alerted without the rule.
        alerting_before: Of them, those that did.
        alerting: Of them, those that alert with it.
        visible: Of ``frames``, those in which an object with a clip shows the action.
        visible_alerting: Of those, the ones that alert with the rule.
        rest: Frames without the action.
        rest_before: Of them, those that alerted without the rule.
        rest_alerting: Of them, those that alert with it.
        auc_before: Of the frames with the action against the rest, without the rule.
        auc: The same with it.
    """

    frames: int
    alerting_before: int
    alerting: int
    visible: int
    visible_alerting: int
    rest: int
    rest_before: int
    rest_alerting: int
    auc_before: float | None
    auc: float | None


def measure_alarm(scenes: Iterable[RecordedScene], action: str, rule: RuleJudge) -> Alarm:
    """What a rule that calls ``action`` an anomaly does where it is normal."""
    counts = np.zeros(8, int)
    pool = _Pool()
    for scene in scenes:
        before = scene.recording.surprise
        after = replay(scene.recording, rule(scene.recording)).surprise
        normal = scene.normal()
        target = scene.doing(action, anomalous=False) & normal
        rest = normal & ~target
        visible = target & scene.detected(action)
        was, now = scene.alerting(before), scene.alerting(after)
        masks = (target, target & was, target & now, visible, visible & now, rest, rest & was, rest & now)
        counts += [int(mask.sum()) for mask in masks]
        pool.add(target, rest, before, after)
    frames, alerted, alerting, visible, visible_alerting, rest, rest_alerted, rest_alerting = counts.tolist()
    return Alarm(frames, alerted, alerting, visible, visible_alerting, rest, rest_alerted, rest_alerting, *pool.aucs())


@dataclass(frozen=True, slots=True)
class Drift:
    """How far a sentence that names nothing moves displayed scores, in [0, 1]: the farthest of any frame and object."""

    frames: float
    objects: float

    @property
    def holds(self) -> bool:
        """Whether it is next to nothing."""
        return max(self.frames, self.objects) <= MAX_MOVE


def measure_drift(recordings: Iterable[Recording], rule: RuleJudge) -> Drift:
    """How far a rule moves any score in these recordings."""
    frames = objects = 0.0
    for recording in recordings:
        replayed = replay(recording, rule(recording))
        frames = max(frames, _farthest(recording.surprise, replayed.surprise))
        objects = max(objects, _farthest(recording.seen.surprise, replayed.objects))
    return Drift(frames, objects)


def _farthest(before: Float64, after: Float64) -> float:
    """The largest change of a displayed score; what was not known counts as 0."""
    shown = ([display(value) for value in np.nan_to_num(values).tolist()] for values in (before, after))
    return max((abs(first - second) for first, second in zip(*shown, strict=True)), default=0.0)
