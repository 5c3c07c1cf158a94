"""Checks of a profile's arrays against what a head expects, so that a wrong one is refused before it scores a frame."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from models.arrays import Arrays

Shape = tuple[int | None, ...]
"""Sizes of an array's dimensions; None stands for any size of at least 1."""


def check_shapes(
    arrays: Arrays,
    required: Mapping[str, Shape],
    optional: Mapping[str, Shape] | None = None,
) -> None:
    """See that arrays are there, finite, and of the shapes that are expected.

    Args:
        arrays: By name; others than those named may be among them.
        required: Shapes of arrays that must be there.
        optional: Shapes of arrays that may be.

    Raises:
        ValueError: If one is not; the message names it and says what was expected and what came.
    """
    missing = sorted(required.keys() - arrays.keys())
    if missing:
        msg = f"expected the arrays {', '.join(missing)}, found none"
        raise ValueError(msg)
    for name, shape in {**(optional or {}), **required}.items():
        if name not in arrays:
            continue
        array = np.asarray(arrays[name])
        fits = array.ndim == len(shape) and all(
            size >= 1 if wanted is None else size == wanted for size, wanted in zip(array.shape, shape, strict=True)
        )
        if not fits or array.dtype.kind not in "fiu":
            wanted_shape = ", ".join("any" if size is None else str(size) for size in shape)
            msg = f"expected {name} to be numbers of shape ({wanted_shape}), got {array.dtype} {list(array.shape)}"
            raise ValueError(msg)
        if not np.isfinite(array).all():
            msg = f"expected {name} to be finite, got NaN or infinity in it"
            raise ValueError(msg)
