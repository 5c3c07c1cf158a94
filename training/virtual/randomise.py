"""Scenes by chance, for training: a network that has seen ten thousand worlds takes the next one for another of them.

After Tobin et al., "Domain randomization for transferring deep neural networks from simulation to the real world"
(2017): the camera, its lens and sensor, the light, the ground, the walls, what stands about, what people wear and what
they do are all drawn anew. The named scenes in ``scenes/`` are what is tested on.
"""

from __future__ import annotations

import colorsys
import math
from collections.abc import Sequence

import numpy as np

from models.arrays import Float64
from training.virtual.actions import ACTIONS, ALONE
from training.virtual.anomalies import ANOMALIES
from training.virtual.camera import Camera
from training.virtual.colour import Colour
from training.virtual.scene import (
    AnomalySpec,
    CameraSpec,
    FacadeSpec,
    LightSpec,
    PavingSpec,
    PlaceSpec,
    PopulationSpec,
    PropSpec,
    RouteSpec,
    Scene,
    ScheduleSpec,
    StripSpec,
    WardrobeSpec,
)

SIZE = (640, 360)
"""The picture that routes and places are laid out for; a scene can be drawn in any size of this shape."""
BODY = (30.0, 88.0)
"""Pixels of a person of 1.7 m in the middle of a picture 640 wide: what a camera on a street sees of people."""
PASSING = tuple(name for name, action in ACTIONS.items() if action.going and name != "against_stream")
"""The going actions that look like themselves: who goes against the stream looks like one who walks."""
STAGED = ("fall", "fight")
"""The kinds that are no single action at a place or on the way: in every scene, and often."""
COLOURS = {
    "red": (0.0, 0.70, 0.62), "dark red": (0.99, 0.70, 0.38), "orange": (0.07, 0.75, 0.78),
    "brown": (0.07, 0.50, 0.38), "beige": (0.10, 0.28, 0.74), "yellow": (0.13, 0.70, 0.80),
    "green": (0.36, 0.45, 0.44), "dark green": (0.36, 0.45, 0.26), "turquoise": (0.49, 0.55, 0.62),
    "light blue": (0.56, 0.38, 0.78), "blue": (0.59, 0.62, 0.62), "dark blue": (0.62, 0.58, 0.34),
    "purple": (0.77, 0.45, 0.48), "pink": (0.95, 0.36, 0.80), "black": (0.66, 0.10, 0.15),
    "grey": (0.60, 0.05, 0.47), "light grey": (0.60, 0.04, 0.68), "white": (0.10, 0.05, 0.87),
}  # fmt: skip
"""Hue, saturation and value of what people wear."""
GROUNDS = (
    (0.10, 0.10, 0.64), (0.08, 0.14, 0.50), (0.60, 0.04, 0.42), (0.60, 0.05, 0.30), (0.28, 0.42, 0.42),
    (0.24, 0.40, 0.50), (0.10, 0.34, 0.62), (0.04, 0.38, 0.50), (0.60, 0.02, 0.76),
)  # fmt: skip
"""Stone, asphalt, grass, sand, brick, concrete."""
STANDING = ("bench", "lamp", "planter", "bollard", "bin", "parasol", "crates", "pillar", "slide", "container")
WALLS = ((0.07, 0.35, 0.70), (0.10, 0.20, 0.78), (0.03, 0.50, 0.55), (0.60, 0.06, 0.60), (0.58, 0.20, 0.62))


