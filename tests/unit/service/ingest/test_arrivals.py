from __future__ import annotations

import pytest

from service.ingest.arrivals import MAX_HOLD_S, Arrivals


def feed(arrivals: Arrivals, packets: list[tuple[float, float]]) -> int:
    era = 0
    for pts, arrived in packets:
        era = arrivals.note(pts, arrived)
    return era


def even(begin: float, seconds: float, delay: float = 50.0) -> list[tuple[float, float]]:
    return [(begin + index / 10, begin + index / 10 + delay) for index in range(int(seconds * 10))]


def pieces(begin: float, length: float, count: int) -> list[tuple[float, float]]:
    """Each arrives whole when its last picture has been taken."""
    steps = int(length * 10)
    return [
        (begin + number * length + index / 10, 50.0 + begin + (number + 1) * length)
        for number in range(count)
        for index in range(steps)
    ]


def test_nothing_is_behind_in_an_even_stream() -> None:
    arrivals = Arrivals(in_pieces=False)
    era = feed(arrivals, even(0.0, 30.0))
    assert arrivals.behind(29.9, 79.9, era) == pytest.approx(0.0)
    assert arrivals.hold_s == 0.0


def test_what_was_handed_over_at_once_is_behind_by_what_came_after_it() -> None:
    arrivals = Arrivals(in_pieces=False)
    era = feed(arrivals, [(index / 10, 100.0) for index in range(81)])
    assert [arrivals.behind(pts, 100.0, era) for pts in (0.0, 4.0, 8.0)] == pytest.approx([8.0, 4.0, 0.0])
    feed(arrivals, [(8.1, 100.1), (8.2, 100.2)])
    assert arrivals.behind(8.2, 100.2, era) == pytest.approx(0.0)
    assert arrivals.hold_s == 0.0


def test_one_pause_of_a_network_makes_nothing_wait() -> None:
    arrivals = Arrivals(in_pieces=False)
    era = feed(arrivals, [*even(0.0, 10.0), (10.0, 64.0)])
    assert arrivals.behind(10.0, 64.0, era) == pytest.approx(4.0)
    assert arrivals.hold_s == 0.0


@pytest.mark.parametrize("length", [1.0, 2.0, 6.0])
def test_what_comes_in_pieces_waits_for_the_length_of_one(length: float) -> None:
    arrivals = Arrivals(in_pieces=False)
    feed(arrivals, pieces(0.0, length, 5))
    assert arrivals.hold_s == pytest.approx(length, abs=0.11)
    feed(arrivals, even(5 * length, 70.0))
    assert arrivals.hold_s == 0.0


def test_a_playlist_waits_from_the_start_and_no_longer_than_it_must() -> None:
    arrivals = Arrivals(in_pieces=True)
    feed(arrivals, [(index / 10, 100.0) for index in range(60)])
    assert arrivals.hold_s == pytest.approx(5.9)
    feed(arrivals, [(6.0 + index / 10, 102.0 + 2 * (index // 20)) for index in range(60)])
    assert arrivals.hold_s == pytest.approx(2.0, abs=0.11)
    assert Arrivals(in_pieces=True).hold_s == 0.0


def test_nothing_waits_for_longer_than_the_bound() -> None:
    arrivals = Arrivals(in_pieces=True)
    feed(arrivals, [(index / 10, 100.0) for index in range(600)])
    assert arrivals.hold_s == MAX_HOLD_S


@pytest.mark.parametrize("leap", [5000.0, -5000.0, -3.0])
def test_of_an_earlier_clock_nothing_is_known(leap: float) -> None:
    arrivals = Arrivals(in_pieces=False)
    before = feed(arrivals, even(0.0, 5.0))
    after = feed(arrivals, [(5.0 + leap, 55.0), (5.1 + leap, 55.1)])
    assert after == before + 1
    assert arrivals.behind(4.9, 54.9, before) == 0.0
    assert arrivals.behind(5.1 + leap, 55.1, after) == pytest.approx(0.0)


def test_a_slow_drift_and_a_longer_way_are_forgotten() -> None:
    arrivals = Arrivals(in_pieces=False)
    feed(arrivals, even(0.0, 10.0))
    era = feed(arrivals, even(10.0, 40.0, delay=51.5))
    assert arrivals.behind(49.9, 101.4, era) == pytest.approx(0.0)
