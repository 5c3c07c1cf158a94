"""Numpy arrays: types, each under the one name that signatures say it by, and named arrays.

Shapes and units stand in docstrings.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Float32: TypeAlias = NDArray[np.float32]
"""What is stored, what networks take and give, and what is told of a frame."""

Float64: TypeAlias = NDArray[np.float64]
"""What is summed or fitted over many frames, where the rounding of 32 bits would show."""

Floating: TypeAlias = NDArray[np.floating]
"""Of either width."""

Index: TypeAlias = NDArray[np.intp]
"""What other arrays are indexed by; -1 stands for none where a docstring says so."""

Mask: TypeAlias = NDArray[np.bool_]
"""What other arrays are masked by."""

Image: TypeAlias = NDArray[np.uint8]
"""A picture, ``(h, w, 3)`` BGR or ``(h, w)`` of one channel."""

Arrays: TypeAlias = Mapping[str, NDArray[np.generic]]
"""Named arrays: what is stored of features and profiles (``.npz``, never pickled)."""


def under(arrays: Arrays, prefix: str) -> dict[str, NDArray[np.generic]]:
    """Those arrays whose names start with a prefix, by what follows it."""
    return {name.removeprefix(prefix): values for name, values in arrays.items() if name.startswith(prefix)}
