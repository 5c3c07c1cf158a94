from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.ingest.flow import DenseFlow
from service.ingest.prepare import MARGIN, MAX_KEPT, MIN_PART, Preparer, moving_part

TEXTURE = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 255, (300, 460), np.uint8), (5, 5), 0)


def ground(shape=(180, 240)) -> np.ndarray:
    """Plain, but not so flat that nothing could be seen of it."""
    return np.tile(np.linspace(118, 138, shape[1]), (shape[0], 1)).astype(np.uint8)


def picture(shift: float, shape=(180, 240)) -> np.ndarray:
    """A textured sheet before a plain ground, moved to the right by ``shift`` pixels."""
    scene = ground(shape)
    matrix = np.array([[1, 0, shift - 60], [0, 1, -40]], np.float64)
    sheet = cv2.warpAffine(TEXTURE, matrix, (shape[1], shape[0]), flags=cv2.INTER_LINEAR)
    left = round(20 + shift)
    scene[30:-30, left : left + 120] = sheet[30:-30, left : left + 120]
    return scene


def full_picture(shift: float, shape=(180, 240)) -> np.ndarray:
    """A textured ground that has moved to the right by ``shift`` pixels."""
    matrix = np.array([[1, 0, shift - 60], [0, 1, -40]], np.float64)
    return cv2.warpAffine(TEXTURE, matrix, (shape[1], shape[0]), flags=cv2.INTER_LINEAR)


def watch(preparer: Preparer, times, speed: float = 20.0):
    """Show the ground alone, then every frame, and prepare the last one."""
    know_ground(preparer, times[0] - 10)
    for time in times:
        preparer.see(picture(speed * time), time)
    return preparer.prepare(times[-1])


def know_ground(preparer: Preparer, time: float) -> None:
    preparer.see(ground(), time)
    preparer.prepare(time)


def middle_flow(motion) -> np.ndarray:
    return np.median(motion.flow[motion.foreground > 0], axis=0)


def test_flow_finds_a_shift():
    flow = DenseFlow().compute(full_picture(0), full_picture(3))
    assert flow.shape == (180, 240, 2)
    assert np.median(flow[40:-40, 40:-40].reshape(-1, 2), axis=0) == pytest.approx((3, 0), abs=0.15)


def test_flows_do_not_share_memory():
    flow = DenseFlow()
    first = flow.compute(picture(0), picture(3))
    kept = first.copy()
    flow.compute(picture(3), picture(0))
    assert np.array_equal(first, kept)


@pytest.mark.parametrize(
    ("fps", "interval"),
    [(100, 0.1), (50, 0.1), (30, 0.1), (25, 0.08), (12, 1 / 12), (10, 0.1), (5, 0.2), (2, 0.5)],
)
def test_pairs_frames_close_in_time_at_any_rate(fps, interval):
    motion = watch(Preparer(), [index / fps for index in range(30)], speed=2 / interval)
    assert motion.interval == pytest.approx(interval)
    assert middle_flow(motion) == pytest.approx((2, 0), abs=0.2)


def test_rates_do_not_depend_on_which_frames_are_looked_at():
    """Of 25 frames a second only each fifth is prepared: it is still compared with one 0.08 s before."""
    preparer = Preparer()
    intervals = []
    for index in range(50):
        preparer.see(picture(index * 0.8), index / 25)
        if index % 5 == 0 and (motion := preparer.prepare(index / 25)):
            intervals.append(motion.interval)
    assert intervals == pytest.approx([0.08] * len(intervals))
    assert len(intervals) == 9


def test_jitter_does_not_change_the_pair():
    times = [index * 0.1 + (0.003 if index % 2 else 0.0) for index in range(10)]
    assert watch(Preparer(), times).interval == pytest.approx(0.103)


def test_the_first_frame_has_no_motion():
    preparer = Preparer()
    preparer.see(picture(0), 0.0)
    assert preparer.prepare(0.0) is None


@pytest.mark.parametrize(("later", "matched"), [(1.0, True), (1.5, True), (1.7, False), (5.0, False)])
def test_frames_too_far_apart_for_flow_still_have_their_foreground(later, matched):
    motion = watch(Preparer(), [index * later for index in range(5)], 3.0 / later)
    assert (motion.matched, bool(motion.flow.any())) == (matched, matched)
    assert motion.interval == pytest.approx(later)
    assert motion.foreground.any()


@pytest.mark.parametrize("later", [0.0, -3.0], ids=["no time passed", "time went back"])
def test_frames_that_cannot_be_compared_give_no_motion(later):
    preparer = Preparer()
    preparer.see(picture(0), 1.0)
    preparer.prepare(1.0)
    preparer.see(picture(2), 1.0 + later)
    assert preparer.prepare(1.0 + later) is None


