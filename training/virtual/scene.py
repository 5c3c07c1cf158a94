"""The description of a scene: data, checked strictly, with no drawing in it.

World coordinates are metres on flat ground: x to the right, y away from the camera, z up; the camera stands above
the origin. A scene is a JSON file in ``scenes/``; adding one needs no code. Every model refuses unknown keys.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, ValidationError, model_validator

from training.virtual.actions import ACTIONS, ALONE
from training.virtual.anomalies import ANOMALIES
from training.virtual.colour import Colour

SCENES = Path(__file__).parent / "scenes"


class SceneError(ValueError):
    """A scene that cannot be: names the file, the key, and what was expected."""


Metres = Annotated[float, Field(ge=-200.0, le=200.0)]
Ground = tuple[Metres, Metres]
Range = tuple[float, float]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CameraSpec(_Part):
    """Where the camera stands and how it sees."""

    height: float = Field(gt=0.5, le=60.0, description="Above the ground, in metres.")
    tilt: float = Field(ge=0.0, le=89.0, description="Degrees below the horizon.")
    pan: float = Field(0.0, ge=-90.0, le=90.0, description="Degrees to the right of the y axis.")
    focal: float = Field(gt=0.2, le=10.0, description="Focal length in picture widths.")
    blur: float = Field(0.6, ge=0.0, le=5.0, description="Sigma of the lens blur at 640 pixels of width, in pixels.")
    noise: float = Field(2.0, ge=0.0, le=20.0, description="Standard deviation of the sensor noise, in grey levels.")


class LightSpec(_Part):
    """The sun, the clouds that pass before it, and their colours."""

    sun_azimuth: float = Field(ge=-180.0, le=180.0, description="Degrees from the y axis to the right, to the sun.")
    sun_elevation: float = Field(ge=15.0, le=90.0, description="Degrees above the horizon.")
    sun_colour: Colour = (205, 235, 255)
    shade: float = Field(0.5, gt=0.0, le=1.0, description="Brightness in the shadow, of that in the sun.")
    cloud_period_s: PositiveFloat = Field(140.0, description="About the time from one cloud to the next.")
    cloud_depth: float = Field(0.5, ge=0.0, le=1.0, description="How far a cloud takes the sun away.")


class PavingSpec(_Part):
    """Slabs, with darker bands."""

    slab: tuple[PositiveFloat, PositiveFloat] = (0.6, 0.6)
    band_every: PositiveFloat = 6.0
    band_width: PositiveFloat = 0.6
    colour: Colour
    band_colour: Colour
    variation: float = Field(0.06, ge=0.0, le=0.5, description="Spread of brightness from slab to slab.")
    joint: float = Field(0.018, ge=0.0, le=0.3, description="Half the width of the joints, in metres; 0 for lawn.")


class StripSpec(_Part):
    """A path, a road or a painted line on the paving."""

    points: tuple[Ground, ...] = Field(min_length=2)
    width: float = Field(gt=0.0, le=50.0)
    colour: Colour


class FacadeSpec(_Part):
    """A wall from one ground point to another, with shops below and windows above."""

    start: Ground
    end: Ground
    height: float = Field(gt=1.0, le=60.0)
    colour: Colour
    trim: Colour
    bay: float = Field(3.6, gt=1.0, le=12.0, description="Width of a window or shop bay, in metres.")
    shops: bool = True
    awnings: tuple[Colour, ...] = ()
    seed: int = Field(0, ge=0)


class PropSpec(_Part):
    """Something that stands: drawn once, hides what is behind it, throws a shadow, and is walked around."""

    kind: Literal[
        "tree", "bench", "lamp", "planter", "bollard", "bin", "parasol", "container", "crates", "pillar", "slide"
    ]
    at: Ground
    size: float = Field(1.0, gt=0.1, le=5.0, description="Times its usual size.")
    turn: float = Field(0.0, ge=-180.0, le=180.0, description="Degrees to the left.")
    sway: float = Field(0.0, ge=0.0, le=1.0, description="Metres the top of a tree moves in the wind.")


class RouteSpec(_Part):
    """A way people take. Points outside the picture are where they come from and go to."""

    points: tuple[Ground, ...] = Field(min_length=2)
    width: float = Field(1.5, ge=0.0, le=20.0, description="People keep within half of it from the line, in metres.")
    one_way: bool = Field(False, description="Nobody walks it from its end to its start, unless as an anomaly.")
    weight: float = Field(1.0, ge=0.0)


class PlaceSpec(_Part):
    """Where people stop to do something: alone, or in pairs where they talk."""

    at: Ground
    action: str = Field(description="One that is done on the spot; where it is `stand`, half of them look at a phone.")
    seconds: Range = (8.0, 25.0)
    facing: Ground | None = Field(None, description="The point that they turn to; by chance where it is left out.")


class WardrobeSpec(_Part):
    """What people wear. Captions use the names."""

    tops: dict[str, Colour] = Field(min_length=1)
    bottoms: dict[str, Colour] = Field(min_length=1)
    skins: tuple[Colour, ...] = Field(min_length=1)
    hairs: tuple[Colour, ...] = Field(min_length=1)


class PopulationSpec(_Part):
    """How many people there are, how they walk and what they do."""

    people: int = Field(ge=0, le=60, description="About how many are about at any time.")
    speed: Range = (1.1, 1.5)
    height: Range = (1.55, 1.92)
    companions: float = Field(0.2, ge=0.0, le=1.0, description="Share who walk as a pair, side by side.")
    stops: float = Field(0.25, ge=0.0, le=1.0, description="Share of those on foot who stop at a place on their way.")
    passing: dict[str, PositiveFloat] = Field(
        {"walk": 1.0}, min_length=1, description="What those on their way do, each with its weight."
    )
    wardrobe: WardrobeSpec


class AnomalySpec(_Part):
    """One kind of anomaly: how often, on which routes."""

    weight: float = Field(1.0, gt=0.0)
    routes: tuple[str, ...] = Field(min_length=1)


class ScheduleSpec(_Part):
    """When anomalies come. Seconds are from one's beginning to the next one's."""

    first: Range = Field(
        (2.0, 6.0),
        description="From the end of the normal stretch to the first one's entry; less than 0: by so much before it.",
    )
    every: Range = (20.0, 40.0)
    kinds: dict[str, AnomalySpec] = Field(min_length=1)


class Setting(_Part):
    """What a scene looks like with nobody in it."""

    camera: CameraSpec
    light: LightSpec
    paving: PavingSpec
    strips: tuple[StripSpec, ...] = Field((), description="Laid one over the other, the first one lowest.")
    facades: tuple[FacadeSpec, ...] = ()
    props: tuple[PropSpec, ...] = ()


class Scene(Setting):
    """A whole scene: its setting, and who does what in it."""

    name: str = Field(pattern=r"^[a-z][a-z0-9-]*$")
    title: str
    held_out: bool = Field(False, description="Never trained on, nor tuned on: kept for tests.")
    routes: dict[str, RouteSpec] = Field(min_length=1)
    places: tuple[PlaceSpec, ...] = ()
    population: PopulationSpec
    schedule: ScheduleSpec

    @property
    def normal(self) -> frozenset[str]:
        """The actions that are normal here: what those passing do, and those at the places."""
        stays = {place.action for place in self.places}
        return frozenset(self.population.passing) | stays | ({"phone"} if "stand" in stays else set())

    @property
    def anomalous(self) -> frozenset[str]:
        """The actions that are an anomaly here."""
        return frozenset(action for kind in self.schedule.kinds for action in ANOMALIES[kind].actions)

    @model_validator(mode="after")
    def _actions_exist(self) -> Scene:
        for name in self.population.passing:
            if name not in ACTIONS or not ACTIONS[name].going:
                raise ValueError(f"population.passing: expected an action from place to place, got {name!r}")
        for index, place in enumerate(self.places):
            if place.action not in (*ALONE, "talk"):
                raise ValueError(
                    f"places.{index}.action: expected one of {', '.join((*ALONE, 'talk'))}, got {place.action!r}"
                )
        return self

    @model_validator(mode="after")
    def _anomalies_can_be(self) -> Scene:
        for kind, anomaly in self.schedule.kinds.items():
            if kind not in ANOMALIES:
                raise ValueError(f"schedule.kinds: expected one of {', '.join(sorted(ANOMALIES))}, got {kind!r}")
            for route in anomaly.routes:
                if route not in self.routes:
                    raise ValueError(f"schedule.kinds.{kind}.routes: no route {route!r}")
            if kind == "against_stream" and not all(self.routes[route].one_way for route in anomaly.routes):
                raise ValueError("schedule.kinds.against_stream.routes: expected one_way routes only")
            if normal := self.normal.intersection(ANOMALIES[kind].actions):
                raise ValueError(f"schedule.kinds.{kind}: {', '.join(sorted(normal))} is normal here")
        return self

    @model_validator(mode="after")
    def _ranges_are_ranges(self) -> Scene:
        for name, (low, high) in (
            ("population.speed", self.population.speed),
            ("population.height", self.population.height),
            ("schedule.every", self.schedule.every),
            *((f"places.{i}.seconds", place.seconds) for i, place in enumerate(self.places)),
        ):
            if not 0.0 < low <= high:
                raise ValueError(f"{name}: expected 0 < low <= high, got [{low}, {high}]")
        if self.schedule.first[0] > self.schedule.first[1]:
            raise ValueError(f"schedule.first: expected low <= high, got {list(self.schedule.first)}")
        return self


def with_kinds(scene: Scene, kinds: Sequence[str]) -> Scene:
    """The scene with these kinds of anomaly only; one that it does not have takes the routes of all that it has.

    Raises:
        SceneError: a kind that does not exist, or whose action is normal in the scene.
    """
    routes = tuple(sorted({route for spec in scene.schedule.kinds.values() for route in spec.routes}))
    chosen = {kind: scene.schedule.kinds.get(kind, AnomalySpec(routes=routes)) for kind in kinds}
    schedule = scene.schedule.model_copy(update={"kinds": chosen})
    try:
        return Scene.model_validate({**scene.model_dump(), "schedule": schedule.model_dump()})
    except ValidationError as error:
        raise SceneError(f"{scene.name}: {_explain(error)}") from None


def with_people(scene: Scene, count: int) -> Scene:
    """The scene with about so many people about at any time."""
    population = scene.population.model_copy(update={"people": count})
    return Scene.model_validate({**scene.model_dump(), "population": population.model_dump()})


def with_norms(scene: Scene, other: Scene) -> Scene:
    """The scene's place, light and camera, with what is normal and what is an anomaly in another scene.

    People stop at those of the scene's places where something is done that is also done in the other. Kinds of anomaly
    take the routes of all that the scene has; one that needs a one-way route is left out where there is none.
    """
    routes = tuple(sorted({route for spec in scene.schedule.kinds.values() for route in spec.routes}))
    one_way = tuple(route for route in routes if scene.routes[route].one_way)
    taken = {kind: one_way if kind == "against_stream" else routes for kind in other.schedule.kinds}
    kinds = {
        kind: AnomalySpec(weight=other.schedule.kinds[kind].weight, routes=own).model_dump()
        for kind, own in taken.items()
        if own
    }
    stays = {place.action for place in other.places}
    return Scene.model_validate(
        {
            **scene.model_dump(),
            "name": f"{scene.name}-as-{other.name}",
            "places": [place.model_dump() for place in scene.places if place.action in stays],
            "population": {**scene.population.model_dump(), "passing": other.population.passing},
            "schedule": {**other.schedule.model_dump(), "kinds": kinds},
        }
    )


def load_scene(name: str | Path) -> Scene:
    """A scene by the name of a built-in one, or from the path of a JSON file.

    Raises:
        SceneError: no such scene, or not as described here.
    """
    path = Path(name)
    if path.suffix != ".json":
        path = SCENES / f"{name}.json"
        if not path.is_file():
            raise SceneError(f"no scene {str(name)!r}: expected one of {', '.join(scene_names())}, or a .json file")
    try:
        text = path.read_text(encoding="utf-8")
        return Scene.model_validate(json.loads(text))
    except OSError as error:
        raise SceneError(f"{path.name}: cannot be read: {error.strerror}") from None
    except json.JSONDecodeError as error:
        raise SceneError(f"{path.name}: line {error.lineno}: not JSON: {error.msg}") from None
    except ValidationError as error:
        raise SceneError(f"{path.name}: {_explain(error)}") from None


def _explain(error: ValidationError) -> str:
    return "; ".join(
        f"{'.'.join(str(part) for part in item['loc']) or 'scene'}: {item['msg'].removeprefix('Value error, ')}"
        for item in error.errors()
    )


def scene_names() -> list[str]:
    """The built-in scenes."""
    return sorted(path.stem for path in SCENES.glob("*.json"))
