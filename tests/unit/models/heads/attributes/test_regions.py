"""Regions: windows that stand out, merged where they overlap."""

from __future__ import annotations

import numpy as np
import pytest

from models.heads.attributes.descriptor import LENGTH
from models.heads.attributes.regions import find_regions
from models.heads.attributes.table import FeatureTable
from models.heads.attributes.terms import COLUMNS, WINDOW_TERMS


def found(*windows):
    """Regions of windows (x, y, index of the size, distance) in a square picture."""
    given = np.array(windows, float).reshape(-1, 4)
    places = np.zeros((len(given), 5))
    places[:, [0, 1, 4]] = given[:, :3]
    nothing = {"boxes": np.zeros((0, 4)), "velocities": np.zeros((0, 2)), "appearance": np.zeros((0, LENGTH))}
    table = FeatureTable.of([{**nothing, "windows": places, "frame": np.array([1.0, 1, 1])}])
    distances = {"motion speed": given[:, 3], "motion direction": np.zeros(len(given))}
    return find_regions(table, distances, np.tile([0.0, 1.0], (COLUMNS, 1)))


def test_overlapping_windows_are_one_region_also_along_a_chain():
    boxes, evidence, speeds = found((0.30, 0.5, 1, 1.5), (0.38, 0.5, 1, 4.0), (0.46, 0.5, 1, 2.0))
    assert boxes[0] == pytest.approx([0.25, 0.4, 0.26, 0.2])
    assert len(boxes) == 1
    assert evidence.tolist() == [[4.0, 0.0]]
    assert speeds.tolist() == [4.0]


def test_windows_apart_are_regions_of_their_own_the_largest_first():
    boxes, evidence, speeds = found((0.1, 0.5, 0, 3.0), (0.8, 0.5, 2, 2.0))
    assert speeds.tolist() == [2.0, 3.0]
    assert boxes[:, 3] == pytest.approx([0.4, 0.1])
    assert evidence[:, 0].tolist() == [2.0, 3.0]


def test_windows_that_do_not_stand_out_are_none():
    boxes, evidence, _ = found((0.1, 0.5, 0, 0.9))
    assert boxes.shape == (0, 4)
    assert evidence.shape == (0, len(WINDOW_TERMS))
    assert found()[0].shape == (0, 4)


def test_a_region_at_the_border_stays_inside_the_picture():
    boxes, *_ = found((0.02, 0.98, 1, 2.0))
    assert boxes[0] == pytest.approx([0.0, 0.88, 0.07, 0.12])
