"""How rare a change of light is: counted, with one more than was seen."""

from __future__ import annotations

import numpy as np
import pytest

from models.arrays import Arrays
from models.heads.attributes.descriptor import LENGTH
from models.heads.attributes.light import LIGHT_S, fit_light, light_surprise
from models.heads.attributes.table import FeatureTable


def table(*frames: list[float]) -> FeatureTable:
    nothing: Arrays = {
        "boxes": np.zeros((0, 4), np.float32),
        "velocities": np.zeros((0, 2), np.float32),
        "appearance": np.zeros((0, LENGTH), np.uint8),
        "windows": np.zeros((0, 5), np.float32),
    }
    return FeatureTable.of([{**nothing, "frame": np.array(frame, np.float32)} for frame in frames])


def since(*seconds: float) -> FeatureTable:
    return table(*([1.5, 1, 1, 0, each] for each in seconds))


def test_it_is_as_unusual_as_it_was_rare():
    learned = fit_light(since(*[np.inf] * 97, 0.0, LIGHT_S, LIGHT_S + 1), np.ones(100, bool))
    assert learned == pytest.approx([3 / 101])
    surprise = light_surprise(since(np.inf, 0.0, LIGHT_S, LIGHT_S + 1), {"light": learned})
    assert surprise == pytest.approx([0.0, np.log10(101 / 3), np.log10(101 / 3), 0.0])


def test_frames_that_do_not_count_are_not_learned_from():
    assert fit_light(since(*[np.inf] * 99, 0.0), np.arange(100) < 99) == pytest.approx([1 / 100])


def test_features_of_an_older_version_know_of_no_change():
    assert light_surprise(table([1.5, 1, 1, 0]), {"light": np.array([0.01])}).tolist() == [0.0]
