"""Boxes of true and of found regions, held against each other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def iou(first: NDArray[np.float32], second: NDArray[np.float32]) -> NDArray[np.float64]:
    """Intersection over union of ``(M, 4)`` and ``(K, 4)`` boxes (x, y, width, height), ``(M, K)``."""
    a, b = np.asarray(first, np.float64)[:, None, :], np.asarray(second, np.float64)[None, :, :]
    top_left = np.maximum(a[..., :2], b[..., :2])
    bottom_right = np.minimum(a[..., :2] + a[..., 2:], b[..., :2] + b[..., 2:])
    shared = np.prod(np.clip(bottom_right - top_left, 0.0, None), axis=-1)
    together = np.prod(a[..., 2:], axis=-1) + np.prod(b[..., 2:], axis=-1) - shared
    return np.asarray(np.divide(shared, together, out=np.zeros_like(shared), where=together > 0))
