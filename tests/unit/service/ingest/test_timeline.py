from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from service.ingest.timeline import WRAPS_S, Cadence, FrameTime, Timeline

RATE = 25.0


def run(timeline: Timeline, frames: list[tuple[float | None, float]]) -> list[FrameTime | None]:
    return [timeline.stamp(pts, arrived) for pts, arrived in frames]


def even(count: int, pts: float = 0.0, arrived: float = 100.0) -> list[tuple[float | None, float]]:
    return [(pts + index / RATE, arrived + index / RATE) for index in range(count)]


def test_a_steady_source_keeps_its_own_pts() -> None:
    moments = run(Timeline(live=True), even(100, pts=7.0))
    assert [moment.pts for moment in moments if moment] == pytest.approx([7.0 + index / RATE for index in range(100)])
    assert {moment.epoch for moment in moments if moment} == {0}


@pytest.mark.parametrize(
    ("name", "second", "epochs", "steps"),
    [
        # (source's PTS, arrival) after 50 even frames that end at PTS 1.96, arrival 101.96
        ("wrap to zero", [(0.0, 102.0), (0.04, 102.04)], [1, 1], [0.04, 0.04]),
        ("leap ahead of real time", [(5000.0, 102.0), (5000.04, 102.04)], [1, 1], [0.04, 0.04]),
        ("a real gap", [(12.0, 112.0), (12.04, 112.04)], [1, 1], [10.04, 0.04]),
        ("a burst after a pause", [(2.0, 103.5), (2.04, 103.5)], [0, 0], [0.04, 0.04]),
        ("missing PTS", [(None, 102.0), (None, 102.06)], [0, 0], [0.04, 0.04]),
        ("missing PTS, then back", [(None, 102.0), (2.04, 102.04)], [0, 0], [0.04, 0.04]),
    ],
)
def test_what_becomes_of_odd_clocks(
    name: str, second: list[tuple[float | None, float]], epochs: list[int], steps: list[float]
) -> None:
    timeline = Timeline(live=True)
    last = run(timeline, even(50))[-1]
    assert last is not None
    for (pts, arrived), epoch, step in zip(second, epochs, steps, strict=True):
        moment = timeline.stamp(pts, arrived)
        assert moment is not None, name
        assert moment.epoch == epoch, name
        assert moment.pts - last.pts == pytest.approx(step, abs=1e-6), name
        last = moment


def test_disorder_is_passed_over_without_an_epoch() -> None:
    timeline = Timeline(live=True)
    run(timeline, even(50))
    assert timeline.stamp(1.96, 102.0) is None  # twice the same
    assert timeline.stamp(1.50, 102.04) is None
    moment = timeline.stamp(2.08, 102.12)
    assert moment is not None
    assert moment.epoch == 0
    assert moment.pts == pytest.approx(2.08)


def sawtooth(t: float) -> float:
    return t - 0.5 * (int(t * 2) % 2)