def random_scene(rng: np.random.Generator) -> Scene:
    """A scene by chance: the same for the same state of ``rng``.

    Every action of `ACTIONS` but against_stream is about as frequent as any other over many scenes.
    """
    camera = _camera(rng)
    ground = _Ground(rng, Camera(camera, SIZE))
    routes = _routes(ground)
    passing = _passing(rng)
    places, benches = _places(ground)
    normal = {*passing, *(place.action for place in places)}
    return Scene(
        name=f"random-{int(rng.integers(2**31))}",
        title="A scene by chance",
        camera=camera,
        light=_light(rng),
        paving=_paving(rng),
        strips=_strips(ground),
        facades=_facades(ground),
        props=(*benches, *_props(ground)),
        routes=routes,
        places=places,
        population=PopulationSpec(
            people=int(rng.integers(9, 17)),
            speed=WALKING,
            height=(1.5, 1.94),
            companions=float(rng.uniform(0.0, 0.08)),
            stops=0.95,
            passing=passing,
            wardrobe=_wardrobe(rng),
        ),
        schedule=_schedule(rng, tuple(routes), normal),
    )


class _Ground:
    """The ground as the camera sees it."""

    def __init__(self, rng: np.random.Generator, camera: Camera) -> None:
        self.rng = rng
        self._camera = camera
        here = float(np.hypot(*self.at(0.5, 0.5)))
        rows = np.linspace(0.0, 0.5, 51)
        away = np.array([np.hypot(*self.at(0.5, float(row))) for row in rows])
        self.top = float(rows[int(np.argmax(away < 2.0 * here))])
        """The row, 0..1, above which people are too small."""
        self.far = float(np.hypot(*self.at(0.5, self.top)))

    def at(self, column: float, row: float) -> Float64:
        """(2,) metres under a point of the picture, in shares of its width and height."""
        width, height = SIZE
        return self._camera.to_ground(np.array([column * (width - 1), row * (height - 1)]))

    def within(self, top: float = 0.25, margin: float = 0.12) -> Float64:
        """(2,) metres of a place well inside the picture; ``top`` as a share of the seen ground's height."""
        row = self.rng.uniform(self.top + top * (1.0 - self.top), 0.93)
        return self.at(float(self.rng.uniform(margin, 1.0 - margin)), float(row))


def _camera(rng: np.random.Generator) -> CameraSpec:
    while True:
        height, tilt = float(rng.uniform(2.8, 12.0)), float(rng.uniform(9.0, 42.0))
        away = height / math.sin(math.radians(tilt))
        focal = float(rng.uniform(*BODY)) * away / 1.7 / math.cos(math.radians(tilt)) / SIZE[0]
        # The bottom of the picture must be ground before the camera, not under it.
        steepest = tilt + math.degrees(math.atan(0.5 * SIZE[1] / SIZE[0] / focal))
        if 0.55 <= focal <= 2.6 and 7.0 <= away <= 45.0 and steepest < 75.0:
            return CameraSpec(
                height=height,
                tilt=tilt,
                pan=float(rng.uniform(-30.0, 30.0)),
                focal=focal,
                blur=float(rng.uniform(0.2, 1.3)),
                noise=float(rng.uniform(0.5, 5.0)),
            )


def _light(rng: np.random.Generator) -> LightSpec:
    warm, gain = rng.uniform(-1.0, 1.0), rng.uniform(0.6, 1.0)
    tint = np.array([0.93 - 0.07 * warm, 0.95, 0.93 + 0.07 * warm])
    blue, green, red = (int(channel) for channel in 255.0 * gain * tint)
    return LightSpec(
        sun_azimuth=float(rng.uniform(-180.0, 180.0)),
        sun_elevation=float(rng.uniform(18.0, 80.0)),
        sun_colour=(blue, green, red),
        shade=float(gain * rng.uniform(0.45, 0.9)),
        cloud_period_s=float(rng.uniform(40.0, 200.0)),
        cloud_depth=float(rng.uniform(0.0, 0.9)),
    )


def _paving(rng: np.random.Generator) -> PavingSpec:
    base = _pick(rng, GROUNDS)
    plain = rng.random() < 0.4
    slab = float(rng.uniform(3.0, 8.0)) if plain else float(rng.uniform(0.3, 1.4))
    return PavingSpec(
        slab=(slab * float(rng.uniform(0.7, 1.6)), slab),
        band_every=float(rng.uniform(3.0, 12.0)),
        band_width=float(rng.uniform(0.05, 1.0)),
        colour=_colour(rng, base, 0.06),
        band_colour=_colour(rng, base if plain else _pick(rng, GROUNDS), 0.08),
        variation=float(rng.uniform(0.01, 0.12)),
        joint=float(rng.choice((0.0, 0.012, 0.018, 0.03))),
    )


