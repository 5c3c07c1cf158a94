"""From the features of an object's crops to the embedding of its clip."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from models.arrays import Float32


def embed_clips(
    frames: Float32, geometry: Float32 | None, temporal: Callable[[Mapping[str, Float32]], Float32] | None
) -> Float32:
    """Embeddings ``(B, D)`` of track clips, of unit length.

    Args:
        frames: ``(B, T, F)`` features of an object's crops, oldest first, B of at least 1.
        geometry: ``(B, T, 5)`` as ``models.crops.geometry`` gives it; None where the temporal tower takes none.
        temporal: Runs the temporal tower; None where there is none, and the embedding is of the middle frame alone.
    """
    if temporal is not None:
        return temporal({"frames": frames} if geometry is None else {"frames": frames, "geometry": geometry})
    return unit(frames[:, frames.shape[1] // 2])


def unit(features: Float32) -> Float32:
    """``(B, D)`` vectors made unit length; zeros stay."""
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    scaled: Float32 = features / np.maximum(lengths, np.float32(1e-12))
    return scaled
