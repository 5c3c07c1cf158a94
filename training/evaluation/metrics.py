"""How well scores separate normal from anomalous: over frames, regions, tracks, events and hours.

Every function takes one array a clip and knows nothing of data sets or of the service. Scores need no scale: all
measures depend on their order alone, but for those at the alert threshold. Definitions with their sources are in
docs/evaluation.md.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score, roc_curve

from models.boxes import iou_table

Labels = Sequence[NDArray[np.uint8]]
Scores = Sequence[NDArray[np.float64]]
Interval = tuple[int, int]
"""First frame, frame after the last."""

REGION_IOU = 0.1
"""A region is found if a detection overlaps it by at least so much (Ramachandra and Jones, beta)."""

TRACK_SHARE = 0.1
"""A track is found if at least this share of its regions is (Ramachandra and Jones, alpha)."""

MAX_FALSE_REGIONS = 1.0
"""The curves are integrated up to so many false regions a frame."""


@dataclass(frozen=True, slots=True)
class FrameMetrics:
    """Frame-level measures, each in [0, 1]; None where one of the two classes is missing."""

    micro_auc: float | None
    macro_auc: float | None
    auprc: float | None
    max_f1: float | None
    eer: float | None


def frame_metrics(labels: Labels, scores: Scores) -> FrameMetrics:
    """All frame-level measures over some clips.

    Args:
        labels: Per clip ``(N,)``, 1 where anomalous.
        scores: Per clip ``(N,)``, finite, higher is more unusual.

    Raises:
        ValueError: If a clip has not one finite score for each label.
    """
    _check(labels, scores)
    pooled_labels, pooled_scores = np.concatenate(labels), np.concatenate(scores)
    if not has_both(pooled_labels):
        return FrameMetrics(None, None, None, None, None)
    return FrameMetrics(
        micro_auc=float(roc_auc_score(pooled_labels, pooled_scores)),
        macro_auc=float(np.mean([padded_auc(truth, values) for truth, values in zip(labels, scores, strict=True)])),
        auprc=float(average_precision_score(pooled_labels, pooled_scores)),
        max_f1=max_f1(pooled_labels, pooled_scores),
        eer=equal_error_rate(pooled_labels, pooled_scores),
    )


def has_both(labels: NDArray[np.uint8]) -> bool:
    """Whether there are normal frames and anomalous ones: without either there is nothing to tell apart."""
    return bool(0 < labels.sum() < len(labels))


def clip_auc(labels: NDArray[np.uint8], scores: NDArray[np.float64]) -> float | None:
    """``padded_auc`` of a clip to be shown by itself; None for one of one class, whose 1 would read as a success."""
    return padded_auc(labels, scores) if has_both(labels) else None


def padded_auc(labels: NDArray[np.uint8], scores: NDArray[np.float64]) -> float:
    """AUC of one clip with a normal frame below and an anomalous frame above all its scores added.

    The protocol of Georgescu et al., whose scores lie between 0 and 1 and who add frames of score 0 and 1. Scores
    here have no upper end, so the two frames get the lowest and the highest rank instead. A clip of one class
    comes out as 1.
    """
    ranks = np.unique(scores, return_inverse=True)[1]
    padded = np.concatenate(([-1], ranks, [len(scores)]))
    return float(roc_auc_score(np.concatenate(([0], labels, [1])), padded))


def max_f1(labels: NDArray[np.uint8], scores: NDArray[np.float64]) -> float:
    """The best F1 of the anomalous frames over all thresholds."""
    precision, recall, _ = precision_recall_curve(labels, scores)
    total = precision + recall
    return float(np.max(2 * precision * recall / np.where(total > 0, total, 1.0)))


def equal_error_rate(labels: NDArray[np.uint8], scores: NDArray[np.float64]) -> float:
    """Where the ROC curve, drawn straight between thresholds, has as many false alarms as misses."""
    false_rate, true_rate, _ = roc_curve(labels, scores, drop_intermediate=False)
    excess = false_rate - (1.0 - true_rate)  # rises from -1 to 1
    after = int(np.argmax(excess >= 0))
    if after == 0:
        return float(false_rate[0])
    share = -excess[after - 1] / (excess[after] - excess[after - 1])
    return float(false_rate[after - 1] + share * (false_rate[after] - false_rate[after - 1]))


def _check(labels: Labels, scores: Scores) -> None:
    if not labels:
        msg = "expected at least one clip"
        raise ValueError(msg)
    for index, (truth, values) in enumerate(zip(labels, scores, strict=True)):
        if truth.shape != values.shape or truth.ndim != 1 or not len(truth):
            msg = f"clip {index}: expected a score for each label, got {truth.shape} labels and {values.shape} scores"
            raise ValueError(msg)
        if not np.isfinite(values).all():
            msg = f"clip {index}: expected finite scores, got {int((~np.isfinite(values)).sum())} that are not"
            raise ValueError(msg)


# Regions and tracks -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RegionFrame:
    """What is true of one frame, and what was detected in it. Boxes are x, y, width, height in any one unit.

    Attributes:
        boxes: ``(M, 4)``, the anomalous regions.
        tracks: ``(M,)``, the anomalous object each region shows; ids are unique over all clips.
        detected: ``(K, 4)``.
        scores: ``(K,)``, higher is more unusual.
    """

    boxes: NDArray[np.float32]
    tracks: NDArray[np.int64]
    detected: NDArray[np.float32]
    scores: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class RegionMetrics:
    """Region-based and track-based detection criterion, each in [0, 1], with what they were counted over."""

    rbdc: float
    tbdc: float
    regions: int
    tracks: int
    frames: int


def region_metrics(frames: Sequence[RegionFrame]) -> RegionMetrics | None:
    """RBDC and TBDC of Ramachandra and Jones (Street Scene, WACV 2020).

    At each threshold, the share of anomalous regions (or of tracks) that are found is set against the number of
    false regions per frame; the areas under the two curves up to one false region a frame are the criteria. A
    detection that overlaps no true region of its frame by ``REGION_IOU`` is false. One detection may find several
    regions, and several may find one, which makes none of them false.

    Returns:
        None if there are no anomalous regions to be found.
    """
    found: list[NDArray[np.float64]] = []
    false: list[NDArray[np.float64]] = []
    for frame in frames:
        match = iou_table(frame.boxes, frame.detected) >= REGION_IOU
        found.append(np.max(np.where(match, frame.scores, -np.inf), axis=1, initial=-np.inf))
        false.append(frame.scores[~match.any(axis=0)])
    regions = np.concatenate(found) if found else np.zeros(0)
    if not len(regions):
        return None
    by_track = _track_scores(regions, np.concatenate([frame.tracks for frame in frames]))
    false_scores = np.concatenate(false)
    return RegionMetrics(
        rbdc=_area(regions, false_scores, len(frames)),
        tbdc=_area(by_track, false_scores, len(frames)),
        regions=len(regions),
        tracks=len(by_track),
        frames=len(frames),
    )


def _track_scores(regions: NDArray[np.float64], tracks: NDArray[np.int64]) -> NDArray[np.float64]:
    """For each track the highest threshold at which it still counts as found."""
    scores = []
    for track in np.unique(tracks):
        best_first = np.sort(regions[tracks == track])[::-1]
        # rounded, since 0.1 * 30 is a little more than 3 in floating point
        needed = max(1, int(np.ceil(round(TRACK_SHARE * len(best_first), 9))))
        scores.append(best_first[needed - 1])
    return np.array(scores)


def _area(found: NDArray[np.float64], false: NDArray[np.float64], frames: int) -> float:
    """Area under the share of ``found`` scores over the number of ``false`` scores per frame, up to the limit.

    Between two thresholds the curve is straight; behind the lowest one it stays as high as it is.
    """
    thresholds = np.unique(np.concatenate((found[np.isfinite(found)], false)))[::-1]
    rate = _at_least(found, thresholds) / len(found)
    per_frame = _at_least(false, thresholds) / frames
    per_frame = np.concatenate(([0.0], per_frame, [max(MAX_FALSE_REGIONS, per_frame[-1] if len(per_frame) else 0.0)]))
    rate = np.concatenate(([0.0], rate, [rate[-1] if len(rate) else 0.0]))
    inside = per_frame <= MAX_FALSE_REGIONS
    last = float(np.interp(MAX_FALSE_REGIONS, per_frame, rate)) if not inside.all() else float(rate[-1])
    x = np.append(per_frame[inside], MAX_FALSE_REGIONS)
    y = np.append(rate[inside], last)
    return float(np.trapezoid(y, x) / MAX_FALSE_REGIONS)


def _at_least(scores: NDArray[np.float64], thresholds: NDArray[np.float64]) -> NDArray[np.float64]:
    """How many scores reach each threshold."""
    return (len(scores) - np.searchsorted(np.sort(scores), thresholds, side="left")).astype(np.float64)


# Alerts -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ClipAlerts:
    """One clip's events, and the alerts that were raised in it.

    Attributes:
        labels: ``(N,)``, 1 where anomalous.
        events: The anomalous events.
        alerts: Frames from an alert's opening to its closing.
        pts: ``(N,)`` presentation times in seconds.
    """

    labels: NDArray[np.uint8]
    events: Sequence[Interval]
    alerts: Sequence[Interval]
    pts: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class AlertMetrics:
    """What a person at the other end would have got.

    Attributes:
        events: Anomalous events.
        missed: Events during which no alert was open.
        delays_s: For each other event, seconds from its onset to the first frame with an open alert; 0 where one
            was open already. An event that a clip begins with counts from the clip's start.
        false_alarms: Alerts that opened in a normal frame.
        normal_hours: Hours of normal footage.
    """

    events: int
    missed: int
    delays_s: tuple[float, ...]
    false_alarms: int
    normal_hours: float

    @property
    def mean_delay_s(self) -> float | None:
        """None if no event was noticed."""
        return float(np.mean(self.delays_s)) if self.delays_s else None

    @property
    def false_alarms_per_hour(self) -> float | None:
        """None if there was no normal footage."""
        return self.false_alarms / self.normal_hours if self.normal_hours else None


def alert_metrics(clips: Sequence[ClipAlerts]) -> AlertMetrics:
    """Detection delay and false alarms over some clips."""
    delays: list[float] = []
    missed = 0
    for clip in clips:
        for event in clip.events:
            delay = _delay(clip, event)
            if delay is None:
                missed += 1
            else:
                delays.append(delay)
    return AlertMetrics(
        events=missed + len(delays),
        missed=missed,
        delays_s=tuple(delays),
        false_alarms=sum(not clip.labels[opened] for clip in clips for opened, _ in clip.alerts),
        normal_hours=sum(_normal_seconds(clip) for clip in clips) / 3600.0,
    )


def _delay(clip: ClipAlerts, event: Interval) -> float | None:
    """Seconds from an event's onset to the first of its frames at which an alert is open."""
    start, end = event
    open_at = [max(opened, start) for opened, closed in clip.alerts if opened < end and closed > start]
    return float(clip.pts[min(open_at)] - clip.pts[start]) if open_at else None


