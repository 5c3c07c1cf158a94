"""Cutting out the one who acts: followed by the service's tracker, and not where the view changes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from service.engine.detectors.motion import MotionDetector
from service.settings import Settings
from training.datasets.actions import ActionSample
from training.datasets.actions.objects import MIN_FRAMES, Excluded, object_clip
from training.datasets.actions.viewpoint import ViewpointWatch

WIDTH, HEIGHT, FRAMES = 160, 120, 60
SETTINGS = Settings()
GROUND = np.random.default_rng(3).integers(40, 200, (HEIGHT // 4 * 3, WIDTH // 4 * 3, 3), dtype=np.uint8)
WIDE = cv2.resize(GROUND, (3 * WIDTH, 3 * HEIGHT), interpolation=cv2.INTER_LINEAR)


def view(left: int) -> np.ndarray:
    """What the camera shows when it has turned so far to the right."""
    return WIDE[HEIGHT : 2 * HEIGHT, left : left + WIDTH].copy()


def actor(image: np.ndarray, index: int) -> np.ndarray:
    """A tall white body that walks to the right from the tenth frame on, 2 pixels a frame."""
    if index >= 10:
        left = 2 * (index - 10) + 4
        image[30:90, left : left + 20] = 255
    return image


def write(path: Path, pictures: list[np.ndarray]) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"preset": "ultrafast", "crf": "10"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for image in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        container.mux(stream.encode())
    return path


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> ActionSample:
    path = tmp_path_factory.mktemp("clips") / "walk.mp4"
    write(path, [actor(view(WIDTH), index) for index in range(FRAMES)])
    return ActionSample("walk", path, "walking", "train")


def cut_out(sample: ActionSample):
    return object_clip(sample, MotionDetector(), SETTINGS, size=32, context=1.0)


def test_the_main_object_is_followed(walk: ActionSample) -> None:
    clip = cut_out(walk)
    assert clip.crops.shape == (len(clip.times), 32, 32, 3)
    assert clip.aspect == pytest.approx(WIDTH / HEIGHT)
    assert len(clip.times) > 20
    centres = clip.boxes[:, 0] + clip.boxes[:, 2] / 2
    speed = np.polyfit(clip.times, centres, 1)[0]
    assert speed == pytest.approx(2 * 25 / WIDTH, rel=0.15)
    assert clip.crops[:, 16, 16].mean() > 200  # the body is in the middle of its crops


def test_the_stretch_of_the_action_counts(walk: ActionSample) -> None:
    clip = cut_out(replace(walk, start=30, end=50))
    assert clip.times[0] >= 30 / 25
    assert clip.times[-1] < 50 / 25


def test_boxes_of_the_data_set_are_taken(walk: ActionSample) -> None:
    box = np.array([0.1, 0.2, 0.3, 0.4], np.float32)
    clip = cut_out(replace(walk, boxes=lambda: dict.fromkeys(range(5, 17), box)))
    np.testing.assert_array_equal(clip.boxes, np.tile(box, (12, 1)))
    np.testing.assert_allclose(clip.times, np.arange(5, 17) / 25, atol=1e-6)


def test_a_clip_in_which_nobody_is_followed_is_excluded(walk: ActionSample) -> None:
    with pytest.raises(Excluded, match=f"expected somebody followed for {MIN_FRAMES} pictures, got 0"):
        cut_out(replace(walk, end=8))


def test_a_camera_that_the_data_set_says_moves_is_excluded(walk: ActionSample) -> None:
    with pytest.raises(Excluded, match="the camera moves"):
        cut_out(replace(walk, still=False))


@pytest.mark.parametrize(
    ("name", "turned"),
    [("pans", lambda index: WIDTH + 2 * index), ("cuts", lambda index: WIDTH if index < 30 else 0)],
)
def test_a_view_that_changes_is_excluded(tmp_path: Path, name: str, turned) -> None:
    path = write(tmp_path / f"{name}.mp4", [actor(view(turned(index)), index) for index in range(FRAMES)])
    sample = ActionSample(name, path, "walking", "train")
    with pytest.raises(Excluded, match="the view changes at"):
        cut_out(sample)


def test_a_view_that_zooms_has_changed() -> None:
    watch = ViewpointWatch()
    for index in range(20):
        scale = 1 + 0.02 * index
        zoom = cv2.getRotationMatrix2D((WIDTH / 2, HEIGHT / 2), 0, scale)
        zoomed = cv2.warpAffine(view(WIDTH), zoom, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REFLECT)
        watch.see(np.asarray(zoomed, np.uint8), index / 5)
    assert watch.changed


@pytest.mark.parametrize("sway", [0, 3])
def test_a_still_or_slightly_swaying_view_has_not(sway: int) -> None:
    watch = ViewpointWatch()
    for index in range(20):
        watch.see(actor(view(WIDTH + round(sway * np.sin(index))), index), index / 5)
    assert not watch.changed


def test_a_plain_wall_decides_nothing() -> None:
    watch = ViewpointWatch()
    for index in range(5):
        watch.see(np.full((HEIGHT, WIDTH, 3), 90, np.uint8), float(index))
    assert not watch.changed
