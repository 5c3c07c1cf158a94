from __future__ import annotations

import itertools
import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.ingest.timeline import Backlog, Cadence, FrameTime, Timeline

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
        ("missing PTS", [(None, 102.0), (None, 102.06)], [0, 0], [0.04, 0.06]),
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


def test_a_stuck_clock_is_replaced_by_arrival() -> None:
    timeline = Timeline(live=True)
    run(timeline, even(50))
    moments = run(timeline, [(1.96, 102.0 + index / RATE) for index in range(500)])
    kept = [moment for moment in moments if moment]
    assert len(kept) >= 500 // 51
    assert all(later.pts > earlier.pts for earlier, later in itertools.pairwise(kept))


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


@given(st.lists(st.tuples(CLOCK, st.floats(0, 5)), max_size=200), st.booleans())
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


def play(
    backlog: Backlog,
    seconds: float,
    rate: float,
    start: float,
    pace: float = 1.0,
    delay: float = 0.0,
    waited: float = 0.03,
) -> float:
    """Feed `seconds` of frames that arrive at `rate`; `pace`: seconds of PTS per second. Returns the last lag."""
    lag = 0.0
    for index in range(int(seconds * rate)):
        arrived = start + index / rate
        lag = backlog.lag((arrived - delay) * pace, arrived, waited)
    return lag


def test_no_lag_while_reading_keeps_up() -> None:
    assert play(Backlog(), 10, 25, 0.0) == pytest.approx(0.0, abs=1e-9)


def test_lag_shows_when_frames_are_queued() -> None:
    backlog = Backlog()
    play(backlog, 10, 25, 0.0)
    assert play(backlog, 2, 25, 10.0, delay=1.5, waited=0.0) == pytest.approx(1.5)


def test_a_longer_way_through_the_network_is_no_lag() -> None:
    backlog = Backlog()
    play(backlog, 10, 25, 0.0)
    assert play(backlog, 2, 25, 10.0, delay=1.5, waited=0.03) == 0.0


def test_wrong_time_stamps_are_no_lag() -> None:
    """A camera that stamps 25 frames a second and sends 15."""
    assert play(Backlog(), 60, 15, 0.0, pace=0.6, waited=0.05) == 0.0


def test_an_old_best_is_forgotten() -> None:
    backlog = Backlog()
    play(backlog, 10, 25, 0.0)
    assert play(backlog, 70, 25, 10.0, delay=1.5, waited=0.0) == pytest.approx(0.0, abs=1e-6)
