"""The world as a whole: pictures and truth that belong together, the same every time."""

import hashlib
import itertools
import math
from collections.abc import Iterable
from functools import lru_cache

import numpy as np
import pytest

from training.virtual.anomalies import ANOMALIES
from training.virtual.clip import World
from training.virtual.director import Director
from training.virtual.renderer import Rendered
from training.virtual.scene import Scene, SceneError, load_scene, scene_names, with_kinds, with_norms, with_people
from training.virtual.truth import tight_box

SIZE = (320, 180)


@lru_cache
def plaza() -> Scene:
    return load_scene("plaza")


def only(kind: str, *, people: int = 2) -> Scene:
    """The plaza with one kind of anomaly, and few people."""
    scene = plaza().model_dump()
    scene["schedule"] = {
        "first": (0.5, 1.0),
        "every": (60.0, 60.0),
        "kinds": {kind: {"routes": ["near-lane", "middle-lane"]}},
    }
    scene["population"]["people"] = people
    return Scene.model_validate(scene)


def busy() -> Scene:
    """The plaza with an anomaly every second or two."""
    scene = plaza().model_dump()
    scene["schedule"]["every"] = (1.0, 2.0)
    return Scene.model_validate(scene)


def digest(frames: Iterable[Rendered]) -> str:
    total = hashlib.sha256()
    for frame in frames:
        total.update(frame.image.tobytes())
        total.update(frame.truth.instances.tobytes())
        total.update(repr(frame.truth.objects).encode())
    return total.hexdigest()


def test_the_same_scene_and_seed_give_the_same_bytes() -> None:
    first, second, other = (digest(World(plaza(), seed, size=SIZE).frames(12)) for seed in (5, 5, 6))
    assert first == second
    assert first != other


def test_skipped_frames_leave_the_later_ones_as_they_are() -> None:
    drawn = list(World(plaza(), 5, size=SIZE).frames(8))[-1]
    world = World(plaza(), 5, size=SIZE)
    for _ in range(7):
        world.skip()
    assert np.array_equal(world.render().image, drawn.image)


@pytest.fixture(scope="module")
def stretch() -> list[Rendered]:
    """Ten seconds, looked at twice a second."""
    world = World(plaza(), 3, size=SIZE)
    frames = []
    for index in range(250):
        if index % 12:
            world.skip()
        else:
            frames.append(world.render())
    return frames


def test_boxes_are_tight_around_the_masks(stretch: list[Rendered]) -> None:
    width, height = SIZE
    seen = 0
    for frame in stretch:
        assert frame.truth.instances.max() == len(frame.truth.objects)
        for number, item in enumerate(frame.truth.objects, start=1):
            x, y, w, h = item.box
            box = (round(x * width), round(y * height), round(w * width), round(h * height))
            assert tight_box(frame.truth.instances == number) == box
            seen += 1
    assert seen > 50


def test_what_is_left_of_a_body_is_a_share_of_it(stretch: list[Rendered]) -> None:
    shares = np.array([one.visible for frame in stretch for one in frame.truth.objects])
    assert (shares > 0.0).all()
    assert np.mean(shares == 1.0) > 0.3
    assert np.mean(shares < 0.6) > 0.1


def test_what_a_passer_by_hides_is_missing_from_the_share(stretch: list[Rendered]) -> None:
    # Of two bodies in the open whose boxes meet, less is left of the far one, which is listed first.
    far, near = [], []
    for frame in stretch:
        for first, second in itertools.pairwise(frame.truth.objects):
            (x, y, w, h), (u, v, s, t) = first.box, second.box
            if x < u + s and u < x + w and y < v + t and v < y + h:
                far.append(first.visible)
                near.append(second.visible)
    assert len(far) > 10
    assert np.mean(far) < np.mean(near) - 0.1


def test_masks_are_where_people_are_drawn() -> None:
    """Against the same world without its people: what differs inside masks, and not away from them."""
    world = World(plaza(), 3, size=SIZE)
    frame = world.render()
    empty = Scene.model_validate(plaza().model_dump() | {"population": plaza().population.model_dump() | {"people": 0}})
    bare = World(empty, 3, size=SIZE).render()
    changed = np.abs(frame.image.astype(int) - bare.image).max(axis=2)
    inside = frame.truth.instances > 0
    assert len(bare.truth.objects) == 0
    assert inside.sum() > 500
    assert (changed[inside] > 12).mean() > 0.85
    # Shadows darken the ground beside people, so only far more than a shadow's step counts outside.
    assert (changed[~inside] > 110).mean() < 0.002


def test_tracks_move_smoothly() -> None:
    world = World(plaza(), 3, size=SIZE)
    before: dict[int, float] = {}
    for frame in world.frames(25):
        now = {item.track_id: item.box[0] + item.box[2] / 2 for item in frame.truth.objects}
        for track, middle in now.items():
            if track in before:
                assert abs(middle - before[track]) < 0.06
        before = now


@pytest.mark.parametrize("kind", sorted(ANOMALIES))
def test_every_kind_of_anomaly_is_seen_and_labelled(kind: str) -> None:
    world = World(only(kind), 2, size=(160, 90), fps=5.0)
    expected = {*ANOMALIES[kind].actions, *(("cycle",) if kind == "beside" else ())}
    labels: list[int] = []
    found: set[str] = set()
    for index in range(5 * 60):
        if index % 3:
            world.skip()
            continue
        frame = world.render().truth
        odd = [item for item in frame.objects if item.anomalous]
        assert frame.label == bool(odd)
        assert {track for _, tracks in frame.events.values() for track in tracks} == {item.track_id for item in odd}
        assert {name for name, _ in frame.events.values()} <= {kind, "cyclist"}
        found |= {item.action for item in odd}
        labels.append(frame.label)
    assert found == expected
    assert sum(labels) >= 3, "seen for at least about two seconds"
    assert labels[0] == 0
    assert labels[-1] == 0, "and over at the end"


