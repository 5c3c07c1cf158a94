import copy
import json
from pathlib import Path
from typing import Any

import pytest

from training.virtual.scene import SCENES, SceneError, load_scene, scene_names

PLAZA = json.loads((SCENES / "plaza.json").read_text())


def changed(path: str, value: Any) -> dict[str, Any]:
    """The plaza with one value put at a dotted path; ``...`` removes it."""
    scene = copy.deepcopy(PLAZA)
    *parents, last = path.split(".")
    node: Any = scene
    for part in parents:
        node = node[int(part)] if isinstance(node, list) else node[part]
    key: Any = int(last) if isinstance(node, list) else last
    if value is ...:
        del node[key]
    else:
        node[key] = value
    return scene


@pytest.mark.parametrize("name", scene_names())
def test_built_in_scenes_are_valid(name: str) -> None:
    scene = load_scene(name)
    assert scene.name == name
    assert scene.schedule.kinds


def test_a_copy_of_a_scene_loads_by_path(tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(changed("name", "mine")))
    assert load_scene(path).name == "mine"


@pytest.mark.parametrize(
    ("path", "value", "complaint"),
    [
        ("weather", "rain", "weather: Extra inputs are not permitted"),
        ("camera.zoom", 2, "camera.zoom: Extra inputs"),
        ("camera.height", ..., "camera.height: Field required"),
        ("camera.height", -1, "camera.height: Input should be greater than 0.5"),
        ("camera.tilt", "steep", "camera.tilt: Input should be a valid number"),
        ("light.sun_elevation", 2, "light.sun_elevation: Input should be greater than or equal to 15"),
        ("light.sun_colour", "yellow", "expected a colour like #a1b2c3, got 'yellow'"),
        ("light.sun_colour", "#12345g", "expected a colour like #a1b2c3, got '#12345g'"),
        ("props.0.kind", "statue", "props.0.kind: Input should be 'tree'"),
        ("props.0.at", [1], "props.0.at.1: Field required"),
        ("routes", {}, "routes: Dictionary should have at least 1 item"),
        ("routes.street.points", [[0, 0]], "routes.street.points: Tuple should have at least 2 items"),
        ("routes.near-lane.one_way", False, "schedule.kinds.against_stream.routes: expected one_way routes only"),
        ("population.speed", [2.0, 1.0], "population.speed: expected 0 < low <= high, got [2.0, 1.0]"),
        ("schedule.every", [0, 5], "schedule.every: expected 0 < low <= high, got [0.0, 5.0]"),
        ("schedule.kinds.ghost", {"routes": ["street"]}, "got 'ghost'"),
        ("schedule.kinds.cyclist.routes", ["moon"], "schedule.kinds.cyclist.routes: no route 'moon'"),
        ("places.0.action", "cycle", "places.0.action: expected one of stand, phone, sit"),
        ("population.passing", {"fly": 1.0}, "population.passing: expected an action from place to place, got 'fly'"),
        ("population.passing", {"stand": 1.0}, "expected an action from place to place, got 'stand'"),
        ("population.passing", {"walk": 1.0, "run": 0.5}, "schedule.kinds.runner: run is normal here"),
        ("name", "Two Words", "name: String should match pattern"),
    ],
)
def test_errors_name_the_key_and_what_was_expected(tmp_path: Path, path: str, value: Any, complaint: str) -> None:
    file = tmp_path / "bad.json"
    file.write_text(json.dumps(changed(path, value)))
    with pytest.raises(SceneError) as error:
        load_scene(file)
    assert str(error.value).startswith("bad.json: ")
    assert complaint in str(error.value)


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("nowhere", None, "no scene 'nowhere': expected one of park, playground, plaza"),
        ("missing.json", None, "missing.json: cannot be read"),
        ("broken.json", '{"name": \n oops}', "broken.json: line 2: not JSON"),
    ],
)
def test_files_that_are_no_scene(tmp_path: Path, name: str, text: str | None, complaint: str) -> None:
    path = tmp_path / name
    if text is not None:
        path.write_text(text)
    with pytest.raises(SceneError, match=complaint):
        load_scene(path if path.suffix else name)
