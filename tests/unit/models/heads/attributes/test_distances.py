"""From distances to evidence: scales that odd events do not move, and lone windows that count for less."""

from __future__ import annotations

import numpy as np
import pytest

from models.heads.attributes.descriptor import LENGTH
from models.heads.attributes.distances import (
    MIN_STEP,
    MIN_STILL_STEP,
    evidence_of,
    frame_distances,
    scale,
    scales_of,
)
from models.heads.attributes.table import FeatureTable
from models.heads.attributes.terms import CALIBRATED_TERMS, COLUMNS, OBJECT_TERMS, WINDOW_TERMS, column_of


def table(objects: int, sizes: list[int]) -> FeatureTable:
    """Two frames, of which the first holds all objects and windows, the windows of these sizes."""
    none = {
        "boxes": np.zeros((0, 4)),
        "velocities": np.zeros((0, 2)),
        "appearance": np.zeros((0, LENGTH)),
        "windows": np.zeros((0, 5)),
        "frame": np.array([1.5, 1, 1]),
    }
    windows = np.zeros((len(sizes), 5))
    windows[:, 4] = sizes
    full = {name: np.zeros((objects, none[name].shape[1])) for name in ("boxes", "velocities", "appearance")}
    return FeatureTable.of([{**none, **full, "windows": windows}, none])


def test_the_most_unusual_object_and_the_fastest_windows_of_each_size_count():
    objects = {term: np.array([0.5, 2.0]) for term in OBJECT_TERMS}
    windows = {term: np.array([3.0, 1.0, 2.0, 0.5, 6.0]) for term in WINDOW_TERMS}
    first, second = frame_distances(table(2, [0, 0, 0, 0, 1]), objects, windows, {})
    assert [first[column_of(term)] for term in OBJECT_TERMS] == [2.0] * len(OBJECT_TERMS)
    for term in WINDOW_TERMS:
        at = column_of(term)
        assert first[at : at + 3].tolist() == [2.0, 2.0, -np.inf]  # a lone window of 6 is a third of an object's worth
    assert np.isneginf(second).all()


def test_a_scale_is_the_median_and_twice_the_way_to_the_90_percent_quantile():
    distances = np.full((101, COLUMNS), -np.inf)
    distances[:, 0] = np.linspace(0, 1, 101)
    distances[:, 1] = distances[:, column_of("stillness")] = 0.001 * distances[:, 0]
    distances[100, :2] = 1000.0
    scales = scales_of(distances, np.arange(101) < 100)
    varied, level, never = scales[:3]
    assert varied == pytest.approx([0.495, 2 * 0.396])
    assert level[1] == MIN_STEP
    assert scales[column_of("stillness"), 1] == MIN_STILL_STEP
    assert never.tolist() == [0.0, 1.0]


def test_evidence_is_never_negative_and_of_window_sizes_the_strongest_counts():
    distances = np.full((1, COLUMNS), -np.inf)
    distances[0, column_of("size")] = 3.0
    distances[0, column_of("motion speed") + 1] = 2.0
    distances[0, column_of("motion speed") + 2] = 5.0
    (evidence,) = evidence_of(distances, np.tile([1.0, 2.0], (COLUMNS, 1)))
    assert dict(zip(CALIBRATED_TERMS, evidence.tolist(), strict=True)) == dict.fromkeys(CALIBRATED_TERMS, 0.0) | {
        "size": 1.0,
        "motion speed": 2.0,
    }
    assert scale(np.array([0.0, 1.0, 2.0]), np.array(1.0), np.array(0.5)).tolist() == [0.0, 0.0, 2.0]
