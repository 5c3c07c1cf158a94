from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from service.contracts.stream import StreamState
from service.delivery.feed import ScoreFeed
from service.delivery.minutes import ScoreMinutes
from service.delivery.score_range import score_range
from service.metrics import Metrics
from service.store.database import Database
from service.store.score_minutes import ScoreMinuteStore
from support.serving import score_message

START = 1_777_896_000.0
END = START + 7200
Points = list[tuple[float, int, float | None, str]]


@pytest.fixture
def minutes(tmp_path: Path) -> Iterator[ScoreMinutes]:
    database = Database(f"sqlite:///{tmp_path / 'watchword.db'}")
    yield ScoreMinutes(ScoreMinuteStore(database), lambda: END)
    database.close()


def feed_of(minutes: ScoreMinutes, history: int = 1000) -> ScoreFeed:
    return ScoreFeed(history, 4, Metrics(), minutes)


def say(feed: ScoreFeed, *said: tuple[float, float | None, str]) -> None:
    for number, (second, score, state) in enumerate(said):
        feed.publish(
            score_message("a", number, captured_at=START + second, score=score, state=StreamState(state), surprise=None)
        )


def told(
    feed: ScoreFeed, minutes: ScoreMinutes, begin: float = 0, end: float = 7200, step: int | None = None
) -> Points:
    found = score_range(feed, minutes, "a", START + begin, START + end, step)
    return [(each.at.timestamp() - START, each.seconds, each.score, each.state.value) for each in found]


def test_frames_that_are_remembered_are_given(minutes: ScoreMinutes) -> None:
    feed = feed_of(minutes)
    say(feed, (0, None, "connecting"), (10, 0.1, "live"), (70, 0.2, "live"))
    assert told(feed, minutes) == [(0, 0, None, "connecting"), (10, 0, 0.1, "live"), (70, 0, 0.2, "live")]
    assert told(feed, minutes, 10, 70) == [(10, 0, 0.1, "live")]


def test_before_the_first_whole_minute_in_memory_minutes_are_given(minutes: ScoreMinutes) -> None:
    feed = feed_of(minutes, history=3)
    say(feed, *((second, second / 1000, "live") for second in range(5, 150, 10)))
    # 125, 135 and 145 are left: no minute is whole from its beginning on.
    assert told(feed, minutes) == [(0, 60, 0.055, "live"), (60, 60, 0.115, "live"), (120, 60, 0.145, "live")]
    say(feed, (185, 0.5, "live"), (195, 0.6, "live"))
    assert told(feed, minutes)[2:] == [(120, 60, 0.145, "live"), (185, 0, 0.5, "live"), (195, 0, 0.6, "live")]


def test_after_a_restart_what_was_before_it_is_given_in_minutes(minutes: ScoreMinutes) -> None:
    say(feed_of(minutes), (10, 0.7, "live"), (20, 0.3, "live"))
    minutes.flush(everything=True)
    feed = feed_of(minutes)
    assert told(feed, minutes)[0] == (0, 60, 0.7, "live")
    say(feed, (600, 0.2, "live"))
    assert [point for point in told(feed, minutes) if point[2] is not None] == [
        (0, 60, 0.7, "live"),
        (600, 0, 0.2, "live"),
    ]


def test_the_minute_of_a_restart_keeps_what_was_highest_before_it(minutes: ScoreMinutes) -> None:
    say(feed_of(minutes), (10, 0.9, "live"), (20, 0.3, "live"))
    minutes.flush(everything=True)
    feed = feed_of(minutes)
    say(feed, (40, 0.1, "live"), (70, 0.2, "live"))
    assert told(feed, minutes) == [(0, 60, 0.9, "live"), (40, 0, 0.1, "live"), (70, 0, 0.2, "live")]
    assert told(feed, minutes, step=60) == [(0, 60, 0.9, "live"), (60, 60, 0.2, "live")]
    assert told(feed, minutes, step=3600) == [(0, 3600, 0.9, "live")]


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (5, [(0, 5, 0.3, "live"), (5, 5, 0.2, "live"), (65, 5, None, "offline")]),
        (10, [(0, 10, 0.3, "live"), (60, 10, None, "offline")]),
        (60, [(0, 60, 0.3, "live"), (60, 60, None, "offline")]),
        (3600, [(0, 3600, 0.3, "live")]),
    ],
)
def test_a_step_takes_the_highest_and_leaves_out_what_nobody_saw(
    minutes: ScoreMinutes, step: int, expected: Points
) -> None:
    feed = feed_of(minutes)
    say(feed, (1, 0.1, "live"), (4.9, 0.3, "live"), (5, 0.2, "live"), (66, None, "offline"))
    assert told(feed, minutes, step=step) == expected


def test_minutes_are_not_divided_by_a_smaller_step(minutes: ScoreMinutes) -> None:
    say(feed_of(minutes), (10, 0.7, "live"), (61, 0.2, "live"))
    assert told(feed_of(minutes), minutes, step=7) == [(0, 60, 0.7, "live"), (60, 60, 0.2, "live")]


def test_of_an_unknown_stream_nothing_is_known(minutes: ScoreMinutes) -> None:
    assert list(score_range(feed_of(minutes), minutes, "nobody", START, END, None)) == []
