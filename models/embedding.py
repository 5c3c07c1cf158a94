"""From the features of an object's crops to the feature of its clip."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from models.arrays import Float32


def clip_features(
    frames: Float32, geometry: Float32 | None, temporal: Callable[[Mapping[str, Float32]], Float32] | None
) -> Float32:
    """Clip features ``(B, D)`` of unit length.

    Args:
        frames: ``(B, T, F)`` features of an object's crops, oldest first, B of at least 1.
        geometry: ``(B, T, 5)`` as ``models.crops.geometry`` gives it; None where the temporal tower takes none.
        temporal: Runs the temporal tower; None where there is none, and a clip's feature is its middle frame's.
    """
    if temporal is not None:
        return temporal({"frames": frames} if geometry is None else {"frames": frames, "geometry": geometry})
    middle = frames[:, frames.shape[1] // 2]
    unit: Float32 = middle / np.maximum(np.linalg.norm(middle, axis=1, keepdims=True), np.float32(1e-12))
    return unit
