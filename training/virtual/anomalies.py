"""The kinds of anomaly: one entry a kind, a function that sends its actors into the world.

Each is called with the `Stage`, the names of the routes it may use, and the number of the event, and returns the
actors. Steps that carry the event's number are what is anomalous; what comes before and after is normal.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from training.virtual.actor import Actor, Barrier, Do, Go, Meet, Step

Array = NDArray[np.float64]


class Stage(Protocol):
    """What a kind of anomaly may ask of the director."""

    rng: np.random.Generator

    def path(self, route: str, *, reverse: bool | None = None) -> Array:
        """(N, 2) metres along a route, beside its middle by chance.

        ``reverse`` is by chance where it is None, though never against a one-way route.
        """

    def split(self, path: Array) -> tuple[Array, Array]:
        """The path up to a point well inside the picture, and from there on."""

    def speed(self, action: str) -> float:
        """Metres a second for one body, by chance."""

    def actor(self, start: Array, steps: Sequence[Step]) -> Actor:
        """A new person."""


Kind = Callable[[Stage, Sequence[str], int], list[Actor]]


def _passing(action: str, *, reverse: bool | None = None) -> Kind:
    def send(stage: Stage, routes: Sequence[str], event: int) -> list[Actor]:
        path = stage.path(str(stage.rng.choice(list(routes))), reverse=reverse)
        return [stage.actor(path[0], [Go(path, action, stage.speed(action), event)])]

    return send


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
    before, after = stage.split(stage.path(str(stage.rng.choice(list(routes)))))
    other = stage.path(str(stage.rng.choice(list(routes))))
    middle = before[-1]
    along = middle - before[-2]
    along = along / max(float(np.hypot(along[0], along[1])), 1e-9)
    seconds = float(stage.rng.uniform(8.0, 12.0))
    barrier = Barrier(2)
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


ANOMALIES: dict[str, Kind] = {
    "cyclist": _passing("cycle"),
    "runner": _passing("run"),
    "cart": _passing("drive"),
    "against_stream": _passing("against_stream", reverse=True),
    "fall": _fall,
    "fight": _fight,
}
