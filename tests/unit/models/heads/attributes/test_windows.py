from __future__ import annotations

import numpy as np
import pytest

from models.heads.attributes.windows import HEIGHTS, MAX_WINDOWS, find_windows, moving
from models.observation import Motion

SHAPE = (200, 300)


def motion(*bodies: tuple[slice, slice, tuple[float, float]], interval: float = 0.1, shape=SHAPE) -> Motion:
    flow = np.zeros((*shape, 2), np.float32)
    for rows, columns, velocity in bodies:
        flow[rows, columns] = velocity
    return Motion(flow, np.zeros(shape, np.uint8), interval)


def windows_of(frame: Motion):
    return find_windows(frame, moving(frame))


def test_a_body_is_found_with_its_place_and_velocity():
    body = (slice(80, 120), slice(140, 160), (4.0, -2.0))
    found = windows_of(motion(body))
    fits = found.sizes == HEIGHTS.index(0.2)
    nearest = np.abs(found.places - (0.5, 0.5)).sum(axis=1)[fits].argmin()
    assert found.places[fits][nearest] == pytest.approx((0.5, 0.5), abs=0.04)
    # 4 of 200 pixels in a tenth of a second is a fifth of the height a second.
    assert found.velocities == pytest.approx(np.tile((0.2, -0.1), (len(found.velocities), 1)), abs=1e-5)


def test_velocity_is_per_second_of_real_time():
    body = (slice(80, 120), slice(140, 160))
    slow = windows_of(motion((*body, (2.0, 0.0)), interval=0.04)).velocities
    fast = windows_of(motion((*body, (4.0, 0.0)), interval=0.08)).velocities
    assert slow == pytest.approx(fast)


def test_stillness_and_a_few_noisy_pixels_give_no_windows():
    assert len(windows_of(motion()).places) == 0
    assert len(windows_of(motion((slice(80, 82), slice(140, 142), (9.0, 0.0)))).places) == 0


def test_who_stands_in_the_foreground_has_windows_without_velocity():
    frame = motion()
    frame.foreground[80:120, 140:160] = 1
    found = windows_of(frame)
    assert len(found.places) > 0
    assert not found.velocities.any()


def test_ignored_zones_do_not_move():
    frame = motion((slice(0, 200), slice(0, 300), (4.0, 0.0)))
    ignored = np.zeros(SHAPE, bool)
    ignored[:, :150] = True
    mask = moving(frame, ignored)
    assert not mask[:, :150].any()
    assert mask[:, 150:].all()


def test_a_picture_that_moves_as_a_whole_is_bounded():
    frame = motion((slice(0, 360), slice(0, 640), (3.0, 0.0)), shape=(360, 640))
    assert len(windows_of(frame).places) == MAX_WINDOWS


@pytest.mark.parametrize("shape", [(240, 360), (360, 202), (360, 40), (16, 360), (96, 96)])
def test_windows_cover_pictures_of_any_shape(shape):
    """A person-sized body in any corner lies in some window."""
    tall, wide = max(2, round(0.2 * shape[0])), max(2, round(0.1 * shape[0]))
    for rows in (slice(0, tall), slice(shape[0] - tall, None)):
        for columns in (slice(0, wide), slice(max(0, shape[1] - wide), None)):
            assert len(windows_of(motion((rows, columns, (2.0, 1.0)), shape=shape)).places) > 0
