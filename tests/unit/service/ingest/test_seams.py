"""Drawn crowds and walkers, with seams in their recording and without: which frames are behind one."""

from __future__ import annotations

import json
from collections.abc import Callable

import av
import cv2
import numpy as np
import pytest

from service.ingest.background import Background
from service.ingest.seams import LEAST_FRAMES, Seam, SeamFinder
from support.shared import PED2, needs

HEIGHT, WIDTH = 240, 360
FPS = 10.0
AT = 30  # the first frame behind the seam

ROUGH = np.random.default_rng(0).normal(size=(HEIGHT, WIDTH)).astype(np.float32)
GROUND = np.clip(130 + 100 * cv2.GaussianBlur(ROUGH, (0, 0), 3), 0, 255)


def draw(places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """People at ``(N, 2)`` places (left, top), and their mask."""
    grey, mask = GROUND.copy(), np.zeros((HEIGHT, WIDTH), np.uint8)
    for number, (x, y) in enumerate(np.rint(places).astype(int).tolist()):
        clothes = np.random.default_rng(100 + number).uniform(20, 90, (6, 3)).astype(np.float32)
        left, right, top, bottom = max(0, x), min(WIDTH, x + 12), max(0, y), min(HEIGHT, y + 30)
        if left < right and top < bottom:
            body = cv2.resize(clothes, (12, 30))
            grey[top:bottom, left:right] = body[top - y : bottom - y, left - x : right - x]
            mask[top:bottom, left:right] = 1
    noise = np.random.default_rng(int(places.sum() * 10) % 2**31).normal(0, 2, grey.shape)
    return np.clip(grey + noise, 0, 255).astype(np.uint8), mask


def seams(places: Callable[[int], np.ndarray], frames: int = 60, fps: float = FPS) -> list[tuple[int, Seam]]:
    finder = SeamFinder()
    found: list[tuple[int, Seam]] = []
    for index in range(frames):
        seam = finder.update(*draw(places(index)), index / fps)
        if seam is not Seam.NONE:
            found.append((index, seam))
    return found


def crowd(seed: int, count: int = 10) -> np.ndarray:
    rng = np.random.default_rng(seed)
    cells = rng.permutation(24)[:count]  # apart from one another
    return np.stack([cells % 8 * 42 + rng.uniform(5, 25, count), cells // 8 * 70 + rng.uniform(5, 30, count)], axis=1)


VELOCITIES = np.random.default_rng(5).uniform(-1.2, 1.2, (10, 2))


def walking(index: int) -> np.ndarray:
    return crowd(1) + index * VELOCITIES * (1, 0.1)


def test_a_crowd_that_jumps_is_behind_a_seam_from_the_next_frame_on() -> None:
    def jumping(index: int) -> np.ndarray:
        return walking(index) if index < AT else crowd(2) + (index - AT) * VELOCITIES * (1, 0.1)

    assert seams(jumping) == [(AT, Seam.SUSPECTED), (AT + 1, Seam.FOUND)]


def test_one_walker_who_is_elsewhere_at_once_is_behind_a_seam() -> None:
    def group(index: int) -> np.ndarray:
        x = 40 + 2.0 * (index % AT) + 180 * (index >= AT)
        return np.array([[x, 100], [x + 12, 104]])

    assert seams(group) == [(AT, Seam.SUSPECTED), (AT + 1, Seam.FOUND)]


@pytest.mark.parametrize(
    "scene",
    [
        pytest.param(walking, id="people walk"),
        pytest.param(lambda index: np.add(walking(index), (0, 1.5 * max(0, index - AT) ** 1.5)), id="all begin to run"),
        pytest.param(
            lambda index: np.array([[60.0 + index + 12 * max(0, index - AT), 60 + 30 * part] for part in range(3)]),
            id="one big person begins to run",
        ),
        pytest.param(lambda index: walking(index) if index % 25 else walking(index - 1), id="a frame comes twice"),
    ],
)
def test_what_people_do_is_no_seam(scene: Callable[[int], np.ndarray]) -> None:
    assert not [index for index, seam in seams(scene) if seam is Seam.FOUND]


def test_before_enough_was_seen_nothing_is_unusual() -> None:
    assert seams(lambda index: crowd(1 + (index >= LEAST_FRAMES)), frames=12) == []


def test_a_frame_behind_a_gap_is_no_seam() -> None:
    finder, found = SeamFinder(), []
    for index in range(60):
        pts = index / FPS + (1.0 if index >= AT else 0.0)
        found.append(finder.update(*draw(walking(index) if index < AT else crowd(2)), pts))
    assert set(found) == {Seam.NONE}


def test_nothing_is_known_after_a_reset_or_at_another_size() -> None:
    finder = SeamFinder()
    for index in range(AT):
        finder.update(*draw(walking(index)), index / FPS)
    finder.reset()
    assert finder.update(*draw(crowd(2)), AT / FPS) is Seam.NONE
    small = np.zeros((60, 90), np.uint8)
    assert finder.update(small, small, (AT + 1) / FPS) is Seam.NONE


@pytest.mark.shared_data
@needs(PED2)
def test_finds_the_seams_of_real_clips_behind_each_other_and_none_within() -> None:
    train = sorted(json.loads((PED2 / "labels.json").read_text())["train"].items())
    finder, background, index = SeamFinder(), Background(), 0
    starts, found = [], []
    for _, clip in train[:6]:
        starts.append(index)
        with av.open(str(PED2 / clip["file"])) as container:
            for frame in container.decode(video=0):
                grey = np.asarray(frame.to_ndarray(format="gray"), np.uint8)
                foreground, _ = background.update(grey, index / FPS)
                if finder.update(grey, foreground, index / FPS) is Seam.FOUND:
                    found.append(index - 1)
                index += 1
    # The others go on where the clip before ended: nobody jumps there.
    assert found == [starts[1], starts[3], starts[5]]
