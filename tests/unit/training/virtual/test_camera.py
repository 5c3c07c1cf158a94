import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.virtual.camera import Camera
from training.virtual.scene import CameraSpec

SIZE = (640, 360)


def camera(**changes: float) -> Camera:
    return Camera(CameraSpec(**{"height": 5.0, "tilt": 0.0, "focal": 1.0} | changes), SIZE)


@pytest.mark.parametrize(
    ("changes", "point", "pixel"),
    [
        ({}, (0, 10, 5), (319.5, 179.5)),  # straight ahead at the camera's height: the middle
        ({}, (1, 10, 5), (383.5, 179.5)),  # a metre right at 10 m: focal 640 / 10 pixels right
        ({}, (0, 10, 4), (319.5, 243.5)),  # a metre below: down
        ({"tilt": 45.0}, (0, 5, 0), (319.5, 179.5)),  # looked at along the tilt
        ({"tilt": 90.0 - 1.0, "height": 10.0}, (0, 10 * np.tan(np.radians(1.0)), 0), (319.5, 179.5)),
        ({"pan": 90.0}, (10, 0, 5), (319.5, 179.5)),  # panned to the right: along x
    ],
)
def test_known_points(changes: dict[str, float], point: tuple[float, ...], pixel: tuple[float, float]) -> None:
    pixels, _ = camera(**changes).project(np.array(point, dtype=float))
    assert pixels == pytest.approx(pixel, abs=1e-6)


def test_size_falls_with_depth() -> None:
    view = camera()
    heights = []
    for y in (8.0, 16.0):
        pixels, _ = view.project(np.array([[0.0, y, 0.0], [0.0, y, 1.75]]))
        heights.append(pixels[0, 1] - pixels[1, 1])
    assert heights[0] == pytest.approx(2.0 * heights[1])


@given(st.floats(-10, 10), st.floats(3, 60), st.floats(0, 60), st.floats(-40, 40), st.floats(2, 20), st.floats(0.5, 3))
def test_ground_and_back(x: float, y: float, tilt: float, pan: float, height: float, focal: float) -> None:
    view = camera(tilt=tilt, pan=pan, height=height, focal=focal)
    pixels, depth = view.project(np.array([x, y, 0.0]))
    if depth < 1.0:
        return
    assert view.to_ground(pixels) == pytest.approx((x, y), rel=1e-6, abs=1e-6)


def test_the_sky_has_no_ground() -> None:
    assert np.isnan(camera(tilt=0.0).to_ground(np.array([320.0, 100.0]))).all()


@pytest.mark.parametrize(
    ("point", "seen"), [((0, 10, 5), True), ((30, 10, 5), False), ((0, -10, 5), False), ((0, 10, 60), False)]
)
def test_sees(point: tuple[float, ...], seen: bool) -> None:
    assert camera().sees(np.array([point], dtype=float)) is seen
