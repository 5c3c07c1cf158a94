from __future__ import annotations

import pytest

from service.contracts.stream import StreamState
from service.store.database import Database
from service.store.score_minutes import KEPT_DAYS, MINUTES_A_DAY, PRUNED_AT_ONCE, ScoreMinute, ScoreMinuteStore

NOW = 29_000_000


@pytest.fixture
def store(database: Database) -> ScoreMinuteStore:
    return ScoreMinuteStore(database)


def of(minute: int, score: float | None, state: StreamState = StreamState.LIVE, stream: str = "a") -> ScoreMinute:
    return ScoreMinute(stream, minute, score, state)


def test_minutes_come_back_as_they_were_and_only_those_asked_for(store: ScoreMinuteStore) -> None:
    minutes = [of(NOW, 0.123456789), of(NOW + 1, None, StreamState.OFFLINE), of(NOW + 3, 0.0)]
    store.merge([*reversed(minutes), of(NOW + 1, 0.9, stream="b")])
    assert store.between("a", NOW, NOW + 10) == minutes
    assert store.between("a", NOW + 1, NOW + 3) == minutes[1:2]
    assert store.between("nobody", NOW, NOW + 10) == []


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ([(0.5, "live"), (0.7, "live")], (0.7, "live")),
        ([(0.5, "live"), (0.4, "live")], (0.5, "live")),
        ([(0.5, "live"), (None, "offline")], (0.5, "live")),
        ([(None, "offline"), (0.1, "live")], (0.1, "live")),
        ([(None, "connecting"), (None, "paused")], (None, "paused")),
    ],
)
def test_of_a_minute_that_was_told_twice_the_highest_stays(
    store: ScoreMinuteStore, said: list[tuple[float | None, str]], kept: tuple[float | None, str]
) -> None:
    told = [of(NOW, score, StreamState(state)) for score, state in said]
    for each in told:
        store.merge([each])
    expected = [of(NOW, kept[0], StreamState(kept[1]))]
    assert store.between("a", NOW, NOW + 1) == expected
    assert [told[0].with_(told[1])] == expected


def kept(store: ScoreMinuteStore) -> list[int]:
    return [each.minute for each in store.between("a", 0, NOW * 2)]


def test_what_is_too_old_goes_and_what_lies_ahead_stays(store: ScoreMinuteStore) -> None:
    oldest = NOW - KEPT_DAYS * MINUTES_A_DAY
    store.merge([of(minute, 0.5) for minute in (oldest - 1, oldest, NOW, NOW + 2 * MINUTES_A_DAY)])
    store.prune(NOW)
    assert kept(store) == [oldest, NOW, NOW + 2 * MINUTES_A_DAY]


@pytest.mark.parametrize("wrong", [0, NOW + 31 * MINUTES_A_DAY, NOW * 10])
def test_a_clock_that_is_wrong_deletes_nothing(store: ScoreMinuteStore, wrong: int) -> None:
    month = [NOW - ago for ago in range(0, KEPT_DAYS * MINUTES_A_DAY, 60)]
    store.merge([of(minute, 0.5) for minute in month])
    store.prune(wrong)
    assert kept(store) == sorted(month)


def test_even_with_minutes_of_a_wrong_clock_a_pruning_deletes_little(store: ScoreMinuteStore) -> None:
    month = [NOW - ago for ago in range(0, KEPT_DAYS * MINUTES_A_DAY, 60)]
    ahead = NOW + 40 * MINUTES_A_DAY
    store.merge([of(minute, 0.5) for minute in [*month, ahead]])
    store.prune(ahead)
    assert kept(store) == [minute for minute in sorted(month) if minute >= min(month) + PRUNED_AT_ONCE] + [ahead]


def test_pruning_keeps_up_with_what_grows_old(store: ScoreMinuteStore) -> None:
    store.merge([of(minute, 0.5) for minute in range(0, 1000, 10)])
    store.merge([of(NOW, 0.5)])
    for _ in range(1000 // PRUNED_AT_ONCE + 1):
        store.prune(NOW)
    assert kept(store) == [NOW]


def test_a_streams_minutes_go_with_it(store: ScoreMinuteStore) -> None:
    store.merge([of(NOW, 0.5), of(NOW, 0.5, stream="b")])
    store.forget("a")
    assert store.between("a", 0, NOW * 2) == []
    assert store.between("b", 0, NOW * 2) == [of(NOW, 0.5, stream="b")]