def _normal_seconds(clip: ClipAlerts) -> float:
    """Duration of the normal frames; each lasts until the next, the last one as long as frames do on average."""
    if len(clip.pts) < 2:
        return 0.0
    lasts = np.diff(clip.pts)
    return float(np.append(lasts, lasts.mean())[clip.labels == 0].sum())


# Kinds of anomaly -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class KindMetrics:
    """How well one kind of anomaly is told from normal footage.

    Attributes:
        auc: Of its frames against all normal frames, pooled; None where either is missing. Frames that are anomalous
            by other kinds alone count for neither.
        frames: Its frames.
        events: Its events.
        missed: Those during which no alert was open.
    """

    auc: float | None
    frames: int
    events: int
    missed: int


def kind_metrics(clips: Sequence[ClipAlerts], kinds: Sequence[Sequence[str]], scores: Scores) -> dict[str, KindMetrics]:
    """Each kind of anomaly on its own.

    Args:
        clips: Events, labels and alerts of each clip.
        kinds: Per clip what each of its events is.
        scores: Per clip ``(N,)``, higher is more unusual.

    Returns:
        By kind, in the order of their names.
    """
    normal = [clip.labels == 0 for clip in clips]
    figures = {}
    for kind in sorted({kind for one in kinds for kind in one}):
        shown = [_shown(clip, names, {kind}) for clip, names in zip(clips, kinds, strict=True)]
        delays = [
            _delay(clip, event)
            for clip, names in zip(clips, kinds, strict=True)
            for name, event in zip(names, clip.events, strict=False)
            if name == kind
        ]
        events, missed = len(delays), sum(delay is None for delay in delays)
        auc = auc_between(shown, normal, scores)
        figures[kind] = KindMetrics(auc, int(sum(mask.sum() for mask in shown)), events, missed)
    return figures


