"""Where windows stand out: overlapping ones merged into regions, so that an alert can show where."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from models.arrays import Float32, Float64, Index
from models.heads.attributes.distances import scale
from models.heads.attributes.table import FeatureTable, window_columns
from models.heads.attributes.terms import WINDOW_TERMS, column_of
from models.heads.attributes.windows import ASPECT, HEIGHTS

REGION_EVIDENCE = 1.0
"""Windows count as a region of their own from the evidence that one normal frame in a hundred reaches."""


def find_regions(
    table: FeatureTable, windows: Mapping[str, Float64], scales: Float64
) -> tuple[Float32, Float32, Float32]:
    """Windows that stand out, overlapping ones merged.

    Returns:
        Boxes ``(M, 4)``, their evidence ``(M, terms)``, and ``(M,)`` the highest speed in each as a share of what is
        fast there.
    """
    x, y, _, size = window_columns(table.windows)
    by_term = [scale(windows[term], *scales[column_of(term) + size].T) for term in WINDOW_TERMS]
    evidence = np.stack(by_term, axis=1)
    out = np.flatnonzero(evidence.max(axis=1, initial=0.0) >= REGION_EVIDENCE)
    tall = np.array(HEIGHTS)[size[out]]
    centre, extent = np.stack([x[out], y[out]], axis=1), np.stack([tall * ASPECT / table.aspects[0], tall], axis=1)
    low, high = (centre - extent / 2).clip(0, 1), (centre + extent / 2).clip(0, 1)
    groups = _overlapping(low, high)
    boxes, strongest, speeds = [], [], []
    for group in range(groups.max(initial=-1) + 1):
        members = groups == group
        corner = low[members].min(axis=0)
        boxes.append([*corner, *(high[members].max(axis=0) - corner)])
        strongest.append(evidence[out[members]].max(axis=0))
        speeds.append(windows["motion speed"][out[members]].max())
    merged = np.array(boxes, np.float32).reshape(-1, 4)
    largest = np.argsort(-merged[:, 2] * merged[:, 3], kind="stable")
    found = np.array(strongest, np.float32).reshape(-1, len(WINDOW_TERMS))
    return merged[largest], found[largest], np.array(speeds, np.float32)[largest]


def _overlapping(low: Float64, high: Float64) -> Index:
    """``(n,)`` number of the group of overlapping boxes that each belongs to, from their corners ``(n, 2)``."""
    touching = ((low[:, None] < high[None]) & (low[None] < high[:, None])).all(axis=2)
    labels = np.arange(len(low))
    while True:
        spread = np.where(touching, labels[None], len(labels)).min(axis=1, initial=len(labels))
        if (spread == labels).all():
            return np.unique(labels, return_inverse=True)[1].astype(np.intp)
        labels = spread
