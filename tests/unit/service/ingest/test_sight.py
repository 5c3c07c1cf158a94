"""Every fault that a lens or sensor may have, and everything that looks like one and is none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from service.frames import CLEAR, Blindness, Sight
from service.ingest.sight import BLURRED_S, FROZEN_S, GONE_S, SightMonitor
from support.picture_camera import FAULTS, HARMLESS, SCENE, Fault, as_it_is, picture

STEP = 0.1


class Watch:
    """A monitor that is shown one thing after another, ten times a second."""

    def __init__(self) -> None:
        self.monitor = SightMonitor()
        self.pts = 0.0
        self.random = np.random.default_rng(5)

    def show(self, grey: NDArray[np.uint8], *, key: bool = True) -> Sight:
        self.pts += STEP
        self.monitor.see(grey, lambda: grey, self.pts, key=key)
        return self.monitor.look(grey, self.pts)

    def see(self, fault: Fault, seconds: float, noise: float = 2.0) -> list[Sight]:
        return [self.show(picture(fault, self.random, noise)) for _ in range(round(seconds / STEP))]


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_named_once_it_has_lasted(name: str) -> None:
    expected, fault = FAULTS[name]
    watch = Watch()
    assert set(watch.see(as_it_is, 5)) == {CLEAR}
    patience = BLURRED_S if expected == "out_of_focus" else GONE_S
    seen = watch.see(fault, patience + 3)
    assert all(sight.blind is None for sight in seen[: round((patience - 1) / STEP)])
    assert {sight.blind for sight in seen[round((patience + 1) / STEP) :]} == {Blindness(expected)}
    assert seen[-1].for_s == pytest.approx(patience + 3, abs=0.6)


@pytest.mark.parametrize("name", FAULTS)
def test_nothing_is_learned_of_it_from_the_first_look_on(name: str) -> None:
    expected, fault = FAULTS[name]
    watch = Watch()
    watch.see(as_it_is, 5)
    seen = watch.see(fault, 3)[5:]
    assert all(sight.doubtful for sight in seen)
    assert all(sight.hidden is (expected != "out_of_focus") for sight in seen)


@pytest.mark.parametrize("name", FAULTS)
def test_it_is_over_as_soon_as_the_scene_is_back(name: str) -> None:
    watch = Watch()
    watch.see(as_it_is, 5)
    assert watch.see(FAULTS[name][1], BLURRED_S + 3)[-1].blind is not None
    assert set(watch.see(as_it_is, 5)[round(2 / STEP) :]) == {CLEAR}


@pytest.mark.parametrize("name", HARMLESS)
def test_what_can_be_seen_through_is_no_fault(name: str) -> None:
    watch = Watch()
    watch.see(as_it_is, 5)
    assert all(sight.blind is None for sight in watch.see(HARMLESS[name], 40))
    assert all(sight.blind is None for sight in watch.see(as_it_is, 5))


@pytest.mark.parametrize("name", HARMLESS)
def test_a_camera_that_begins_like_that_sees(name: str) -> None:
    assert set(Watch().see(HARMLESS[name], 15)) == {CLEAR}


def test_a_hand_that_wipes_the_lens_is_no_fault() -> None:
    watch = Watch()
    watch.see(as_it_is, 5)
    assert all(sight.blind is None for sight in watch.see(FAULTS["a hand"][1], GONE_S - 1))
    assert watch.see(as_it_is, 3)[-1] == CLEAR


def test_it_is_known_over_a_reconnect_what_is_usual() -> None:
    watch = Watch()
    watch.see(as_it_is, 5)
    watch.pts += 3600
    assert watch.see(FAULTS["a bag"][1], GONE_S + 2)[-1].blind is Blindness.COVERED


def test_the_same_picture_again_and_again_is_frozen() -> None:
    watch = Watch()
    watch.see(as_it_is, 5)
    still = picture(as_it_is, watch.random)
    seen = [watch.show(still) for _ in range(round((FROZEN_S + 2) / STEP))]
    assert not seen[5].doubtful
    assert seen[50].doubtful
    assert not seen[50].hidden
    assert seen[round((FROZEN_S - 1) / STEP)].blind is None
    assert seen[-1].blind is Blindness.FROZEN
    assert seen[-1].for_s == pytest.approx(FROZEN_S + 2 - STEP, abs=0.05)
    assert watch.show(picture(as_it_is, watch.random)) == CLEAR


def test_a_change_too_small_for_the_small_picture_is_seen() -> None:
    """One pixel of a large picture changes; what is looked at is a quarter of its size."""
    monitor, large = SightMonitor(), np.kron(picture(as_it_is, np.random.default_rng(1)), np.ones((4, 4), np.uint8))
    small = np.ascontiguousarray(large[::4, ::4])
    for index in range(300):
        large[1, 1] = index % 2
        monitor.see(small, large.copy, index * STEP, key=True)
        assert monitor.look(small, index * STEP).blind is None


def coded(pictures: Iterator[NDArray[np.uint8]], **options: str) -> list[tuple[NDArray[np.uint8], bool]]:
    """What comes out of H.264: each picture, and whether it is a key frame."""
    encoder = av.CodecContext.create("libx264", "w")
    encoder.height, encoder.width, encoder.pix_fmt = SCENE.shape[0], SCENE.shape[1], "yuv420p"
    encoder.framerate, encoder.time_base = Fraction(10), Fraction(1, 10)
    encoder.options = {"preset": "ultrafast", "bf": "0", **options}
    decoder = av.CodecContext.create("h264", "r")
    frames = []
    for each in [
        *(av.VideoFrame.from_ndarray(one, format="gray").reformat(format="yuv420p") for one in pictures),
        None,
    ]:
        for packet in encoder.encode(None if each is None else each.reformat(format="yuv420p")):
            frames += decoder.decode(packet)
    frames += decoder.decode(None)
    return [(np.asarray(frame.to_ndarray(format="gray"), np.uint8), bool(frame.key_frame)) for frame in frames]


def still_scene(noise: float) -> Callable[[int], Iterator[NDArray[np.uint8]]]:
    random = np.random.default_rng(2)
    return lambda count: (picture(as_it_is, random, noise) for _ in range(count))


@pytest.mark.parametrize("noise", [0.0, 0.3, 1.0, 2.0])
@pytest.mark.parametrize("options", [{"g": "250"}, {"g": "20", "crf": "30"}])
def test_a_still_scene_that_a_coder_makes_stiller_is_not_frozen(noise: float, options: dict[str, str]) -> None:
    """Most frames of it are the same to the bit until the next key frame."""
    frames = coded(still_scene(noise)(400), **options)
    watch = Watch()
    assert all(watch.show(grey, key=key).blind is None for grey, key in frames)


def test_a_coded_picture_that_key_frames_repeat_for_a_minute_is_frozen() -> None:
    watch = Watch()
    watch.see(as_it_is, 3)
    still = picture(as_it_is, watch.random)
    seen = [watch.show(still, key=index % 20 == 0) for index in range(650)]
    assert seen[590].blind is None
    assert seen[-1].blind is Blindness.FROZEN
