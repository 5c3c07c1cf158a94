"""Scenes by chance: each can be drawn, no two are alike, and every action turns up."""

from collections import Counter

import numpy as np
import pytest

from training.virtual.actions import ACTIONS
from training.virtual.camera import Camera
from training.virtual.clip import World
from training.virtual.randomise import BODY, SIZE, random_scene
from training.virtual.scene import Scene


def test_the_same_generator_gives_the_same_scene() -> None:
    first, second, other = (random_scene(np.random.default_rng(seed)) for seed in (3, 3, 4))
    assert first == second
    assert first != other


@pytest.mark.parametrize("seed", range(4))
def test_a_random_scene_can_be_drawn(seed: int) -> None:
    world = World(random_scene(np.random.default_rng(seed)), seed, size=(320, 180), fps=8.0)
    seen = [len(frame.truth.objects) for frame in world.frames(10)]
    assert min(seen) >= 1


def test_people_are_as_large_as_a_camera_on_a_street_sees_them() -> None:
    for seed in range(200):
        camera = Camera(random_scene(np.random.default_rng(seed)).camera, SIZE)
        feet = camera.to_ground(camera.centre)
        pixels, _ = camera.project(np.array([[*feet, 0.0], [*feet, 1.7]]))
        assert BODY[0] * 0.85 < float(pixels[0, 1] - pixels[1, 1]) < BODY[1] * 1.15


def test_every_action_is_in_some_scenes_and_none_in_all_but_walking() -> None:
    scenes: list[Scene] = [random_scene(np.random.default_rng(seed)) for seed in range(120)]
    found = Counter(action for scene in scenes for action in scene.normal | scene.anomalous)
    assert set(found) == set(ACTIONS) - {"against_stream"}
    assert min(found.values()) >= 12
    always = {action for action, count in found.items() if count == len(scenes)}
    assert always == {"walk", "fall", "get_up", "fight"}
