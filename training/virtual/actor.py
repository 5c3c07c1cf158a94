"""One body in the world: how it looks, what it is about to do, and where it is."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from models.arrays import Float64
from training.virtual.actions import ACTIONS, BodyAction
from training.virtual.colour import Colour
from training.virtual.gait import Feet
from training.virtual.poses import BodyState
from training.virtual.skeleton import HEEL_TO_BALL, HIP
from training.virtual.steering import steer

INERTIA_S = 0.35
"""Time constant with which a body takes up a new velocity."""
TURN_RATE = 4.0
"""Radians a second a standing body turns."""
BRAKING = 1.2
"""Metres a second squared at which a body slows down to stop."""
ARRIVED = 0.25
"""Metres from the end of a path that count as there."""


@dataclass(frozen=True)
class ActorLook:
    """What a person looks like. Names of colours go into captions."""

    height: float
    build: float
    """Times the usual width."""
    top: str
    top_colour: Colour
    bottom_colour: Colour
    skin: Colour
    hair: Colour
    garment: str
    """coat, jacket or shirt."""
    pattern: str
    """plain, striped or banded."""
    bag: str | None
    """backpack, bag or None."""
    long_hair: bool
    hat: bool


class Barrier:
    """Where several wait until all have come."""

    def __init__(self, parties: int) -> None:
        self._missing = parties

    def arrive(self) -> None:
        """One more has come."""
        self._missing -= 1

    @property
    def open(self) -> bool:
        """Whether all have come."""
        return self._missing <= 0


@dataclass
class Go:
    """Follow a path, (N, 2) metres."""

    path: Float64
    action: str = "walk"
    speed: float = 1.3
    event: int | None = None
    """The anomaly this is part of."""


@dataclass
class Do:
    """Stay and do something for a while, turned towards a point."""

    action: str
    seconds: float
    facing: Float64 | None = None
    event: int | None = None
    place: int | None = None
    """The place of the scene that is taken meanwhile."""


@dataclass
class Meet:
    """Stand until all others of a barrier are there."""

    barrier: Barrier
    facing: Float64 | None = None
    action: str = "stand"
    event: int | None = None
    place: int | None = None
    arrived: bool = field(default=False, init=False)


Step = Go | Do | Meet


class Actor:
    """A person."""

    def __init__(
        self,
        track_id: int,
        look: ActorLook,
        start: Float64,
        steps: Iterable[Step],
        temper: float,
        group: int | None = None,
    ) -> None:
        """Place it, with something to do.

        Args:
            track_id: Its number in the truth.
            look: What it looks like.
            start: ``(2,)`` metres.
            steps: What it does, one after the other.
            temper: 0..1.
            group: Those of one group do not avoid each other.
        """
        self.track_id = track_id
        self.look = look
        self.temper = temper
        self.group = group
        self.steps: deque[Step] = deque(steps)
        self.position = np.array(start, dtype=np.float64)
        self.velocity = np.zeros(2)
        self.heading = 0.0
        self.travelled = 0.0
        self._since = 0.0
        self._leg = 0
        self._avoid: Float64 | None = None
        first = self.steps[0]
        if isinstance(first, Go):
            way = first.path[1] - first.path[0]
            self.heading = math.atan2(way[1], way[0])
            self.velocity = way / max(float(np.hypot(way[0], way[1])), 1e-9) * first.speed
        tall = look.height
        self.feet = Feet(self.position, self.heading, 1.1 * HIP * tall, 0.8 * HEEL_TO_BALL * tall, tall / 1.75, temper)

    @property
    def done(self) -> bool:
        """Whether it has nothing left to do, and leaves the world."""
        return not self.steps

    @property
    def step(self) -> Step:
        """What it is at now."""
        return self.steps[0]

    @property
    def action(self) -> BodyAction:
        """The entry of what it does now."""
        return ACTIONS[self.step.action]

    @property
    def room(self) -> float:
        """Metres others keep from it."""
        return self.action.room

    def advance(self, dt: float, others: Float64, speeds: Float64, obstacles: Float64) -> None:
        """``dt`` seconds on; the rest as in `steer`."""
        step = self.step
        self._since += dt
        if isinstance(step, Go):
            self._follow(step, dt, others, speeds, obstacles)
        else:
            self._stay(step, dt)
        moved = self.velocity * dt
        self.position = self.position + moved
        self.travelled += float(np.hypot(moved[0], moved[1]))
        self.feet.advance(self.position, self.heading, self.velocity, ACTIONS[step.action].gait, dt)

    def _follow(self, step: Go, dt: float, others: Float64, speeds: Float64, obstacles: Float64) -> None:
        target, left = self._carrot(step.path)
        if left < ARRIVED:
            self._next()
            return
        way = target - self.position
        speed = step.speed
        if len(self.steps) > 1 and not isinstance(self.steps[1], Go):
            speed = min(speed, math.sqrt(2.0 * BRAKING * left) + 0.1)
        desired = way / max(float(np.hypot(way[0], way[1])), 1e-9) * speed
        if self._avoid is None:
            self._avoid = _apart(obstacles, step.path)
        wanted = steer(self.position, desired, others, speeds, self._avoid, self.room)
        self.velocity = self.velocity + (wanted - self.velocity) * min(1.0, dt / INERTIA_S)
        if np.hypot(self.velocity[0], self.velocity[1]) > 0.2:
            self._turn(math.atan2(self.velocity[1], self.velocity[0]), 2.0 * dt)

    def _carrot(self, path: Float64) -> tuple[Float64, float]:
        """The point of the path to go for, and how far it is to the end."""
        while True:
            start, end = path[self._leg], path[self._leg + 1]
            along = end - start
            length = max(float(np.hypot(along[0], along[1])), 1e-9)
            done = float((self.position - start) @ along) / length
            if done < length - 0.3 or self._leg + 2 >= len(path):
                break
            self._leg += 1
        rest = path[self._leg + 1 :]
        left = max(length - done, 0.0) + float(np.hypot(*np.diff(rest, axis=0).T).sum())
        ahead = min(done + 1.5, length)
        return start + along * (ahead / length), left

    def _stay(self, step: Do | Meet, dt: float) -> None:
        self.velocity = self.velocity * max(0.0, 1.0 - dt / 0.15)
        if step.facing is not None:
            way = step.facing - self.position
            self._turn(math.atan2(way[1], way[0]), dt)
        if isinstance(step, Meet):
            if not step.arrived:
                step.arrived = True
                step.barrier.arrive()
            if step.barrier.open:
                self._next()
        elif self._since >= step.seconds:
            self._next()

    def _turn(self, wanted: float, dt: float) -> None:
        error = (wanted - self.heading + math.pi) % (2.0 * math.pi) - math.pi
        self.heading += max(-TURN_RATE * dt, min(TURN_RATE * dt, error))

    def _next(self) -> None:
        self.steps.popleft()
        self._since = 0.0
        self._leg = 0
        self._avoid = None

    def to_world(self, points: Float64) -> Float64:
        """(N, 3) points of the body frame in world metres."""
        cosine, sine = math.cos(self.heading), math.sin(self.heading)
        turn = np.array([[cosine, sine, 0.0], [-sine, cosine, 0.0], [0.0, 0.0, 1.0]])
        world = points @ turn
        world[:, :2] += self.position
        return np.asarray(world)

    def moment(self) -> BodyState:
        """All that its pose and its gear depend on."""
        cosine, sine = math.cos(self.heading), math.sin(self.heading)
        balls = np.zeros((2, 3))
        balls[:, :2] = (self.feet.places - self.position) @ np.array([[cosine, -sine], [sine, cosine]])
        balls[:, 2] = self.feet.lift
        step = self.step
        return BodyState(
            height=self.look.height,
            feet=balls,
            rolls=self.feet.roll,
            phase=self.feet.phase,
            speed=float(np.hypot(self.velocity[0], self.velocity[1])),
            travelled=self.travelled,
            seconds=self._since,
            remaining=step.seconds - self._since if isinstance(step, Do) else math.inf,
            temper=self.temper,
        )

    def pose(self) -> Float64:
        """The joints, (JOINTS, 3) world metres."""
        return self.to_world(self.action.pose(self.moment()))

    def caption(self, way: str) -> str:
        """What to say of it, where ``way`` is its direction in the picture."""
        return f"a person in a {self.look.top} {self.look.garment} {self.action.verb.format(way=way)}"


def _apart(obstacles: Float64, path: Float64) -> Float64:
    """The obstacles at neither end of a path: who sits down on a bench does not walk around it."""
    ends = np.stack([path[0], path[-1]])
    away = np.hypot(*(obstacles[:, None, :2] - ends).transpose(2, 0, 1))
    return np.asarray(obstacles[(away > obstacles[:, 2:] + 0.5).all(axis=1)])
