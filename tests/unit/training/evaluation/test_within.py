"""AUC within clips sees nothing of what differs between clips."""

from __future__ import annotations

import numpy as np
import pytest

from training.evaluation.metrics import frame_metrics
from training.evaluation.within import WithinClips, within_clips


def labels(*values: int) -> np.ndarray:
    return np.array(values, np.uint8)


def scores(*values: float) -> np.ndarray:
    return np.array(values, np.float64)


def test_a_busy_clip_neither_helps_nor_harms():
    # each clip is in order, and the normal frames of the second score above the anomalous ones of the first
    truth, values = [labels(0, 1), labels(0, 1)], [scores(0.1, 0.2), scores(0.5, 0.6)]
    assert frame_metrics(truth, values).micro_auc == pytest.approx(0.75)
    assert within_clips(truth, values) == WithinClips(2, 1.0, 1.0)


def test_clips_count_alike_in_the_mean_and_by_their_pairs_in_the_other():
    # one pair in the wrong order; four pairs in the right one
    found = within_clips([labels(0, 1), labels(0, 0, 1, 1)], [scores(2, 1), scores(1, 2, 3, 4)])
    assert found.mean_auc == pytest.approx(0.5)
    assert found.pair_auc == pytest.approx(4 / 5)


def test_nothing_is_added_to_a_clip():
    # padded, as macro AUC has it, this clip would have 0.75
    assert within_clips([labels(0, 1)], [scores(5, 5)]).mean_auc == pytest.approx(0.5)


def test_clips_of_one_class_say_nothing():
    both = within_clips([labels(0, 1), labels(0, 0), labels(1, 1)], [scores(1, 2), scores(9, 9), scores(0, 0)])
    assert both == WithinClips(1, 1.0, 1.0)
    assert within_clips([labels(0, 0)], [scores(1, 2)]) == WithinClips(0, None, None)