def auc_without(
    clips: Sequence[ClipAlerts], kinds: Sequence[Sequence[str]], left_out: Collection[str], scores: Scores
) -> float | None:
    """Micro AUC without some kinds of anomaly: frames that are anomalous by these alone count for neither side.

    Args:
        clips: Events, labels and alerts of each clip.
        kinds: Per clip what each of its events is.
        left_out: The kinds.
        scores: Per clip ``(N,)``, higher is more unusual.

    Returns:
        None where there is nothing of one side.
    """
    kept = {kind for one in kinds for kind in one} - set(left_out)
    shown = [_shown(clip, names, kept) for clip, names in zip(clips, kinds, strict=True)]
    return auc_between(shown, [clip.labels == 0 for clip in clips], scores)


def _shown(clip: ClipAlerts, names: Sequence[str], kinds: Collection[str]) -> NDArray[np.bool_]:
    """``(N,)``, the anomalous frames in which events of these kinds are under way."""
    mask = np.zeros(len(clip.labels), bool)
    for name, event in zip(names, clip.events, strict=False):  # no names where the truth has none
        if name in kinds:
            mask[slice(*event)] = True
    shown: NDArray[np.bool_] = mask & (clip.labels == 1)
    return shown


def auc_between(
    unusual: Sequence[NDArray[np.bool_]], usual: Sequence[NDArray[np.bool_]], scores: Scores
) -> float | None:
    """AUC of some frames against some others, pooled over clips; None where either kind is missing.

    Args:
        unusual: Per clip ``(N,)``, frames that should score high.
        usual: Per clip ``(N,)``, frames that should score low. What is in neither does not count.
        scores: Per clip ``(N,)``.
    """
    high = np.concatenate([values[mask] for values, mask in zip(scores, unusual, strict=True)])
    low = np.concatenate([values[mask] for values, mask in zip(scores, usual, strict=True)])
    if not len(high) or not len(low):
        return None
    labels = np.repeat((1, 0), (len(high), len(low)))
    return float(roc_auc_score(labels, np.concatenate([high, low])))
