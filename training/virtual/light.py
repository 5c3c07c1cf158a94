"""The sun and the clouds before it."""

from __future__ import annotations

import math

import numpy as np

from models.arrays import Float64
from training.virtual.scene import LightSpec


class Light:
    """The light of a scene at any time; a pure function of the scene and the time."""

    def __init__(self, spec: LightSpec) -> None:
        azimuth, elevation = math.radians(spec.sun_azimuth), math.radians(spec.sun_elevation)
        self.to_sun = np.array(
            [
                math.sin(azimuth) * math.cos(elevation),
                math.cos(azimuth) * math.cos(elevation),
                math.sin(elevation),
            ]
        )
        """Unit vector from the ground to the sun."""
        self.in_sun = np.array(spec.sun_colour, dtype=np.float64) / 255.0
        """Times the colour of a thing: in the sun, and in the shadow, where the blue of the sky is left."""
        self.in_shade = spec.shade * np.array([1.07, 1.0, 0.95])
        self._spec = spec

    def sunniness(self, time: float) -> float:
        """0 behind the thickest cloud to 1 in full sun."""
        turn = 2.0 * math.pi * time / self._spec.cloud_period_s
        # Two slow waves of no common period: never quite the same, never fast.
        cloud = 0.5 - 0.5 * (0.7 * math.cos(turn) + 0.3 * math.cos(2.618 * turn + 0.5))
        return 1.0 - self._spec.cloud_depth * cloud * cloud * (3.0 - 2.0 * cloud)

    def shadows(self, points: Float64) -> Float64:
        """Where (..., 3) points throw their shadow: (..., 3) on the ground."""
        return np.asarray(points - points[..., 2:] / self.to_sun[2] * self.to_sun)

    def on_wall(self, normal: Float64) -> float:
        """0..1, how much of the sun a surface facing along the unit vector ``normal`` gets."""
        return max(0.0, float(self.to_sun @ normal)) / math.hypot(self.to_sun[0], self.to_sun[1])