CLOCKS: dict[str, tuple[Callable[[float], float | None], str | None, int, float]] = {
    # what the source stamps at a time; what is said of it; epochs at most; seconds until it is known, at most
    "its own": (lambda t: 7.0 + t, None, 1, 0.0),
    "a little fast": (lambda t: 1.05 * t, None, 1, 0.0),
    "constant": (lambda t: 5.0, "do not change", 2, 0.5),
    "missing": (lambda t: None, "are missing", 1, 0.5),
    "constant after a while": (lambda t: min(t, 3.0), "do not change", 2, 3.5),
    "missing after a while": (lambda t: t if t < 3 else None, "are missing", 2, 3.5),
    "sawtooth": (sawtooth, "go backward", 2, 2.0),
    "backward": (lambda t: 1000.0 - t, "go backward", 2, 0.5),
    "a tenth": (lambda t: t / 10, "run too slowly", 2, 6.5),
    "double": (lambda t: 2 * t, "run too fast", 2, 4.5),
    "back again and again": (lambda t: t - 9 * (t // 10), "jump back and forth", 4, 32.0),
    "ahead again and again": (lambda t: t + 100 * (t // 5), "jump back and forth", 4, 16.0),
    "33 bits": (lambda t: (2**33 / 90_000 - 5.0 + t) % (2**33 / 90_000), None, 1, 0.0),
    "32 bits": (lambda t: (2**32 / 90_000 - 5.0 + t) % (2**32 / 90_000), None, 1, 0.0),
    "set once": (lambda t: t if t < 5 else t - 3600, None, 2, 0.0),
    "trembling": (lambda t: t + 0.06 * (-1) ** round(10 * t) * ((round(10 * t) % 7) / 7), "are uneven", 2, 5.0),
}


@pytest.mark.parametrize("fps", [10.0, 25.0])
@pytest.mark.parametrize("clock", CLOCKS)
def test_a_live_source_is_timed_by_stamps_that_are_true_and_else_by_arrival(clock: str, fps: float) -> None:
    if clock == "trembling" and fps != 10:
        return  # it is made for ten frames a second
    stamp, reason, epochs, known_by = CLOCKS[clock]
    timeline, seconds = Timeline(live=True), 40.0
    times = [index / fps for index in range(int(seconds * fps))]
    moments = [timeline.stamp(stamp(t), 100 + t) for t in times]
    kept = [(t, moment) for t, moment in zip(times, moments, strict=True) if moment is not None]
    assert len(kept) >= len(times) - max(5, fps)  # a second at most is passed over, until the clock is known
    assert len({moment.epoch for _, moment in kept}) <= epochs
    after = [(t, moment) for t, moment in kept if t > known_by + 0.2]
    assert {moment.distrust for _, moment in after} == {reason}
    last_epoch = [pair for pair in after if pair[1].epoch == after[-1][1].epoch]
    (begin, first), (end, last) = last_epoch[0], last_epoch[-1]
    assert last.pts - first.pts == pytest.approx(end - begin, rel=0.06)


@pytest.mark.parametrize("step", [0.5, 1.0, 2.5, 10.0])
@pytest.mark.parametrize("stamped", [True, False], ids=["stamped", "not stamped"])
def test_a_slow_camera_is_one_epoch(step: float, stamped: bool) -> None:
    times = [index * step for index in range(30)]
    kept = [each for each in run(Timeline(live=True), [(t if stamped else None, 9 + t) for t in times]) if each]
    assert len(kept) >= 29
    assert len({moment.epoch for moment in kept}) <= 2  # the first step alone may be a gap
    assert kept[-1].pts - kept[0].pts == pytest.approx(kept[-1].arrived - kept[0].arrived)


def test_a_late_network_is_no_wrong_clock() -> None:
    """Nothing for four seconds, then all of it at once; again and again."""
    timeline = Timeline(live=True)
    for index in range(1000):
        pts = index / 10
        arrived = 50 + (pts if pts % 20 < 16 else (pts // 20 + 1) * 20)
        moment = timeline.stamp(pts, arrived)
        assert moment is not None
        assert (moment.epoch, moment.distrust) == (0, None)


def test_what_is_handed_over_at_once_at_the_start_is_no_wrong_clock() -> None:
    timeline = Timeline(live=True)
    moments = run(timeline, [(index / RATE, 50 + max(0.0, index / RATE - 8)) for index in range(1000)])
    assert {(moment.epoch, moment.distrust) for moment in moments if moment} == {(0, None)}


def test_stamps_that_become_true_are_believed_again_and_the_next_decoder_knows_what_was_wrong() -> None:
    timeline = Timeline(live=True)
    broken = run(timeline, [(5.0, index / 10) for index in range(50)])[-1]
    assert broken is not None
    following = Timeline(broken, live=True)
    first = following.stamp(0.0, 6.0)
    assert first is not None
    assert first.distrust == "do not change"
    moments = run(following, [(index / 10, 6.0 + index / 10) for index in range(1, 600)])
    kept = [moment for moment in moments if moment]
    assert kept[100].distrust is not None
    assert kept[-1].distrust is None
    assert kept[-1].epoch == first.epoch + 1


@pytest.mark.parametrize("pause", [4, 10, 40], ids=["none lost", "six lost", "a gap"])
def test_frames_without_stamps_that_come_together_were_seen_at_the_usual_pace(pause: int) -> None:
    """Of a network that held four of them up; what it lost is a longer step, and no step is shorter than usual."""
    timeline = Timeline(live=True)
    before = run(timeline, [(None, 100 + index / 10) for index in range(20)])[-1]
    assert before is not None
    end = before.arrived + pause / 10
    held_up = [end - 0.002, end - 0.001, end]
    moments = [timeline.stamp(None, at, held_up[index + 1 :]) for index, at in enumerate(held_up)]
    seen = [moment.pts - before.pts for moment in moments if moment]
    assert seen == pytest.approx([(pause - 2) / 10, (pause - 1) / 10, pause / 10], abs=1e-6)
    assert timeline.stamp(None, end + 0.1) is not None


def test_more_frames_than_can_have_been_seen_are_passed_over() -> None:
    timeline = Timeline(live=True)
    before = run(timeline, [(None, 100 + index / 10) for index in range(20)])[-1]
    assert before is not None
    held_up = [before.arrived + 0.2 + index / 1000 for index in range(6)]
    moments = [timeline.stamp(None, at, held_up[index + 1 :]) for index, at in enumerate(held_up)]
    assert [moment is None for moment in moments] == [True, True, True, True, False, False]


def test_a_past_without_stamps_that_comes_at_once_at_the_start_is_passed_over() -> None:
    timeline = Timeline(live=True)
    at_once = [100 + index / 1000 for index in range(30)]
    moments = [timeline.stamp(None, at, at_once[index + 1 :]) for index, at in enumerate(at_once)]
    assert sum(moment is not None for moment in moments) <= 2


@pytest.mark.parametrize("stamp", [lambda _: 3.0, lambda _: None, sawtooth], ids=["constant", "missing", "sawtooth"])
def test_a_file_with_stamps_that_say_nothing_has_one_frame_of_its_rate(stamp: Callable[[float], float | None]) -> None:
    timeline = Timeline(live=False, rate=20.0)
    moments = run(timeline, [(stamp(index / 20), 100.0) for index in range(200)])
    kept = [moment for moment in moments if moment is not None]
    assert len(kept) == 200
    assert {moment.epoch for moment in kept} == {0}
    assert kept[-1].pts - kept[0].pts == pytest.approx(199 / 20, rel=0.06)


def test_a_file_of_uneven_pace_keeps_its_own() -> None:
    times = [0.0, 0.04, 0.5, 0.54, 1.9, 1.94, 2.0]
    moments = run(Timeline(live=False, rate=25.0), [(t, 100.0) for t in times])
    assert [moment.pts for moment in moments if moment] == pytest.approx(times)


def test_the_first_frame_without_pts_is_passed_over_only_live() -> None:
    assert Timeline(live=True).stamp(None, 1.0) is None
    assert Timeline(live=False).stamp(None, 1.0) == FrameTime(0.0, 1.0, 0)


def test_a_source_without_any_pts_runs_on_arrival() -> None:
    moments = run(Timeline(live=True), [(None, 10 + index * 0.1) for index in range(20)])
    kept = [moment for moment in moments if moment]
    assert len(kept) == 19
    assert kept[-1].pts - kept[0].pts == pytest.approx(1.8)
    assert {moment.epoch for moment in kept} == {0}


def test_the_next_decoder_goes_on_in_a_new_epoch() -> None:
    last = run(Timeline(live=True), even(50))[-1]
    assert last is not None
    moment = Timeline(last, live=True).stamp(0.0, last.arrived + 30.0)
    assert (moment.arrived, moment.epoch) == (last.arrived + 30.0, 1)
    assert moment.pts == pytest.approx(last.pts + 30.0)


def test_a_file_is_taken_at_its_word() -> None:
    """Read at full speed, arrival says nothing; a leap ahead is a gap, and keeps the file's own time."""
    timeline = Timeline(live=False)
    frames: list[tuple[float | None, float]] = [(index / RATE, 100 + index * 1e-3) for index in range(50)]
    run(timeline, frames)
    moment = timeline.stamp(60.0, 100.06)
    assert moment == FrameTime(60.0, 100.06, 1)


def test_slow_sources_have_no_gaps() -> None:
    """A camera that sends one frame in three seconds is not broken at every frame, once that is known."""
    frames: list[tuple[float | None, float]] = [(0.5 * index, 100 + 0.5 * index) for index in range(20)]
    timeline = Timeline(live=True)
    run(timeline, frames)
    moment = timeline.stamp(9.5 + 3.0, 109.5 + 3.0)
    assert moment is not None
    assert moment.epoch == 0


CLOCK = st.one_of(st.none(), st.floats(-1e6, 1e6), st.floats(0, 3))


TOO_FINE = [(0.0, 0.0), (5e-324, 0.0), (1e-323, 0.0), (1.0, 1.0), (None, 0.0)]  # usual steps below what 1.0 can tell
ALMOST_A_WRAP = [(1e6, 1.0), (1e6 + 5, 5.0), (1e6 + 5 - WRAPS_S[0] + 4e-11, 0.0)]


@given(st.lists(st.tuples(CLOCK, st.floats(0, 5)), max_size=200), st.booleans())
@example(TOO_FINE, True)
@example(ALMOST_A_WRAP, True)
@example(ALMOST_A_WRAP, False)
def test_pts_always_grow_and_epochs_never_fall(frames: list[tuple[float | None, float]], live: bool) -> None:
    timeline = Timeline(live=live)
    arrived, last = 0.0, None
    for pts, pause in frames:
        arrived += pause
        moment = timeline.stamp(pts, arrived)
        if moment is None:
            continue
        assert math.isfinite(moment.pts)
        if last is not None:
            assert moment.pts > last.pts
            assert moment.epoch - last.epoch in (0, 1)
        last = moment


@pytest.mark.parametrize(
    ("source", "fps", "expected"),
    [(25, 25, 25), (25, 10, 10), (25, 5, 5), (25, 8, 8), (30, 10, 10), (10, 10, 10), (10, 25, 10), (24.9, 25, 24.9),
     (15, 10, 10), (60, 10, 10), (12, 10, 10), (25, 0.5, 0.5), (25, None, 25)],
)  # fmt: skip
@pytest.mark.parametrize("jitter", [0.0, 0.3])
def test_cadence_picks_the_wished_rate(source: float, fps: float | None, expected: float, jitter: float) -> None:
    chance = random.Random(3)
    cadence, seconds = Cadence(fps), 60
    frames = [(index + chance.uniform(-jitter, jitter)) / source for index in range(int(seconds * source))]
    due = [pts for pts in sorted(frames) if cadence.due(pts)]
    assert len(due) == pytest.approx(seconds * expected, rel=0.02, abs=1)


def test_cadence_keeps_an_even_beat() -> None:
    cadence = Cadence(10)
    due = [index / RATE for index in range(250) if cadence.due(index / RATE)]
    steps = [later - earlier for earlier, later in itertools.pairwise(due)]
    assert min(steps) > 0.07
    assert max(steps) < 0.13


def test_cadence_does_not_catch_up_after_a_pause() -> None:
    cadence = Cadence(10)
    assert sum(cadence.due(index / RATE) for index in range(50)) == 20
    assert sum(cadence.due(60 + index / RATE) for index in range(50)) <= 21