def _strips(ground: _Ground) -> tuple[StripSpec, ...]:
    rng, strips = ground.rng, []
    for _ in range(int(rng.choice(3, p=[0.45, 0.35, 0.2]))):
        ends = [ground.at(column, float(rng.uniform(ground.top + 0.05, 1.0))) for column in (-0.6, 1.6)]
        strips.append(
            StripSpec(
                points=(_point(ends[0]), _point(ends[1])),
                width=float(rng.choice((0.15, 1.5, 3.0, 5.0))),
                colour=_colour(rng, _pick(rng, GROUNDS), 0.08),
            )
        )
    return tuple(strips)


def _facades(ground: _Ground) -> tuple[FacadeSpec, ...]:
    rng, walls = ground.rng, []
    for _ in range(int(rng.integers(0, 4))):
        # Walls stand beyond the routes: the further end of what is seen, from one column to another.
        columns = np.sort(rng.uniform(-0.3, 1.3, 2))
        if columns[1] - columns[0] < 0.3:
            continue
        start, end = (ground.at(float(column), ground.top) * rng.uniform(1.15, 1.8) for column in columns)
        if max(np.abs(start).max(), np.abs(end).max()) > 190.0 or min(start[1], end[1]) < 5.0:
            continue
        base = _pick(rng, WALLS)
        walls.append(
            FacadeSpec(
                start=(float(start[0]), float(start[1])),
                end=(float(end[0]), float(end[1])),
                height=float(rng.uniform(4.0, 18.0)),
                colour=_colour(rng, base, 0.12),
                trim=_colour(rng, (0.1, 0.08, 0.85), 0.1),
                bay=float(rng.uniform(2.8, 5.0)),
                shops=bool(rng.random() < 0.5),
                awnings=tuple(_colour(rng, COLOURS[name], 0.1) for name in rng.choice(list(COLOURS), 3)),
                seed=int(rng.integers(1000)),
            )
        )
    return tuple(walls)


def _props(ground: _Ground) -> list[PropSpec]:
    rng = ground.rng
    kinds = list(
        rng.choice(
            ["bench", "lamp", "planter", "bollard", "bin", "parasol", "crates", "pillar", "slide", "container"],
            int(rng.integers(0, 6)),
        )
    )
    # A tree costs as much to draw as all else of a scene.
    kinds += ["tree"] * int(rng.choice(3, p=[0.5, 0.35, 0.15]))
    return [
        PropSpec(
            kind=str(kind),
            at=_point(ground.within(top=0.0, margin=0.02)),
            size=float(rng.uniform(0.75, 1.2)),
            turn=float(rng.uniform(-180.0, 180.0)),
            sway=float(rng.uniform(0.03, 0.15)) if kind == "tree" else 0.0,
        )
        for kind in kinds
    ]


def _routes(ground: _Ground) -> dict[str, RouteSpec]:
    rng, routes = ground.rng, {}
    for index in range(int(rng.integers(3, 7))):
        if rng.random() < 0.7:
            ends = [ground.at(column, float(rng.uniform(ground.top + 0.1, 0.95))) for column in (-0.12, 1.12)]
        else:
            ends = [ground.at(float(rng.uniform(0.1, 0.9)), row) for row in (1.25, ground.top)]
        middle = 0.5 * (ends[0] + ends[1]) + rng.normal(0.0, 0.06, 2) * np.hypot(*(ends[1] - ends[0]))
        points = [ends[0], middle, ends[1]]
        routes[f"route-{index}"] = RouteSpec(
            points=tuple(_point(point) for point in points), width=float(rng.uniform(0.5, 3.0))
        )
    return routes


