"""Skeletons drawn by the angles of their limbs."""

from __future__ import annotations

import math

import numpy as np

from models.arrays import Float32

ASPECT = 1.5
BOX = (0.4, 0.4, 0.1, 0.3)
"""In the middle of the picture, cut off by nothing."""

TORSO, THIGH, SHIN, ARM, NECK = 0.1, 0.085, 0.085, 0.11, 0.05
"""In picture heights; thigh and shin are of one length, as people's are."""


def skeleton(
    torso: float = 0.0,
    thighs: float = 0.0,
    shins: float = 0.0,
    arms: tuple[float, float] = (0.0, 0.0),
    *,
    foreshortened: float = 1.0,
    confidence: float = 0.8,
    hips: tuple[float, float] = (0.5, 0.55),
    size: float = 1.0,
    unseen: tuple[int, ...] = (),
    aspect: float = ASPECT,
) -> Float32:
    """A skeleton seen from the side.

    Args:
        torso: Degrees by which it leans from upright; 90 is level, 180 head down.
        thighs: Degrees from straight down.
        shins: Likewise.
        arms: Left and right, degrees from hanging down; 180 is straight up.
        foreshortened: Factor by which the camera shortens thighs that point at it.
        confidence: Of every joint.
        hips: Where they are, x in picture heights and y.
        size: Factor of all lengths.
        unseen: Joints that are not found, as NaN.
        aspect: The picture's width over its height.

    Returns:
        ``(17, 3)`` x, y as fractions of the picture, and confidence.
    """
    points = np.zeros((17, 2))

    def along(start: tuple[float, float], degrees: float, length: float) -> tuple[float, float]:
        turn = math.radians(degrees)
        return start[0] + math.sin(turn) * length * size, start[1] + math.cos(turn) * length * size

    shoulders = along(hips, 180.0 - torso, TORSO)
    points[:5] = along(shoulders, 180.0 - torso, NECK)
    for side in (0, 1):
        apart = 0.01 * size * (1 - 2 * side)
        hip, shoulder = (hips[0] + apart, hips[1]), (shoulders[0] + apart, shoulders[1])
        knee = along(hip, thighs, THIGH * foreshortened)
        points[11 + side], points[5 + side], points[13 + side] = hip, shoulder, knee
        points[15 + side] = along(knee, shins, SHIN)
        points[7 + side], points[9 + side] = along(shoulder, arms[side], ARM / 2), along(shoulder, arms[side], ARM)
    drawn = np.column_stack([points[:, 0] / aspect, points[:, 1], np.full(17, confidence)]).astype(np.float32)
    drawn[list(unseen)] = np.nan
    return drawn


def box_of(keypoints: Float32, margin: float = 0.02) -> tuple[float, float, float, float]:
    """The box around a skeleton, a margin around it: x, y, width and height as fractions of the picture."""
    low, high = np.nanmin(keypoints[:, :2], axis=0) - margin, np.nanmax(keypoints[:, :2], axis=0) + margin
    return float(low[0]), float(low[1]), float(high[0] - low[0]), float(high[1] - low[1])
