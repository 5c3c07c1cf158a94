from __future__ import annotations

import numpy as np
import pytest

from models.heads.attributes.direction import fit_direction, rarity

EAST, WEST, SOUTH = (1.0, 0.0), (-1.0, 0.0), (0.0, 1.0)


def learned(count: int = 5000) -> np.ndarray:
    """Eastward above the middle, westward below it."""
    generator = np.random.default_rng(0)
    x, y = generator.random(count), generator.random(count)
    velocities = np.where((y < 0.5)[:, None], EAST, WEST) * generator.uniform(0.1, 2, (count, 1))
    return fit_direction(x, y, velocities, np.arange(count))


def at(direction, x, y, velocity):
    return float(rarity(direction, np.array([x]), np.array([y]), np.array([velocity]))[0])


def test_against_the_stream_is_rare_where_the_stream_is():
    direction = learned()
    assert at(direction, 0.5, 0.2, EAST) == 0.0
    assert at(direction, 0.5, 0.8, WEST) == 0.0
    assert at(direction, 0.5, 0.2, WEST) > 0.5
    assert at(direction, 0.5, 0.8, EAST) > 0.5
    assert at(direction, 0.5, 0.2, SOUTH) > at(direction, 0.5, 0.2, WEST)


def test_how_fast_does_not_count():
    direction = learned()
    assert at(direction, 0.5, 0.2, (0.01, 0.0)) == at(direction, 0.5, 0.2, (9.0, 0.0))


def test_an_unseen_corner_has_the_directions_of_the_whole_picture():
    x = np.full(400, 0.1)
    both = np.tile([EAST, WEST], (200, 1))
    direction = fit_direction(x, x, both, np.arange(400))
    assert at(direction, 0.9, 0.9, EAST) == pytest.approx(at(direction, 0.9, 0.9, WEST), abs=1e-9)


def test_no_footage_makes_all_directions_alike():
    nothing = np.zeros(0)
    direction = fit_direction(nothing, nothing, np.zeros((0, 2)), np.zeros(0, np.intp))
    assert at(direction, 0.5, 0.5, WEST) == at(direction, 0.5, 0.5, SOUTH) == 0.0


def test_a_crowd_in_one_frame_counts_once():
    x = np.full(100, 0.5)
    crowd = fit_direction(x, x, np.tile(EAST, (100, 1)), np.zeros(100, np.intp))
    alone = fit_direction(x[:1], x[:1], np.array([EAST]), np.zeros(1, np.intp))
    assert np.array_equal(crowd, alone)
