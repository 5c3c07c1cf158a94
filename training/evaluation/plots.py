"""Pictures of an evaluation: a score curve a clip with the truth shaded, and the ROC."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import roc_auc_score, roc_curve

from service.pipeline.scored import FULL_SCALE
from training.evaluation.evaluate import Evaluation
from training.evaluation.paths import result_path
from training.evaluation.scored_clip import ScoredClip

CAUSAL, OFFLINE, TRUTH, ALERT = "#1f5fa8", "#7fb0dd", "#f2b8a8", "#b3261e"
SHADES = (TRUTH, "#c9dcc0", "#d9d2e9")
RULES = (CAUSAL, "#2e7d32", "#8e44ad", "#c77700")


def save_plots(evaluation: Evaluation, folder: Path) -> list[Path]:
    """Write ``NAME.png`` for every clip and ``roc.png``; returns the paths."""
    top = curve_top(evaluation.clips)
    paths = [save(score_curve(clip, top), result_path(folder, clip.clip.name, ".png")) for clip in evaluation.clips]
    roc = roc_figure(evaluation.clips)
    return paths if roc is None else [*paths, save(roc, folder / "roc.png")]


def curve_top(clips: Sequence[ScoredClip]) -> float:
    """Where the axis of all curves ends, in surprise: on one scale, clips can be compared by eye."""
    tops = [float(max(clip.surprise.max(), clip.offline.max(), clip.threshold)) for clip in clips]
    return 1.05 * max(FULL_SCALE, *tops)


def score_curve(clip: ScoredClip, top: float) -> Figure:
    """Surprise over time: anomalous time shaded, the threshold, and when an alert was open.

    Args:
        clip: Whose.
        top: Where the axis ends, as ``curve_top`` has it.
    """
    figure = Figure(figsize=(10, 3.2), layout="constrained")
    axes = figure.add_subplot()
    _shade(axes, clip)
    axes.plot(clip.pts, clip.offline, color=OFFLINE, linewidth=1.0, label="smoothed over the whole clip")
    axes.plot(clip.pts, clip.surprise, color=CAUSAL, linewidth=1.6, label="causal")
    axes.axhline(clip.threshold, color=ALERT, linewidth=1.0, linestyle="--", label="threshold")
    _mark_alerts(axes, clip)
    axes.set_xlim(clip.pts[0], clip.pts[-1])
    axes.set_ylim(0, top)
    axes.set_title(clip.clip.name, loc="left", fontsize=11)
    axes.set_xlabel("seconds")
    axes.set_ylabel("surprise, -log10 p")
    axes.spines[["top", "right"]].set_visible(False)
    shown = axes.secondary_yaxis("right", functions=(_as_score, _as_surprise))
    shown.set_yticks(np.linspace(0, 1, 6))
    shown.set_ylabel("score")
    axes.legend(loc="upper left", bbox_to_anchor=(1.09, 1.0), frameon=False, fontsize=9)
    return figure


def _as_score(surprise: ArrayLike) -> ArrayLike:
    """What the service shows of a surprise."""
    return np.asarray(surprise) / FULL_SCALE


def _as_surprise(score: ArrayLike) -> ArrayLike:
    return np.asarray(score) * FULL_SCALE


def roc_figure(clips: Sequence[ScoredClip]) -> Figure | None:
    """The ROC over all frames, causal and smoothed; None where one class is missing."""
    labels = np.concatenate([clip.truth.labels for clip in clips])
    if not 0 < labels.sum() < len(labels):
        return None
    figure = Figure(figsize=(4.6, 4.6), layout="constrained")
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color="#bbbbbb", linewidth=0.8, linestyle=":")
    for name, color, scores in (
        ("smoothed", OFFLINE, np.concatenate([clip.offline for clip in clips])),
        ("causal", CAUSAL, np.concatenate([clip.surprise for clip in clips])),
    ):
        false_rate, true_rate, _ = roc_curve(labels, scores)
        axes.plot(false_rate, true_rate, color=color, label=f"{name}, AUC {roc_auc_score(labels, scores):.4f}")
    axes.set_xlim(-0.01, 1)
    axes.set_ylim(0, 1.01)
    axes.set_aspect("equal")
    axes.set_xlabel("share of normal frames above the threshold")
    axes.set_ylabel("share of anomalous frames above it")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="lower right", frameon=False, fontsize=9)
    return figure


def _shade(axes: Axes, clip: ScoredClip) -> None:
    """Fill the time of the anomalous frames; each lasts until the next."""
    ends = np.append(clip.pts[1:], clip.pts[-1])
    for number, (start, end) in enumerate(clip.truth.events):
        if end > start:
            label = "anomalous" if number == 0 else None
            axes.axvspan(clip.pts[start], ends[end - 1], color=TRUTH, alpha=0.6, linewidth=0, label=label)


def _mark_alerts(axes: Axes, clip: ScoredClip) -> None:
    """A bar along the bottom while an alert is open."""
    for number, (opened, closed) in enumerate(clip.alerts):
        label = "alert open" if number == 0 else None
        span = (clip.pts[opened], clip.pts[closed - 1])
        axes.plot(span, (0, 0), color=ALERT, linewidth=5, solid_capstyle="butt", clip_on=False, label=label)


def rule_curves(
    title: str,
    pts: NDArray[np.float64],
    before: NDArray[np.float64],
    after: Mapping[str, NDArray[np.float64]],
    threshold: float,
    shaded: Mapping[str, Sequence[tuple[float, float]]],
) -> Figure:
    """Surprise over time without rules and under each of some rules.

    Args:
        title: Of the picture.
        pts: ``(F,)`` seconds.
        before: ``(F,)`` without rules.
        after: By rule, ``(F,)``.
        threshold: At which an alert opens.
        shaded: By what is true, the stretches of time (first and last second) in which it is.
    """
    figure = Figure(figsize=(10, 3.2), layout="constrained")
    axes = figure.add_subplot()
    for color, (name, stretches) in zip(SHADES, shaded.items(), strict=False):
        for number, (start, end) in enumerate(stretches):
            axes.axvspan(start, end, color=color, alpha=0.6, linewidth=0, label=None if number else name)
    axes.plot(pts, before, color="#555555", linewidth=2.4, alpha=0.6, label="without rules")
    for color, (name, values) in zip(RULES, after.items(), strict=False):
        axes.plot(pts, values, color=color, linewidth=1.2, label=name)
    axes.axhline(threshold, color=ALERT, linewidth=1.0, linestyle="--", label="threshold")
    axes.set_xlim(pts[0], pts[-1])
    axes.set_ylim(bottom=0)
    axes.set_title(title, loc="left", fontsize=11)
    axes.set_xlabel("seconds")
    axes.set_ylabel("surprise, -log10 p")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False, fontsize=9)
    return figure


def save(figure: Figure, path: Path) -> Path:
    """Write a picture, and the folders that it is to lie in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    return path