def _places(ground: _Ground) -> tuple[tuple[PlaceSpec, ...], list[PropSpec]]:
    rng = ground.rng
    places, benches = [], []
    chosen = list(rng.choice([*ALONE, "talk"], int(rng.integers(5, 9)), replace=False))
    # A bench is the one place that cannot be anywhere, and is often hidden: as many again.
    chosen += ["sit"] * int(rng.integers(0, 2))
    for action in chosen:
        at = ground.within()
        facing = None
        if action == "sit":
            turn = float(rng.uniform(-180.0, 180.0))
            benches.append(PropSpec(kind="bench", at=_point(at), turn=turn))
            at, facing = seat(at, turn)
        places.append(PlaceSpec(at=_point(at), action=str(action), seconds=(12.0, 30.0), facing=facing))
    return tuple(places), benches


WALKING = (1.0, 1.6)
"""Metres a second."""
SEAT = 0.33
"""Metres before the middle of a bench where the feet of one who sits on it are."""


def seat(bench: Float64, turn: float) -> tuple[Float64, tuple[float, float]]:
    """Where one who sits on a bench has the feet, (2,) metres, and a point to face; ``turn`` as in `PropSpec`."""
    ahead = np.array([math.sin(math.radians(turn)), -math.cos(math.radians(turn))])
    return bench + SEAT * ahead, _point(bench + 4.0 * ahead)


def _passing(rng: np.random.Generator) -> dict[str, float]:
    chosen = rng.choice([name for name in PASSING if name != "walk"], int(rng.integers(3, 7)), replace=False)
    # By speed, as who goes fast is soon gone. Those who walk also fill the places.
    return {"walk": 3.0} | {str(name): float(np.mean(ACTIONS[name].speed or WALKING)) for name in chosen}


def _schedule(rng: np.random.Generator, routes: tuple[str, ...], normal: set[str]) -> ScheduleSpec:
    kinds = {name: AnomalySpec(routes=routes) for name in STAGED}
    others = [name for name, kind in ANOMALIES.items() if name not in (*STAGED, "against_stream", "beside")]
    others = [name for name in others if not normal.intersection(ANOMALIES[name].actions)]
    kinds |= {str(name): AnomalySpec(routes=routes) for name in rng.choice(others, 3, replace=False)}
    # From before the first frame on: whoever is to fight has a way to walk first.
    return ScheduleSpec(first=(-25.0, -20.0), every=(3.5, 7.0), kinds=kinds)


def _wardrobe(rng: np.random.Generator) -> WardrobeSpec:
    tops = {name: _colour(rng, base, 0.05) for name, base in COLOURS.items()}
    bottoms = {name: _colour(rng, COLOURS[name], 0.06) for name in rng.choice(list(COLOURS), 7, replace=False)}
    return WardrobeSpec(
        tops=tops,
        bottoms={str(name): colour for name, colour in bottoms.items()},
        skins=tuple(_colour(rng, (0.06, 0.45, value), 0.04) for value in (0.36, 0.5, 0.66, 0.8, 0.9)),
        hairs=tuple(_colour(rng, (0.07, 0.45, value), 0.04) for value in (0.1, 0.18, 0.35, 0.55, 0.7)),
    )


def _pick(rng: np.random.Generator, bases: Sequence[tuple[float, float, float]]) -> tuple[float, float, float]:
    return bases[int(rng.integers(len(bases)))]


def _colour(rng: np.random.Generator, base: tuple[float, float, float], spread: float) -> Colour:
    hue, saturation, value = base
    red, green, blue = colorsys.hsv_to_rgb(
        (hue + rng.normal(0.0, 0.25 * spread)) % 1.0,
        float(np.clip(saturation + rng.normal(0.0, spread), 0.0, 1.0)),
        float(np.clip(value + rng.normal(0.0, spread), 0.04, 0.97)),
    )
    return round(255 * blue), round(255 * green), round(255 * red)


def _point(at: Float64) -> tuple[float, float]:
    return float(at[0]), float(at[1])