def test_a_new_size_starts_afresh():
    preparer = Preparer()
    preparer.see(picture(0), 0.0)
    preparer.prepare(0.0)
    preparer.see(picture(0, (120, 160)), 0.1)
    assert preparer.prepare(0.1) is None
    preparer.see(picture(1, (120, 160)), 0.2)
    motion = preparer.prepare(0.2)
    assert motion.flow.shape == (120, 160, 2)
    assert motion.foreground.shape == (120, 160)


@pytest.mark.parametrize(
    ("shape", "small"),
    [((720, 1280), (202, 360)), ((1280, 720), (360, 202)), ((240, 320), (240, 320)), ((360, 361), (359, 360))],
)
def test_pictures_are_shrunk_to_the_analysis_side_and_never_grown(shape, small):
    preparer = Preparer(360)
    for time in (0.0, 0.1):
        preparer.see(np.zeros(shape, np.uint8), time)
        motion = preparer.prepare(time)
    assert motion.flow.shape == (*small, 2)
    assert motion.flow.dtype == np.float32
    assert motion.foreground.shape == small


def test_shrinking_averages():
    """A pattern of single pixels becomes grey, and does not turn into stripes that move."""
    checkers = (np.indices((720, 1280)).sum(axis=0) % 2 * 255).astype(np.uint8)
    preparer = Preparer(360)
    for time, shown in ((0.0, checkers), (0.1, np.roll(checkers, 1, axis=1))):
        preparer.see(shown, time)
        motion = preparer.prepare(time)
    assert np.abs(motion.flow).max() < 0.1
    assert not motion.foreground.any()


def test_the_decoders_buffer_may_be_reused():
    preparer = Preparer()
    know_ground(preparer, -10.0)
    buffer = picture(0)
    preparer.see(buffer, 0.0)
    preparer.prepare(0.0)
    buffer[:] = picture(3)
    preparer.see(buffer, 0.1)
    motion = preparer.prepare(0.1)
    assert middle_flow(motion) == pytest.approx((3, 0), abs=0.15)


def test_memory_is_bounded_at_any_rate():
    preparer = Preparer()
    for index in range(500):
        preparer.see(picture(0), index / 1000)
    assert len(preparer._seen) <= MAX_KEPT
    for index in range(100):
        preparer.see(picture(0), 1 + index)
    assert len(preparer._seen) <= 2


def test_preparing_another_frame_than_the_last_is_refused():
    preparer = Preparer()
    with pytest.raises(ValueError, match="last seen, none"):
        preparer.prepare(0.0)
    preparer.see(picture(0), 0.0)
    with pytest.raises(ValueError, match=r"got one of 1\.0 s"):
        preparer.prepare(1.0)


def test_an_analysis_side_too_small_for_flow_is_refused():
    with pytest.raises(ValueError, match="at least 16"):
        Preparer(8)


@pytest.mark.parametrize(
    ("box", "rows", "columns"),
    [
        ((100, 140, 150, 160), (56, 184), (91, 219)),
        ((0, 10, 0, 10), (0, 128), (0, 128)),
        ((230, 240, 350, 360), (112, 240), (232, 360)),
        ((0, 240, 0, 360), (0, 240), (0, 360)),
    ],
    ids=["in the middle", "in a corner", "in the other corner", "everywhere"],
)
def test_flow_is_computed_around_the_foreground(box, rows, columns):
    mask = np.zeros((240, 360), np.uint8)
    top, bottom, left, right = box
    mask[top:bottom, left:right] = 1
    assert moving_part(mask) == (slice(*rows), slice(*columns))


def test_flow_is_not_computed_where_nothing_moves():
    assert moving_part(np.zeros((240, 360), np.uint8)) is None


@settings(max_examples=200, deadline=None)
@given(
    st.tuples(st.integers(20, 300), st.integers(20, 400)),
    st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=5),
)
def test_the_part_holds_the_foreground_with_its_margin(shape, spots):
    mask = np.zeros(shape, np.uint8)
    places = [(int(y * (shape[0] - 1)), int(x * (shape[1] - 1))) for y, x in spots]
    for place in places:
        mask[place] = 1
    part = moving_part(mask)
    assert part is not None
    for axis, size in enumerate(shape):
        first, last = min(place[axis] for place in places), max(place[axis] for place in places)
        assert 0 <= part[axis].start <= max(0, first - MARGIN)
        assert min(size, last + 1 + MARGIN) <= part[axis].stop <= size
        assert part[axis].stop - part[axis].start >= min(size, MIN_PART)
