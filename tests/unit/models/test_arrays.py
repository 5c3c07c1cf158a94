"""Named arrays."""

from __future__ import annotations

import numpy as np

from models.arrays import under


def test_arrays_under_a_prefix_go_by_what_follows_it() -> None:
    one, other = np.arange(3), np.ones(2)
    arrays = {"size.scale": one, "size.size.bias": other, "speed.size.scale": one, "size": other}
    found = under(arrays, "size.")
    assert set(found) == {"scale", "size.bias"}
    assert found["scale"] is one
    assert found["size.bias"] is other
