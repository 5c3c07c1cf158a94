"""The pinhole camera: world metres to pixels and back to the ground."""

from __future__ import annotations

import math

import numpy as np

from models.arrays import Float64
from training.virtual.scene import CameraSpec

NEAR = 0.3
"""Metres before the camera within which nothing is drawn."""


class Camera:
    """A fixed camera of ``size`` (width, height) pixels. Pixel (0, 0) is the centre of the top left one."""

    def __init__(self, spec: CameraSpec, size: tuple[int, int]) -> None:
        self.width, self.height = size
        self.focal = spec.focal * self.width
        self.centre = np.array([(self.width - 1) / 2, (self.height - 1) / 2])
        self.position = np.array([0.0, 0.0, spec.height])
        tilt, pan = math.radians(spec.tilt), math.radians(spec.pan)
        forward = np.array([math.cos(tilt) * math.sin(pan), math.cos(tilt) * math.cos(pan), -math.sin(tilt)])
        right = np.array([math.cos(pan), -math.sin(pan), 0.0])
        self.axes = np.stack([right, np.cross(forward, right), forward])
        """Rows: right, down and forward in world coordinates."""

    def project(self, points: Float64) -> tuple[Float64, Float64]:
        """(..., 3) metres to ((..., 2) pixels, (...) depth along the optical axis in metres).

        Points nearer than ``NEAR`` are pushed out to it, so that the result is always finite.
        """
        seen = (np.asarray(points, dtype=np.float64) - self.position) @ self.axes.T
        depth = seen[..., 2]
        pixels = self.centre + self.focal * seen[..., :2] / np.maximum(depth, NEAR)[..., None]
        return pixels, depth

    def scale(self, depth: float) -> float:
        """Pixels per metre at a depth."""
        return self.focal / max(depth, NEAR)

    def to_ground(self, pixels: Float64) -> Float64:
        """(..., 2) pixels to the (..., 2) ground metres they show; NaN at and above the horizon."""
        offset = (np.asarray(pixels, dtype=np.float64) - self.centre) / self.focal
        rays = offset[..., :1] * self.axes[0] + offset[..., 1:] * self.axes[1] + self.axes[2]
        with np.errstate(divide="ignore", invalid="ignore"):
            distance = np.where(rays[..., 2] < -1e-6, -self.position[2] / rays[..., 2], np.nan)
            return np.asarray(rays[..., :2] * distance[..., None] + self.position[:2])

    def sees(self, points: Float64) -> bool:
        """Whether any of (N, 3) points is inside the picture."""
        pixels, depth = self.project(points)
        inside = (pixels >= 0).all(axis=-1) & (pixels < [self.width, self.height]).all(axis=-1) & (depth > NEAR)
        return bool(inside.any())
