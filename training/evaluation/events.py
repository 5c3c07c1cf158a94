"""Events and alerts as intervals of time: which events were noticed, how soon, and how well alerts lie on them.

An alert is an interval from its opening to its closing, as an operator sees it: it opens a quarter of a second after
the score has reached the threshold, and closes three seconds after it was last there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment  # type: ignore[import-untyped]
from scipy.special import betaincinv  # type: ignore[import-untyped]

from training.evaluation.metrics import ClipAlerts, Interval, Scores, alert_metrics

DEADLINE_S = 2.0
"""An event noticed later than this after its onset is not noticed in time: somebody who fell, or broke in, is then
still there to be seen."""

TIOUS = (0.2, 0.5)
"""Overlaps in time from which on an alert is one of an event, as those who count events use them (arXiv 2604.09327)."""

HALF_LIFE_S = DEADLINE_S
"""An event that is found so late counts for half in the latency-aware average precision."""

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Overlap:
    """Alerts against events at one least overlap in time.

    Attributes:
        matched: Pairs of an alert and an event that overlap enough, each alert and each event in one pair at most;
            as many as there can be.
        precision: Of the alerts, those that are in a pair; None without alerts.
        recall: Of the events, likewise.
        f1: Harmonic mean of the two; None where there are neither alerts nor events.
    """

    matched: int
    precision: float | None
    recall: float | None
    f1: float | None


@dataclass(frozen=True, slots=True)
class EventMetrics:
    """What became of the events at the threshold that alerts open at.

    Attributes:
        events: All of them.
        noticed: Those during which an alert was open.
        recall: Their share; None without events, as the shares below.
        recall_low: Lower end of its 95 % interval (Clopper and Pearson, 1934): of few events little can be said.
        recall_high: Upper end.
        deadline_s: Seconds after its onset by which an event is noticed in time.
        noticed_in_time: Those with an open alert by then.
        recall_in_time: Their share.
        alerts: All alerts.
        true_alerts: Those that overlap an event at all.
        tiou: By least overlap in time ("0.2", "0.5"), intersection over union.
        latency_aware_ap: See ``latency_aware_ap``; over all thresholds, not at that of the alerts.
    """

    events: int
    noticed: int
    recall: float | None
    recall_low: float | None
    recall_high: float | None
    deadline_s: float
    noticed_in_time: int
    recall_in_time: float | None
    alerts: int
    true_alerts: int
    tiou: Mapping[str, Overlap]
    latency_aware_ap: float | None


def event_metrics(clips: Sequence[ClipAlerts], scores: Scores) -> EventMetrics:
    """Events, alerts and how they lie over one another.

    Args:
        clips: Events and alerts of each clip.
        scores: Per clip ``(N,)`` causal scores: what is smoothed over a whole clip knows no latency.
    """
    counted = alert_metrics(clips)
    events, noticed = counted.events, counted.events - counted.missed
    in_time = sum(delay <= DEADLINE_S for delay in counted.delays_s)
    low, high = share_interval(noticed, events) if events else (None, None)
    overlaps = [time_overlaps(clip) for clip in clips]
    return EventMetrics(
        events,
        noticed,
        _share(noticed, events),
        low,
        high,
        DEADLINE_S,
        in_time,
        _share(in_time, events),
        alerts=sum(len(clip.alerts) for clip in clips),
        true_alerts=sum(int((table > 0).any(axis=1).sum()) for table in overlaps),
        tiou={f"{least:g}": _matched(overlaps, least) for least in TIOUS},
        latency_aware_ap=latency_aware_ap(clips, scores),
    )


def time_overlaps(clip: ClipAlerts) -> NDArray[np.float64]:
    """``(alerts, events)`` intersection over union in seconds. A frame lasts until the next one."""
    alerts, events = _seconds(clip, clip.alerts), _seconds(clip, clip.events)
    first = np.maximum(alerts[:, None, 0], events[None, :, 0])
    last = np.minimum(alerts[:, None, 1], events[None, :, 1])
    both = np.maximum(last - first, 0.0)
    lengths = np.diff(alerts, axis=1) + np.diff(events, axis=1).T - both
    return np.asarray(both / np.where(lengths > 0, lengths, 1.0))


def _seconds(clip: ClipAlerts, intervals: Sequence[Interval]) -> NDArray[np.float64]:
    """``(K, 2)``: from and to."""
    step = float(np.diff(clip.pts).mean()) if len(clip.pts) > 1 else 0.0
    edges = np.append(clip.pts, clip.pts[-1] + step)
    return edges[np.array(intervals, np.intp).reshape(-1, 2)]


def _matched(overlaps: Sequence[NDArray[np.float64]], least: float) -> Overlap:
    matched = 0
    for table in overlaps:
        fits = table >= least
        matched += int(fits[linear_sum_assignment(fits, maximize=True)].sum())
    alerts, events = sum(len(table) for table in overlaps), sum(table.shape[1] for table in overlaps)
    return Overlap(matched, _share(matched, alerts), _share(matched, events), _share(2 * matched, alerts + events))


def share_interval(part: int, whole: int) -> tuple[float, float]:
    """The interval in which a share lies at 95 %, if so many of so many were counted (Clopper and Pearson).

    Args:
        part: At least 0, at most ``whole``.
        whole: At least 1.
    """
    tail = (1.0 - CONFIDENCE) / 2
    low = float(betaincinv(part, whole - part + 1, tail)) if part else 0.0
    high = float(betaincinv(part + 1, whole - part, 1.0 - tail)) if part < whole else 1.0
    return low, high


def latency_aware_ap(clips: Sequence[ClipAlerts], scores: Scores) -> float | None:
    """Latency-aware average precision: average precision in which finding an event late counts less than soon.

    After the metric of that name (LaAP) of Liu et al., Rethinking Metrics and Benchmarks of Video Anomaly Detection,
    arXiv 2505.19022. Of its definition this was to be had: the curve is that of precision over a latency-aware recall,
    in which what a detection adds decays with its delay after the onset, and the area under it is the metric. The
    paper's decay function and constants were not, so figures from here must not be set beside those of the paper.
    What is computed is, with ``t`` running down over all thresholds::

        P(t)  = anomalous frames with a score >= t, of all frames with one (0/0 = 1)
        R(t)  = mean over events e of 2^(-d_e(t) / 2 s); 0 for an event that no frame of its own reaches t in
        d_e(t) = seconds from the onset of e to the first of its frames with a score >= t
        LaAP  = sum over thresholds of (R(t_k) - R(t_(k-1))) P(t_k)

    It is 1 if the first frame of every event scores above all normal frames. The scale of scores does not matter.

    Args:
        clips: Labels, events and times of each clip. Events of no frame count for nothing.
        scores: Per clip ``(N,)``, finite, causal.

    Returns:
        In [0, 1]; None without events.
    """
    pooled = np.concatenate(scores)
    anomalous = np.sort(pooled[np.concatenate([clip.labels for clip in clips]) == 1])
    everything = np.sort(pooled)
    area, count = 0.0, 0
    for heights, gains in _rises(clips, scores):
        found = len(anomalous) - np.searchsorted(anomalous, heights)
        area += float(gains @ (found / (len(everything) - np.searchsorted(everything, heights))))
        count += 1
    return area / count if count else None


def _rises(clips: Sequence[ClipAlerts], scores: Scores) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """For each event the thresholds at which it is found sooner, and what that adds to its recall.

    It is found sooner where a frame scores higher than every one before it.
    """
    for clip, values in zip(clips, scores, strict=True):
        for start, end in clip.events:
            if end <= start:
                continue
            highest = np.maximum.accumulate(values[start:end])
            rises = np.flatnonzero(np.diff(highest, prepend=-np.inf) > 0)
            worth = 0.5 ** ((clip.pts[start + rises] - clip.pts[start]) / HALF_LIFE_S)
            yield highest[rises], worth - np.append(worth[1:], 0.0)


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
