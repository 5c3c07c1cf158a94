"""How well scores tell normal from anomalous within a clip: what no difference between clips can help or harm.

Pooled over clips, a score is also paid for knowing which clips are busy. A threshold is set for one camera at one time,
and what it can do there is what is in order within a clip.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.metrics import roc_auc_score

from training.evaluation.metrics import Labels, Scores, has_both


@dataclass(frozen=True, slots=True)
class WithinClips:
    """AUC that compares frames with frames of their own clip alone; None where no clip has both classes.

    Attributes:
        clips: Clips with both classes: no other says anything here.
        mean_auc: Mean of their AUCs, each its own, nothing added to it. A clip counts as much as any other.
        pair_auc: Share of the pairs of a normal and an anomalous frame of the same clip that are in order, over all
            clips pooled, a tie counting for half. A clip counts by its pairs.
    """

    clips: int
    mean_auc: float | None
    pair_auc: float | None


def within_clips(labels: Labels, scores: Scores) -> WithinClips:
    """Both AUCs within clips.

    Args:
        labels: Per clip ``(N,)``, 1 where anomalous.
        scores: Per clip ``(N,)``, finite, higher is more unusual.
    """
    kept = [(truth, values) for truth, values in zip(labels, scores, strict=True) if has_both(truth)]
    if not kept:
        return WithinClips(0, None, None)
    aucs = np.array([roc_auc_score(truth, values) for truth, values in kept])
    pairs = np.array([float(truth.sum()) * float((truth == 0).sum()) for truth, _ in kept])
    return WithinClips(len(kept), float(aucs.mean()), float(aucs @ pairs / pairs.sum()))
