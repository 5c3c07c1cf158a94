from __future__ import annotations

import numpy as np
import pytest

from models.scoring.odd import odd_frames


def footage(*events: tuple[int, int]) -> np.ndarray:
    """2,000 frames by two measures, with events of (start, length) in the second."""
    distances = np.random.default_rng(0).normal(0, 0.4, (2000, 2))
    for start, length in events:
        distances[start : start + length, 1] += 6
    return distances


@pytest.mark.parametrize(
    ("events", "odd"),
    [
        ([], []),
        ([(700, 40)], [(700, 740)]),
        ([(300, 20), (1500, 20)], [(300, 320), (1500, 1520)]),
        ([(300, 20), (900, 20), (1500, 20)], []),
        ([(700, 200)], []),
        ([(700, 10), (730, 10)], [(700, 740)]),
    ],
    ids=["none", "one", "two", "it comes back", "too much", "one with a pause"],
)
def test_odd_frames(events, odd):
    expected = np.zeros(2000, bool)
    for start, end in odd:
        expected[start:end] = True
    assert np.array_equal(odd_frames(footage(*events), [0] * 2000), expected)


def test_the_end_of_a_clip_ends_an_episode():
    distances = footage((990, 20))
    distances[1800:1810, 1] += 6
    assert odd_frames(distances, [0] * 2000).any()
    assert not odd_frames(distances, [0] * 1000 + [1] * 1000).any()


def test_a_measure_that_is_often_far_out_does_not_hide_another():
    distances = footage((700, 40))
    distances[::50, 0] += 6
    assert np.count_nonzero(odd_frames(distances, [0] * 2000)) == 40


def test_nothing_to_measure_is_not_odd():
    distances = footage((700, 40))
    distances[:, 0] = -np.inf
    assert np.count_nonzero(odd_frames(distances, [0] * 2000)) == 40
