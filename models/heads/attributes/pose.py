"""How unlike a posture is to those of normal footage, there and by that light: nearest neighbours over skeletons.

The pose attribute of Reiss and Hoshen (arXiv 2212.00789, section 3.2.2), who compare keypoints in the unit square of
the box. Here shapes are relative to the trunk and the size of the body, since a box changes with every arm that is
stretched out; joints that one of two skeletons lacks are left out of their distance; and a shape is compared with what
was seen near its place first of all.
"""

from __future__ import annotations

import numpy as np

from models.arrays import Arrays, Float64
from models.heads.attributes.skeletons import JOINTS, Shapes

MAX_KEPT = 2_000
"""Skeletons that are kept: with more a query takes longer (0.2 ms for one person) and hardly another one is near."""

SUPPORT = 0.0025
"""Share of the kept skeletons that have to be near: the fifth of 2,000. A pose of a moment is no habit, and bending
down for a second in ten minutes of footage is one."""

MIN_NEIGHBOURS = 2

PRIOR = 4.0
"""Joints of no difference that count beside those that both have: a distance over few joints is a guess."""

PLACE = 0.2
"""How much a step of one body's size to the side counts, squared, against one joint out of place by as much on all
joints. On the test footage of the office and of falls, AUC is level from 0.05 to 1."""

FAR = 4.0
"""Square of the body sizes beyond which all places are equally far: a picture is no map, and across it nothing is
known."""

OTHER_LIGHT = 0.5
"""Added to the squared distance of what was seen by another light, infrared or not: what people do at night is
compared with nights first."""


def fit_pose(shapes: Shapes, infrared: Float64, seed: int = 0) -> dict[str, Float64]:
    """Remember normal postures.

    Args:
        shapes: Of normal footage, those with enough joints.
        infrared: ``(N,)`` 1 for one that was seen in a picture without colour, else 0.
        seed: Of the choice, where there are too many.

    Returns:
        Named arrays for ``pose_distance``; none where there are fewer than ``MIN_NEIGHBOURS`` to compare with.
    """
    known = np.flatnonzero(shapes.known)
    if len(known) < MIN_NEIGHBOURS:
        return {}
    kept = known[np.sort(np.random.default_rng(seed).permutation(len(known))[:MAX_KEPT])]
    chosen = shapes[kept]
    flat = [chosen.joints.reshape(len(kept), -1), chosen.seen, chosen.centres, chosen.sizes[:, None]]
    return {"kept": np.concatenate([*flat, infrared[kept, None]], axis=1)}


COLUMNS = 3 * JOINTS + 4
"""Of ``kept``: joints, which were seen, centre, size, infrared."""


def pose_distance(pose: Arrays, shapes: Shapes, infrared: Float64) -> Float64:
    """How far postures lie from those of normal footage, in body sizes a joint.

    Args:
        pose: What ``fit_pose`` returned.
        shapes: ``N`` of them.
        infrared: ``(N,)``, as in ``fit_pose``.

    Returns:
        ``(N,)``, at least 0; -inf where too little of the body was seen, or nothing to compare with.
    """
    result = np.full(len(shapes), -np.inf)
    known = np.flatnonzero(shapes.known)
    if "kept" not in pose or not len(known):
        return result
    kept = np.asarray(pose["kept"], np.float64)
    neighbours = min(len(kept), max(MIN_NEIGHBOURS, round(SUPPORT * len(kept))))
    for chunk in np.array_split(known, -(-len(known) // 2048)):
        squared = _squared_distances(shapes[chunk], infrared[chunk], kept)
        result[chunk] = np.sqrt(np.partition(squared, neighbours - 1, axis=1)[:, neighbours - 1])
    return result


def _squared_distances(shapes: Shapes, infrared: Float64, kept: Float64) -> Float64:
    """``(N, K)``."""
    own, own_seen = shapes.joints.reshape(len(shapes), -1), np.repeat(shapes.seen, 2, axis=1)
    theirs, their_seen = kept[:, : 2 * JOINTS], np.repeat(kept[:, 2 * JOINTS : 3 * JOINTS], 2, axis=1)
    # Joints that were not seen are 0, so that their squares and products leave themselves out.
    apart = own**2 @ their_seen.T - 2 * own @ theirs.T + own_seen @ (theirs**2).T
    common = shapes.seen @ kept[:, 2 * JOINTS : 3 * JOINTS].T
    centre, size, light = kept[:, -4:-2], kept[:, -2], kept[:, -1]
    away = ((shapes.centres[:, None] - centre[None]) ** 2).sum(axis=2) / (shapes.sizes[:, None] * size[None] + 1e-9)
    other = np.abs(infrared[:, None] - light[None])
    squared: Float64 = np.maximum(apart, 0.0) / (common + PRIOR) + PLACE * np.minimum(away, FAR) + OTHER_LIGHT * other
    return squared
