"""Feet that do not skate: each foot is planted on the ground and stays there until it swings to its next place."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from models.arrays import Float64

STILL = 0.08
"""Metres a second below which a body counts as standing."""
RESTLESS = 0.16
"""A standing foot further than this from its place under the hip, in metres, takes a step there."""


@dataclass(frozen=True)
class Gait:
    """How feet go.

    A stride is two steps: ``stride0 + stride1 * speed`` metres for a body of 1.75 m (1.25 m at 1.3 m/s when walking).
    """

    stance: float
    """Share of the stride that a foot is on the ground."""
    stride0: float
    stride1: float
    lift: float
    """Height of the swinging foot, in metres."""


WALK = Gait(stance=0.55, stride0=0.55, stride1=0.54, lift=0.08)
RUN = Gait(stance=0.30, stride0=0.70, stride1=0.52, lift=0.28)


class Feet:
    """The two feet of one body; index 0 is the left one."""

    def __init__(
        self, position: Float64, heading: float, spread: float, ahead: float, size: float, phase: float
    ) -> None:
        """Where the feet stand at first.

        Args:
            position: (2,) metres, of the body.
            heading: Radians.
            spread: Metres from the body's line to the ball of a foot.
            ahead: Metres that the ball of a foot is before the hip.
            size: Times the strides of a body of 1.75 m.
            phase: In strides.
        """
        self.spread, self.ahead, self.size = spread, ahead, size
        self.phase = phase
        self.lift = np.zeros(2)
        """Height of each foot above the ground, in metres."""
        self.roll = np.zeros(2)
        """Radians that the heel is up."""
        self.planted = np.array([True, True])
        self.places = np.stack([self._under(position, heading, side) for side in (0, 1)])
        """(2, 2) metres: the balls of the feet."""
        self._origins = self.places.copy()

    def _under(self, position: Float64, heading: float, side: int) -> Float64:
        left = self.spread if side == 0 else -self.spread
        cosine, sine = math.cos(heading), math.sin(heading)
        offset = [self.ahead * cosine - left * sine, self.ahead * sine + left * cosine]
        return np.asarray(position + np.array(offset))

    def advance(self, position: Float64, heading: float, velocity: Float64, gait: Gait, dt: float) -> None:
        """One step of ``dt`` seconds with the body at ``position``, in metres, going at ``velocity``, in m/s."""
        speed = float(np.hypot(velocity[0], velocity[1]))
        frequency = speed / (self.size * (gait.stride0 + gait.stride1 * speed))
        if speed < STILL:
            frequency = 0.9 if self._must_step(position, heading) else 0.0
        self.phase += frequency * dt
        for side in (0, 1):
            self._move(side, position, heading, velocity, gait, frequency)

    def _must_step(self, position: Float64, heading: float) -> bool:
        if not self.planted.all():
            return True
        away = [self.places[side] - self._under(position, heading, side) for side in (0, 1)]
        return max(math.hypot(x, y) for x, y in away) > RESTLESS

    def _move(
        self, side: int, position: Float64, heading: float, velocity: Float64, gait: Gait, frequency: float
    ) -> None:
        cycle = (self.phase + 0.5 * side) % 1.0
        if cycle < gait.stance:
            self.planted[side] = True
            self.lift[side] = 0.0
            self.roll[side] = 1.1 * max(0.0, cycle / gait.stance - 0.45) / 0.55 if frequency > 0.0 else 0.0
            return
        if self.planted[side]:
            self.planted[side] = False
            self._origins[side] = self.places[side]
        swing = (cycle - gait.stance) / (1.0 - gait.stance)
        target = self._under(position, heading, side)
        if frequency > 0.0:
            target = target + velocity * ((1.0 - cycle + gait.stance / 2) / frequency)
        eased = swing * swing * (3.0 - 2.0 * swing)
        self.places[side] = self._origins[side] + (target - self._origins[side]) * eased
        self.lift[side] = gait.lift * math.sin(math.pi * swing)
        self.roll[side] = 1.1 * (1.0 - swing)
