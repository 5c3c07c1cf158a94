"""The kinds of anomaly: one entry a kind, a function that sends its actors into the world.

Each is called with the `Stage`, the names of the routes it may use, and the number of the event, and returns the
actors. Steps that carry the event's number are what is anomalous; what comes before and after is normal.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from models.arrays import Float64
from training.virtual.actor import Actor, Barrier, Do, Go, Meet, Step


class Stage(Protocol):
    """What a kind of anomaly may ask of the director."""

    rng: np.random.Generator

    def path(self, route: str, *, reverse: bool | None = None) -> Float64:
        """(N, 2) metres along a route, beside its middle by chance.

        ``reverse`` is by chance where it is None, though never against a one-way route.
        """

    def split(self, path: Float64) -> tuple[Float64, Float64]:
        """The path up to a point well inside the picture, and from there on."""

    def speed(self, action: str) -> float:
        """Metres a second for one body, by chance."""

    def actor(self, start: Float64, steps: Sequence[Step]) -> Actor:
        """A new person."""

    def event(self, kind: str) -> int:
        """The number of a new event."""

    def anomalous(self, action: str) -> bool:
        """Whether an action is none of the scene's normal ones."""


Send = Callable[[Stage, Sequence[str], int], list[Actor]]


@dataclass(frozen=True)
class AnomalyKind:
    """One entry."""

    send: Send
    actions: tuple[str, ...]
    """What is anomalous about it."""


def _passing(action: str, *, reverse: bool | None = None) -> AnomalyKind:
    def send(stage: Stage, routes: Sequence[str], event: int) -> list[Actor]:
        path = stage.path(str(stage.rng.choice(list(routes))), reverse=reverse)
        return [stage.actor(path[0], [Go(path, action, stage.speed(action), event)])]

    return AnomalyKind(send, (action,))


def _stopping(action: str) -> AnomalyKind:
    def send(stage: Stage, routes: Sequence[str], event: int) -> list[Actor]:
        before, after = stage.split(stage.path(str(stage.rng.choice(list(routes)))))
        facing = before[-1] + stage.rng.normal(0.0, 3.0, 2)
        steps: list[Step] = [
            Go(before, "walk", stage.speed("walk")),
            Do(action, float(stage.rng.uniform(6.0, 10.0)), facing=facing, event=event),
            Go(after, "walk", stage.speed("walk")),
        ]
        return [stage.actor(before[0], steps)]

    return AnomalyKind(send, (action,))


def _fall(stage: Stage, routes: Sequence[str], event: int) -> list[Actor]:
    before, after = stage.split(stage.path(str(stage.rng.choice(list(routes)))))
    steps: list[Step] = [
        Go(before, "walk", stage.speed("walk")),
        Do("fall", float(stage.rng.uniform(6.0, 9.0)), event=event),
        Do("get_up", 2.5, event=event),
        Go(after, "walk", 0.8 * stage.speed("walk")),
    ]
    return [stage.actor(before[0], steps)]


def _fight(stage: Stage, routes: Sequence[str], event: int) -> list[Actor]:
    path = stage.path(str(stage.rng.choice(list(routes))))
    other = stage.path(str(stage.rng.choice(list(routes))))
    return _fighters(stage, stage.split(path), other, float(stage.rng.uniform(8.0, 12.0)), event, Barrier(2))


def _fighters(
    stage: Stage, parts: tuple[Float64, Float64], other: Float64, seconds: float, event: int, barrier: Barrier
) -> list[Actor]:
    """Two who meet where a path is parted, one along it and one from the beginning of another, and fight there."""
    before, after = parts
    middle = before[-1]
    along = middle - before[-2]
    along = along / max(float(np.hypot(along[0], along[1])), 1e-9)
    fighters = []
    for path, spot, leave in (
        (before, middle - 0.36 * along, after),
        (other, middle + 0.36 * along, other),
    ):
        arrive = np.vstack([path[:1], path[1:-1], spot]) if path is before else np.vstack([path[:1], spot])
        steps: list[Step] = [
            Go(arrive, "walk", stage.speed("walk")),
            Meet(barrier, facing=middle),
            Do("fight", seconds, facing=middle, event=event),
            Go(np.vstack([spot, leave[-1]]), "walk", 1.2 * stage.speed("walk")),
        ]
        fighters.append(stage.actor(arrive[0], steps))
    return fighters


ASIDE = 1.7
"""Metres from a fight to the cyclists who pass it: near enough for one picture, too far for one box."""


def _beside(stage: Stage, routes: Sequence[str], event: int) -> list[Actor]:
    """A fight, and while it lasts two cyclists who pass it one after the other: a second event, of their own kind."""
    route = str(stage.rng.choice(list(routes)))
    way = stage.path(route)
    before, after = stage.split(way)
    along = before[-1] - before[-2]
    aside = ASIDE / max(float(np.hypot(along[0], along[1])), 1e-9) * np.array([-along[1], along[0]])
    # Beyond those who pass: in front of them it would hide them.
    aside = aside if aside[1] > 0.0 else -aside
    barrier = Barrier(4)
    spot = np.vstack([before[:-4], before[-2:] + aside])
    actors = _fighters(stage, (spot, after), stage.path(route), 16.0, event, barrier)
    passing = stage.event("cyclist") if stage.anomalous("cycle") else None
    for wait in (0.2, 4.5):
        steps: list[Step] = [
            Meet(barrier, facing=way[1], action="cycle", event=passing),
            Do("cycle", wait, event=passing),
            Go(way, "cycle", stage.speed("cycle"), passing),
        ]
        actors.append(stage.actor(way[0], steps))
    return actors


ANOMALIES: dict[str, AnomalyKind] = {
    "cyclist": _passing("cycle"),
    "runner": _passing("run"),
    "cart": _passing("drive"),
    "skateboarder": _passing("skateboard"),
    "scooter": _passing("scooter"),
    "motorcyclist": _passing("motorcycle"),
    "wheelchair": _passing("wheelchair"),
    "crawler": _passing("crawl"),
    "carrier": _passing("carry"),
    "trolley": _passing("push"),
    "suitcase": _passing("suitcase"),
    "umbrella": _passing("umbrella"),
    "dog": _passing("dog"),
    "against_stream": _passing("against_stream", reverse=True),
    "croucher": _stopping("crouch"),
    "picker": _stopping("pick_up"),
    "waver": _stopping("wave"),
    "jumper": _stopping("jump"),
    "dancer": _stopping("dance"),
    "thrower": _stopping("throw"),
    "kicker": _stopping("kick"),
    "sweeper": _stopping("sweep"),
    "climber": _stopping("climb"),
    "fall": AnomalyKind(_fall, ("fall", "get_up")),
    "fight": AnomalyKind(_fight, ("fight",)),
    "beside": AnomalyKind(_beside, ("fight",)),
}
