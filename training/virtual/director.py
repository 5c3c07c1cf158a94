"""Who enters when, and what for: the normal life of a scene and its anomalies, from one seed."""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence

import numpy as np

from models.arrays import Float64
from training.virtual.actions import ACTIONS
from training.virtual.actor import Actor, ActorLook, Barrier, Do, Go, Meet, Step
from training.virtual.anomalies import ANOMALIES
from training.virtual.camera import Camera
from training.virtual.scene import Scene

WARM_UP_S = 60.0
"""The world runs so long, unseen, before the first frame: the longest way through a scene takes about as long."""
MAX_STEP = 0.05
"""Seconds; longer steps of time are cut into several."""
PROP_RADII = {
    "tree": 0.35,
    "bench": 0.9,
    "lamp": 0.2,
    "planter": 0.75,
    "bollard": 0.2,
    "bin": 0.35,
    "parasol": 1.0,
    "container": 3.0,
    "crates": 0.9,
    "pillar": 0.5,
    "slide": 1.6,
}


class Director:
    """Runs the world. The same scene, seed and steps of time give the same world."""

    def __init__(self, scene: Scene, seed: int, *, normal_until: float = 0.0) -> None:
        """Fill the scene as it is after a while.

        Args:
            scene: What to run.
            seed: Of every random choice.
            normal_until: Seconds without any anomaly; ``math.inf`` for never.
        """
        self.scene = scene
        name = zlib.crc32(scene.name.encode())
        self.rng = np.random.default_rng([seed, name])
        # Its own, so that the order of anomalies does not depend on when the normal stretch ends.
        self._schedule_rng = np.random.default_rng([seed, name, 1])
        self.actors: list[Actor] = []
        self.kinds: dict[int, str] = {}
        """The kind of every event that has begun."""
        self.time = -WARM_UP_S
        self._view = Camera(scene.camera, (640, 360))
        self._obstacles = np.array([[*prop.at, PROP_RADII[prop.kind] * prop.size] for prop in scene.props]).reshape(
            -1, 3
        )
        self._tracks = 0
        self._groups = 0
        self._bag: list[str] = []
        self._arrivals = 0.0
        self._next_event = math.inf
        if math.isfinite(normal_until):
            self.begin_anomalies(normal_until)
        while self.time < -1e-9:
            self._advance(min(0.1, -self.time))
        self.time = 0.0

    def begin_anomalies(self, at: float) -> None:
        """End the normal stretch at time ``at``; has no effect where it has an end already."""
        if math.isinf(self._next_event):
            self._next_event = at + float(self._schedule_rng.uniform(*self.scene.schedule.first))

    def advance(self, dt: float) -> None:
        """``dt`` seconds on."""
        steps = max(1, math.ceil(dt / MAX_STEP - 1e-9))
        for _ in range(steps):
            self._advance(dt / steps)

    def _advance(self, dt: float) -> None:
        self.time += dt
        self._populate(dt)
        if self.time >= self._next_event:
            self._begin_event()
        places = np.array([actor.position for actor in self.actors]).reshape(-1, 2)
        speeds = np.array([actor.velocity for actor in self.actors]).reshape(-1, 2)
        # A body without a group is a group of its own, under a number no group has.
        groups = np.array([-actor.track_id if actor.group is None else actor.group for actor in self.actors])
        for index, actor in enumerate(self.actors):
            keep = groups != groups[index]
            actor.advance(dt, places[keep], speeds[keep], self._obstacles)
        self.actors = [actor for actor in self.actors if not actor.done]

    def _populate(self, dt: float) -> None:
        missing = self.scene.population.people - len(self.actors)
        if missing <= 0:
            return
        self._arrivals -= dt
        if self._arrivals > 0.0:
            return
        self._arrivals = float(self.rng.exponential(2.5 / missing)) + 0.3
        chance = self.rng.random()
        talk = self._free_place(alone=False)
        if talk is not None and chance < 0.12:
            self._send_talkers(talk)
        elif chance < 0.12 + self.scene.population.companions / 2:
            self._send_companions()
        else:
            self._send_passer()

    def _begin_event(self) -> None:
        kinds = self.scene.schedule.kinds
        if not self._bag:
            # Every kind comes before any comes again; the heavier ones tend to come first.
            names = sorted(kinds)
            weights = np.array([kinds[name].weight for name in names])
            order = self._schedule_rng.choice(len(names), len(names), replace=False, p=weights / weights.sum())
            self._bag = [names[index] for index in order[::-1]]
        kind = self._bag.pop()
        self.actors.extend(ANOMALIES[kind].send(self, kinds[kind].routes, self.event(kind)))
        self._next_event += float(self._schedule_rng.uniform(*self.scene.schedule.every))

    # What normal people do

    def _send_passer(self) -> None:
        path = self.path(self._route())
        action = self._passing()
        speed = self.speed(action)
        steps: list[Step] = [Go(path, action, speed)]
        place = self._free_place(alone=True) if action == "walk" else None
        if place is not None and self.rng.random() < self.scene.population.stops:
            spec = self.scene.places[place]
            loose = 0.1 if spec.action == "sit" else 0.25
            at = np.array(spec.at) + self.rng.normal(0.0, loose, 2)
            there, on = _detour(path, at)
            action = "phone" if self.rng.random() < 0.5 and spec.action == "stand" else spec.action
            facing = at + np.array([self.rng.normal(), self.rng.normal() - 0.6]) * 3.0
            if spec.facing is not None:
                facing = np.array(spec.facing)
            steps = [
                Go(there, "walk", speed),
                Do(action, float(self.rng.uniform(*spec.seconds)), facing=facing, place=place),
                Go(on, "walk", speed),
            ]
        self.actors.append(self.actor(path[0], steps))

    def _send_companions(self) -> None:
        name = self._route()
        path = self.path(name)
        speed = 0.92 * self.speed("walk")
        self._groups += 1
        for aside in (-0.33, 0.33):
            own = _shifted(path, aside)
            self.actors.append(self.actor(own[0], [Go(own, "walk", speed)], group=self._groups))

    def _send_talkers(self, place: int) -> None:
        spec = self.scene.places[place]
        at = np.array(spec.at)
        turn = float(self.rng.uniform(0.0, math.pi))
        apart = 0.48 * np.array([math.cos(turn), math.sin(turn)])
        barrier, seconds = Barrier(2), float(self.rng.uniform(*spec.seconds))
        self._groups += 1
        for spot in (at - apart, at + apart):
            path, speed = self.path(self._route()), self.speed("walk")
            there, on = _detour(path, spot)
            steps: list[Step] = [
                Go(there, "walk", speed),
                Meet(barrier, facing=at, place=place),
                Do("talk", seconds, facing=at, place=place),
                Go(on, "walk", speed),
            ]
            self.actors.append(self.actor(path[0], steps, group=self._groups))

    def _free_place(self, *, alone: bool) -> int | None:
        taken = {step.place for actor in self.actors for step in actor.steps if not isinstance(step, Go)}
        places = enumerate(self.scene.places)
        free = [i for i, place in places if (place.action != "talk") == alone and i not in taken]
        return int(self.rng.choice(free)) if free else None

    def _passing(self) -> str:
        passing = self.scene.population.passing
        if len(passing) == 1:
            return next(iter(passing))
        weights = np.array(list(passing.values()))
        return str(self.rng.choice(list(passing), p=weights / weights.sum()))

    def _route(self) -> str:
        names = list(self.scene.routes)
        weights = np.array([self.scene.routes[name].weight for name in names])
        return str(self.rng.choice(names, p=weights / weights.sum()))

    # The stage that anomalies use

    def path(self, route: str, *, reverse: bool | None = None) -> Float64:
        """(N, 2) metres along a route, beside its middle by chance; see `anomalies.Stage`."""
        spec = self.scene.routes[route]
        if reverse is None:
            reverse = not spec.one_way and bool(self.rng.random() < 0.5)
        points = np.array(spec.points[::-1] if reverse else spec.points, dtype=np.float64)
        return _shifted(points, float(self.rng.uniform(-0.5, 0.5)) * spec.width)

    def split(self, path: Float64) -> tuple[Float64, Float64]:
        """The path up to a point well inside the picture, and from there on."""
        fine = _resampled(path, 0.5)
        seen = [index for index in range(1, len(fine) - 1) if self._well_inside(fine[index])]
        if not seen:
            seen = [len(fine) // 2]
        low, high = int(0.25 * len(seen)), max(int(0.25 * len(seen)) + 1, int(0.75 * len(seen)))
        at = seen[int(self.rng.integers(low, high))]
        return fine[: at + 1], fine[at:]

    def _well_inside(self, point: Float64) -> bool:
        pixels, _ = self._view.project(np.array([[*point, 0.0], [*point, 1.8]]))
        margin = np.array([0.1 * self._view.width, 0.06 * self._view.height])
        return bool(((pixels > margin) & (pixels < [self._view.width, self._view.height] - margin)).all())

    def event(self, kind: str) -> int:
        """The number of a new event."""
        number = len(self.kinds) + 1
        self.kinds[number] = kind
        return number

    def anomalous(self, action: str) -> bool:
        """Whether an action is none of the scene's normal ones."""
        return action not in self.scene.normal

    def speed(self, action: str) -> float:
        """Metres a second for one body, by chance."""
        low, high = ACTIONS[action].speed or self.scene.population.speed
        return float(self.rng.uniform(low, high))

    def actor(self, start: Float64, steps: Sequence[Step], group: int | None = None) -> Actor:
        """A new person, by chance."""
        self._tracks += 1
        return Actor(self._tracks, self._look(), start, steps, float(self.rng.random()), group)

    def _look(self) -> ActorLook:
        rng, spec = self.rng, self.scene.population
        wardrobe = spec.wardrobe
        top = str(rng.choice(list(wardrobe.tops)))
        bottom = str(rng.choice(list(wardrobe.bottoms)))
        return ActorLook(
            height=float(rng.uniform(*spec.height)),
            build=float(rng.uniform(0.9, 1.18)),
            top=top,
            top_colour=wardrobe.tops[top],
            bottom_colour=wardrobe.bottoms[bottom],
            skin=wardrobe.skins[int(rng.integers(len(wardrobe.skins)))],
            hair=wardrobe.hairs[int(rng.integers(len(wardrobe.hairs)))],
            garment=str(rng.choice(["coat", "jacket", "shirt"], p=[0.3, 0.4, 0.3])),
            pattern=str(rng.choice(["plain", "striped", "banded"], p=[0.7, 0.15, 0.15])),
            bag=[None, "backpack", "bag"][int(rng.choice(3, p=[0.55, 0.25, 0.2]))],
            long_hair=bool(rng.random() < 0.4),
            hat=bool(rng.random() < 0.15),
        )


def _shifted(path: Float64, aside: float) -> Float64:
    """The path moved to its left by ``aside`` metres."""
    along = np.gradient(path, axis=0)
    along /= np.maximum(np.hypot(along[:, 0], along[:, 1]), 1e-9)[:, None]
    return np.asarray(path + aside * np.stack([-along[:, 1], along[:, 0]], axis=1))


def _resampled(path: Float64, every: float) -> Float64:
    lengths = np.hypot(*np.diff(path, axis=0).T)
    marks = np.concatenate([[0.0], np.cumsum(lengths)])
    wanted = np.linspace(0.0, marks[-1], max(3, round(marks[-1] / every)))
    return np.stack([np.interp(wanted, marks, path[:, axis]) for axis in (0, 1)], axis=1)


def _detour(path: Float64, at: Float64) -> tuple[Float64, Float64]:
    """The path to a point beside it, and on from there."""
    fine = _resampled(path, 1.0)
    nearest = int(np.argmin(np.hypot(*(fine - at).T)))
    leave, back = max(nearest - 2, 0), min(nearest + 2, len(fine) - 1)
    return np.vstack([fine[: leave + 1], at]), np.vstack([at, fine[back:]])
