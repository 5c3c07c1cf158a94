"""Pictures of an evaluation: a score curve a clip with the truth shaded, and the ROC."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.metrics import roc_auc_score, roc_curve

from training.evaluate import Evaluation, ScoredClip

CAUSAL, OFFLINE, TRUTH, ALERT = "#1f5fa8", "#7fb0dd", "#f2b8a8", "#b3261e"


def save_plots(evaluation: Evaluation, folder: Path) -> list[Path]:
    """Write ``NAME.png`` for every clip and ``roc.png``; returns the paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [_save(score_curve(clip), folder / f"{clip.clip.name}.png") for clip in evaluation.clips]
    roc = roc_figure(evaluation.clips)
    return paths if roc is None else [*paths, _save(roc, folder / "roc.png")]


def score_curve(clip: ScoredClip) -> Figure:
    """Surprise over time: anomalous time shaded, the threshold, and when an alert was open."""
    figure = Figure(figsize=(10, 3.2), layout="constrained")
    axes = figure.add_subplot()
    _shade(axes, clip)
    axes.plot(clip.pts, clip.offline, color=OFFLINE, linewidth=1.0, label="smoothed over the whole clip")
    axes.plot(clip.pts, clip.surprise, color=CAUSAL, linewidth=1.6, label="causal")
    axes.axhline(clip.threshold, color=ALERT, linewidth=1.0, linestyle="--", label="threshold")
    _mark_alerts(axes, clip)
    axes.set_xlim(clip.pts[0], clip.pts[-1])
    axes.set_ylim(bottom=0)
    axes.set_title(clip.clip.name, loc="left", fontsize=11)
    axes.set_xlabel("seconds")
    axes.set_ylabel("surprise, -log10 p")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False, fontsize=9)
    return figure


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


def _save(figure: Figure, path: Path) -> Path:
    figure.savefig(path, dpi=110)
    return path
