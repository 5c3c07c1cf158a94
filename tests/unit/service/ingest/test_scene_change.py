"""Drawn and real pictures before and after a change of all of them: which change it was, and when it is said."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from models.colour import COLOURED, colourfulness
from models.observation import SceneChange
from service.ingest.background import Background
from service.ingest.scene_change import LEAST_SHIFT, exposure, same_view, tell
from service.ingest.sight import SightMonitor
from support.shared import SHARED, needs

HEIGHT, WIDTH = 200, 320
OFFICE = SHARED / "data" / "office"
COLOURS = 30.0


def place(seed: int) -> np.ndarray:
    """A wide view of a place with walls, doors and texture; pictures are cut out of it."""
    rng = np.random.default_rng(seed)
    view = np.full((HEIGHT + 80, WIDTH + 160), 120, np.float32)
    for _ in range(40):
        x, y, w, h = rng.integers(0, 420), rng.integers(0, 240), rng.integers(20, 90), rng.integers(20, 90)
        cv2.rectangle(view, (int(x), int(y)), (int(x + w), int(y + h)), float(rng.uniform(40, 210)), -1)
    return cv2.GaussianBlur(view, (0, 0), 1) + rng.normal(0, 2, view.shape).astype(np.float32)


YARD, HALL = place(1), place(2)


def cut(view: np.ndarray, right: int = 0, down: int = 0) -> np.ndarray:
    part = view[40 + down : 40 + down + HEIGHT, 80 + right : 80 + right + WIDTH]
    return np.clip(part, 0, 255).astype(np.uint8)


def lit(picture: np.ndarray, left: float, right: float) -> np.ndarray:
    lamp = np.linspace(left, right, WIDTH, dtype=np.float32)
    return np.clip(picture * lamp, 0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    ("after", "colours", "took_s", "change"),
    [
        pytest.param(cut(HALL), (COLOURS, COLOURS), 0.0, SceneChange.CUT, id="another place at once"),
        pytest.param(cut(HALL), (None, None), 0.0, SceneChange.CUT, id="whatever its colours"),
        pytest.param(cut(HALL), (COLOURS, 0.5), 0.0, SceneChange.CUT, id="another place that is grey"),
        pytest.param(cut(HALL), (COLOURS, COLOURS), 1.5, SceneChange.MOVED, id="turned to another place"),
        pytest.param(cut(YARD, 40), (COLOURS, COLOURS), 0.0, SceneChange.MOVED, id="pushed aside"),
        pytest.param(cut(YARD, 0, 12), (COLOURS, COLOURS), 0.0, SceneChange.MOVED, id="sagged"),
        pytest.param(cut(YARD, 2), (COLOURS, COLOURS), 0.4, None, id="trembled"),
        pytest.param(lit(cut(YARD), 0.3, 0.9), (COLOURS, COLOURS), 0.0, SceneChange.LIGHT, id="one lamp goes off"),
        pytest.param(lit(cut(YARD), 0.05, 0.05), (COLOURS, COLOURS), 0.0, SceneChange.LIGHT, id="all lamps go off"),
        pytest.param(lit(cut(YARD), 1.3, 1.3), (COLOURS, COLOURS), 0.0, SceneChange.EXPOSURE, id="lighter all over"),
        pytest.param(lit(cut(YARD), 0.6, 0.6), (COLOURS, COLOURS), 0.0, SceneChange.EXPOSURE, id="darker all over"),
        pytest.param(lit(cut(YARD), 1.4, 0.6), (COLOURS, 0.3), 0.6, SceneChange.INFRARED, id="night"),
        pytest.param(lit(cut(YARD), 1.4, 0.6), (0.3, COLOURS), 0.6, SceneChange.INFRARED, id="morning"),
        pytest.param(lit(cut(YARD), 1.4, 0.6), (COLOURED - 1, 0.3), 0.6, SceneChange.LIGHT, id="it was grey before"),
    ],
)
def test_tells_what_became_of_a_picture(after, colours, took_s, change) -> None:
    assert tell(cut(YARD), after, colours, took_s) is change


def test_the_shift_of_a_view_is_found() -> None:
    for right, down in ((0, 0), (16, 0), (-32, 8), (64, -24)):
        similarity, shift = same_view(cut(YARD), cut(YARD, right, down))
        assert similarity > 0.4
        assert shift == pytest.approx(np.hypot(right, down) / WIDTH, abs=LEAST_SHIFT / 2)


def test_an_exposure_is_found_over_people_and_what_is_clipped() -> None:
    after = np.clip(cut(YARD) * 1.4 - 10.0, 0, 255)
    after[50:100, 60:90] = 20
    affine = exposure(cut(YARD), after.astype(np.uint8))
    assert affine is not None
    assert (affine.gain, affine.offset) == pytest.approx((1.4, -10), abs=1.5)
    assert exposure(cut(YARD), cut(HALL)) is None
    assert exposure(np.full((40, 60), 90, np.uint8), np.full((40, 60), 120, np.uint8)) is None


def said(scene, seconds: float, fps: float = 8.0) -> list[tuple[float, SceneChange]]:
    """What a background says of a scene: pictures and how colourful they are, by time."""
    background, rng, found = Background(), np.random.default_rng(0), []
    for index in range(round(seconds * fps)):
        picture, colour = scene(index / fps)
        noisy = np.clip(picture + rng.normal(0, 2, picture.shape), 0, 255).astype(np.uint8)
        background.update(noisy, index / fps, partial(float, colour))
        if background.scene_change is not None:
            found.append((index / fps, background.scene_change))
    return found


def test_it_is_said_once_when_the_picture_stands_still_again() -> None:
    found = said(lambda pts: (cut(HALL if pts >= 8 else YARD), COLOURS), 14)
    assert [change for _, change in found] == [SceneChange.CUT]
    assert 8 < found[0][0] <= 9


@pytest.mark.parametrize("fps", [2, 8, 25])
def test_a_cut_and_a_camera_that_is_turned_are_told_apart_at_any_rate(fps: float) -> None:
    def turned(pts: float) -> tuple[np.ndarray, float]:
        way = np.clip((pts - 8) / 3, 0, 1)
        mixed = cut(YARD, round(75 * way)) if way < 0.5 else cut(HALL, round(-75 * (1 - way)))
        return mixed, COLOURS

    assert [change for _, change in said(lambda pts: (cut(HALL if pts >= 8 else YARD), COLOURS), 16, fps)] == [
        SceneChange.CUT
    ]
    assert said(turned, 20, fps)[-1][1] is SceneChange.MOVED


def test_a_short_flash_is_nothing() -> None:
    assert said(lambda pts: (lit(cut(YARD), 1.8, 1.2) if 8 <= pts < 8.25 else cut(YARD), COLOURS), 14) == []


def test_day_and_night_and_a_lamp() -> None:
    def day(pts: float) -> tuple[np.ndarray, float]:
        if pts < 8:
            return cut(YARD), COLOURS
        return (lit(cut(YARD), 0.9, 0.3), COLOURS) if pts < 16 else (lit(cut(YARD), 0.5, 1.4), 0.3)

    assert [change for _, change in said(day, 24)] == [SceneChange.LIGHT, SceneChange.INFRARED]


def test_after_a_jump_of_the_exposure_the_ground_is_known_as_before() -> None:
    background, rng = Background(), np.random.default_rng(0)
    for index in range(105):
        pts = index / 10
        picture = cut(YARD).astype(np.float32)
        if pts >= 6:
            picture[90:140, 100:120] = 30  # stands there, before and after
        picture = picture * 1.35 if pts >= 8 else picture
        noisy = np.clip(picture + rng.normal(0, 2, picture.shape), 0, 255).astype(np.uint8)
        mask, disturbed = background.update(noisy, pts)
        if pts >= 9:
            assert background.settled
            assert not disturbed
            assert mask[90:140, 100:120].mean() > 0.8


def office(name: str, first: int, last: int) -> list[tuple[int, SceneChange]]:
    """What is said of frames of the office."""
    background, sight, found = Background(), SightMonitor(), []
    path: Path = OFFICE / name
    with av.open(str(path)) as container:
        for index, frame in enumerate(container.decode(video=0)):
            if index < first:
                continue
            if index > last:
                break
            grey = np.asarray(frame.to_ndarray(format="gray"), np.uint8)
            pts = index / 5.0
            sight.see(grey, partial(np.asarray, grey), pts, key=False)
            seen = sight.look(grey, pts)
            if seen.blind is not None:
                background.resume()
            elif not seen.hidden:
                background.update(
                    grey, pts, partial(colourfulness, np.asarray(frame.to_ndarray(format="bgr24"), np.uint8))
                )
                if background.scene_change is not None:
                    found.append((index, background.scene_change))
    return found


@pytest.mark.shared_data
@needs(OFFICE)
def test_the_light_of_the_office_goes_off() -> None:
    found = office("test.mp4", 7900, 8300)
    assert found[0][0] == pytest.approx(8112, abs=3)
    assert found[0][1] is SceneChange.LIGHT
    assert {change for _, change in found} <= {SceneChange.LIGHT, SceneChange.EXPOSURE, SceneChange.INFRARED}
    assert [change for _, change in found].count(SceneChange.INFRARED) == 1


@pytest.mark.shared_data
@needs(OFFICE)
def test_morning_comes_to_the_office() -> None:
    found = office("normal_05-06.mp4", 15000, 16000)
    assert found[0][0] == pytest.approx(15581, abs=3)
    assert found[0][1] is SceneChange.INFRARED
    assert {change for _, change in found[1:]} <= {SceneChange.LIGHT, SceneChange.EXPOSURE}