@pytest.mark.parametrize("seed", range(2))
def test_a_fight_has_a_cyclist_beside_it_in_the_same_frame(seed: int) -> None:
    world = World(only("beside"), seed, size=(160, 90), fps=5.0)
    together = apart = 0
    for _ in range(5 * 45):
        objects = world.render().truth.objects
        fighters = [item.box for item in objects if item.action == "fight"]
        cyclists = [item.box for item in objects if item.action == "cycle"]
        together += bool(fighters) and bool(cyclists)
        for x, y, w, _ in cyclists:
            apart += any(abs(x + w / 2 - u - v / 2) > (w + v) / 2 or y > b + g for u, b, v, g in fighters)
    assert together >= 15, "for three seconds at the least"
    assert apart >= 10, "and for two of them not before one another"


@pytest.mark.parametrize("name", scene_names())
def test_every_scene_shows_what_it_says_is_normal_there(name: str) -> None:
    """And nothing else, as long as nothing unusual is let in."""
    scene = load_scene(name)
    director = Director(scene, 1, normal_until=math.inf)
    seen: set[str] = set()
    while seen != scene.normal and director.time < 1200.0:
        director.advance(0.5)
        seen |= {actor.step.action for actor in director.actors}
    assert seen == scene.normal
    assert scene.normal.isdisjoint(scene.anomalous)


def test_scenes_differ_in_what_is_normal() -> None:
    scenes = [load_scene(name) for name in scene_names()]
    both = {action for scene in scenes for action in scene.normal} & {a for scene in scenes for a in scene.anomalous}
    assert both >= {"run", "cycle", "skateboard", "jump", "dance", "drive", "push"}
    assert {scene.name for scene in scenes if scene.held_out} == {"plaza", "station"}


def test_a_kind_that_is_normal_in_a_scene_is_refused() -> None:
    assert list(with_kinds(plaza(), ["jumper"]).schedule.kinds) == ["jumper"]
    with pytest.raises(SceneError, match=r"schedule.kinds.cyclist: cycle is normal here"):
        with_kinds(load_scene("park"), ["cyclist"])


def test_a_scene_with_fewer_people() -> None:
    counts = [
        np.mean([len(frame.truth.objects) for frame in World(scene, 3, size=SIZE, normal_until=math.inf).frames(20)])
        for scene in (with_people(plaza(), 2), plaza())
    ]
    assert 0 < counts[0] <= 4 < counts[1]


def test_the_norms_of_one_scene_in_the_place_of_another() -> None:
    station = load_scene("station")
    scene = with_norms(station, plaza())
    assert (scene.name, scene.camera, scene.routes) == ("station-as-plaza", station.camera, station.routes)
    assert scene.normal == plaza().normal
    # nobody walks against a stream that there is not
    assert set(scene.schedule.kinds) == set(plaza().schedule.kinds) - {"against_stream"}
    assert with_norms(plaza(), station).normal <= station.normal


@pytest.mark.parametrize(("normal_until", "first"), [(0.0, 2.0), (20.0, 22.0)])
def test_nothing_happens_before_the_normal_stretch_is_over(normal_until: float, first: float) -> None:
    director = Director(plaza(), 4, normal_until=normal_until)
    while not director.kinds:
        director.advance(0.04)
        assert director.time < normal_until + 6.0
    assert director.time >= first


def test_a_normal_world_stays_normal_until_it_is_let_go() -> None:
    director = Director(plaza(), 4, normal_until=math.inf)
    for _ in range(25 * 60):
        director.advance(0.04)
    assert not director.kinds
    director.begin_anomalies(director.time)
    for _ in range(25 * 6):
        director.advance(0.04)
    assert len(director.kinds) == 1


def test_every_kind_comes_before_any_comes_again() -> None:
    director = Director(busy(), 9)
    kinds = plaza().schedule.kinds
    while len(director.kinds) < 2 * len(kinds):
        director.advance(0.05)
    found = list(director.kinds.values())
    assert sorted(found[: len(kinds)]) == sorted(kinds)
    assert sorted(found[len(kinds) :]) == sorted(kinds)


def test_the_order_of_anomalies_does_not_depend_on_when_they_begin() -> None:
    orders = []
    for normal_until in (0.0, 7.3):
        director = Director(busy(), 9, normal_until=normal_until)
        while len(director.kinds) < 6:
            director.advance(0.05)
        orders.append(list(director.kinds.values()))
    assert orders[0] == orders[1]


def test_people_keep_out_of_each_other() -> None:
    director = Director(plaza(), 8, normal_until=math.inf)
    close = total = 0
    for _ in range(25 * 40):
        director.advance(0.04)
        places = np.array([actor.position for actor in director.actors])
        apart = np.hypot(*(places[:, None] - places[None]).transpose(2, 0, 1))
        close += int((np.triu(apart < 0.3, 1)).sum())
        total += len(places)
    assert close / total < 0.01


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"size": (63, 36)}, "size: expected even numbers from 64 up"),
        ({"size": (321, 180)}, "size: expected even numbers from 64 up"),
        ({"fps": 0.5}, "fps: expected 1 to 120"),
        ({"seed": -1}, "seed: expected 0 or more"),
        ({"normal_until": -2.0}, "normal_until: expected 0 or more"),
        ({"normal_until": math.nan}, "normal_until: expected 0 or more"),
    ],
)
def test_what_cannot_be_rendered(changes: dict[str, object], complaint: str) -> None:
    arguments: dict[str, object] = {"seed": 1} | changes
    with pytest.raises(ValueError, match=complaint):
        World(plaza(), **arguments)  # type: ignore[arg-type]
