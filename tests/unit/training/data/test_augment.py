"""What other cameras would have made of a clip."""

import numpy as np

from training.data.augment import augment


def batch(count=64):
    rng = np.random.default_rng(0)
    crops = rng.integers(0, 256, (count, 5, 16, 16, 3), dtype=np.uint8)
    geometry = rng.standard_normal((count, 5, 5)).astype(np.float32)
    return crops, geometry


def test_the_same_generator_gives_the_same_and_leaves_what_was_given():
    crops, geometry = batch()
    copies = crops.copy(), geometry.copy()
    first = augment(crops, geometry, np.random.default_rng(5))
    second = augment(crops, geometry, np.random.default_rng(5))
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(crops, copies[0])
    np.testing.assert_array_equal(geometry, copies[1])
    assert first[0].dtype == np.uint8
    assert (first[0] != crops).mean() > 0.5


def test_only_what_a_mirror_turns_changes_in_the_geometry():
    crops, geometry = batch(400)
    _, changed = augment(crops, geometry, np.random.default_rng(1))
    whole = (changed[:, :, 1:] == geometry[:, :, 1:]).all(axis=(1, 2))
    across = changed[whole, :, 0] / geometry[whole, :, 0]
    assert 0.8 < whole.mean() < 0.97  # the others are clips made shorter
    np.testing.assert_allclose(np.abs(across), 1.0)
    assert 0.35 < (across[:, 0] < 0).mean() < 0.65
    short = np.flatnonzero(~whole)
    np.testing.assert_array_equal(changed[short, 0, 1:], changed[short, 1, 1:])
    np.testing.assert_array_equal(changed[short, -1, 1:], geometry[short, -1, 1:])
