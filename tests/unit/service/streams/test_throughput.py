from __future__ import annotations

import pytest

from service.metrics import Metrics
from service.streams.throughput import LEAST_FRAMES, WINDOW_S, Throughput


@pytest.mark.parametrize(
    ("outcomes", "lost", "overloaded", "disturbed"),
    [
        ({"scored": 10}, 0.0, False, False),
        ({"scored": 6, "superseded": 4}, 0.4, False, False),
        ({"scored": 2, "superseded": 5, "stale": 3}, 0.8, True, False),
        ({"enrolled": 1, "stale": 9}, 0.9, True, False),
        ({"scored": 5, "not_due": 50}, 0.0, False, False),  # what nobody asked for is not lost
        ({"scored": 5, "skipped": 200}, 0.0, False, False),  # nor what a network held up for seconds
        ({"scored": 2, "disturbed": 8}, 0.0, False, True),
        ({"scored": 8, "disturbed": 2}, 0.0, False, False),
        ({"blind": 10}, 0.0, False, False),
    ],
)
def test_what_became_of_the_frames(outcomes: dict[str, int], lost: float, overloaded: bool, disturbed: bool) -> None:
    metrics = Metrics()
    throughput = Throughput(metrics, "yard")
    for second in range(5):
        throughput.look(100.0 + second)
        for outcome, count in outcomes.items():
            metrics.frames.labels("yard", outcome).inc(count)
            metrics.frames.labels("gate", "stale").inc(count)
    assert throughput.lost == pytest.approx(lost)
    assert (throughput.overloaded, throughput.disturbed) == (overloaded, disturbed)


def test_of_few_frames_nothing_is_told() -> None:
    metrics = Metrics()
    throughput = Throughput(metrics, "yard")
    throughput.look(0.0)
    metrics.frames.labels("yard", "stale").inc(LEAST_FRAMES - 1)
    throughput.look(1.0)
    assert not throughput.overloaded
    metrics.frames.labels("yard", "stale").inc()
    throughput.look(1.5)  # too soon after the last look to read the counters again
    assert not throughput.overloaded
    throughput.look(2.0)
    assert throughput.overloaded


def test_it_is_forgotten_after_a_while() -> None:
    metrics = Metrics()
    throughput = Throughput(metrics, "yard")
    throughput.look(0.0)
    metrics.frames.labels("yard", "stale").inc(100)
    throughput.look(1.0)
    assert throughput.overloaded
    throughput.look(1.0 + WINDOW_S)
    assert throughput.lost == 0.0
