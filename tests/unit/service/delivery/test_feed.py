"""The score feed: what clients get, in what order, and what slow ones lose."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import Any

import pytest

from service.contracts.score import ScoreMessage
from service.contracts.stream import StreamState
from service.delivery.feed import HISTORY_BYTES, ScoreFeed, Subscription
from service.metrics import Metrics


def message(stream_id: str, seq: int, **fields: Any) -> ScoreMessage:
    values: dict[str, Any] = {
        "stream_id": stream_id,
        "seq": seq,
        "pts": seq / 10,
        "captured_at": 1.7e9 + seq / 10,
        "latency_ms": 20.0,
        "state": StreamState.LIVE,
        "score": 0.25,
        "raw_score": 0.25,
        "surprise": 1.5,
        "guided": False,
        "threshold": 0.5,
    }
    return ScoreMessage(**{**values, **fields})


def publish(feed: ScoreFeed, stream_id: str, seqs: range) -> None:
    for seq in seqs:
        feed.publish(message(stream_id, seq))


def seqs(messages: list[bytes]) -> list[int]:
    return [json.loads(each)["seq"] for each in messages]


async def take(subscription: Subscription, count: int) -> list[dict[str, Any]]:
    async with asyncio.timeout(60):
        return [json.loads(await anext(subscription)) for _ in range(count)]


def dropped(metrics: Metrics) -> float:
    return metrics.client_dropped.labels("websocket")._value.get()


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def feed(metrics: Metrics) -> ScoreFeed:
    return ScoreFeed(history=10, client_queue=4, metrics=metrics)


@pytest.mark.parametrize(
    ("after", "limit", "expected"),
    [
        (None, 3, [18, 19, 20]),
        (None, 100, list(range(11, 21))),
        (17, 100, [18, 19, 20]),
        (12, 3, [13, 14, 15]),
        (2, 3, [11, 12, 13]),  # what was after 2 is gone; the first that is left
        (20, 5, []),
        (9_000, 2, [19, 20]),  # a seq from before a restart
    ],
)
def test_history_is_the_newest_or_what_follows_a_message(
    feed: ScoreFeed, after: int | None, limit: int, expected: list[int]
) -> None:
    publish(feed, "a", range(1, 21))
    publish(feed, "b", range(1, 3))
    assert seqs(feed.history("a", after, limit)) == expected


def test_history_of_an_unknown_stream_is_empty(feed: ScoreFeed) -> None:
    assert feed.history("a", None, 5) == []


def test_history_holds_the_message_as_it_was(feed: ScoreFeed) -> None:
    sent = message("a", 1, score=None, state=StreamState.OFFLINE)
    feed.publish(sent)
    assert ScoreMessage.model_validate_json(feed.history("a", None, 1)[0]) == sent


def test_history_is_bounded_in_bytes_too(metrics: Metrics) -> None:
    feed = ScoreFeed(history=20_000, client_queue=4, metrics=metrics)
    fat = message("a", 0, heads={f"head{i:03}": 0.123456789012 for i in range(20_000)})
    size = len(fat.model_dump_json())
    for _ in range(HISTORY_BYTES // size + 10):
        feed.publish(fat)
    kept = feed.history("a", None, 20_000)
    assert len(kept) == HISTORY_BYTES // size
    assert sum(map(len, kept)) <= HISTORY_BYTES


async def test_a_client_begins_with_the_newest_message_and_then_gets_each(feed: ScoreFeed) -> None:
    publish(feed, "a", range(1, 6))
    async with feed.subscribe("a") as subscription:
        assert [each["seq"] for each in await take(subscription, 1)] == [5]
        publish(feed, "a", range(6, 9))
        publish(feed, "b", range(1, 3))
        assert [each["seq"] for each in await take(subscription, 3)] == [6, 7, 8]


async def test_a_client_of_all_begins_with_the_newest_of_each_and_gets_all_in_order(feed: ScoreFeed) -> None:
    publish(feed, "a", range(1, 3))
    publish(feed, "b", range(7, 9))
    async with feed.subscribe(None) as subscription:
        assert {(each["stream_id"], each["seq"]) for each in await take(subscription, 2)} == {("a", 2), ("b", 8)}
        feed.publish(message("b", 9))
        feed.publish(message("a", 3))
        feed.publish(message("new", 1))
        got = await take(subscription, 3)
        assert [(each["stream_id"], each["seq"]) for each in got] == [("b", 9), ("a", 3), ("new", 1)]


async def test_a_slow_client_loses_the_oldest_and_is_told(feed: ScoreFeed, metrics: Metrics) -> None:
    async with feed.subscribe("a") as slow, feed.subscribe("a") as quick:
        quick_got = []
        for seq in range(1, 11):
            feed.publish(message("a", seq))
            quick_got += await take(quick, 1)
        assert [each["seq"] for each in quick_got] == list(range(1, 11))
        assert await take(slow, 1) == [{"dropped": 6}]
        assert [each["seq"] for each in await take(slow, 4)] == [7, 8, 9, 10]
        assert dropped(metrics) == 6


async def test_a_slow_client_is_told_each_time(feed: ScoreFeed, metrics: Metrics) -> None:
    async with feed.subscribe("a") as slow:
        publish(feed, "a", range(1, 7))
        assert [each.get("dropped", each.get("seq")) for each in await take(slow, 2)] == [2, 3]
        publish(feed, "a", range(7, 10))
        assert [each.get("dropped", each.get("seq")) for each in await take(slow, 5)] == [2, 6, 7, 8, 9]
        assert dropped(metrics) == 4


async def test_a_client_may_fall_behind_by_the_bound_of_every_stream(feed: ScoreFeed) -> None:
    """One tick publishes a message of every stream at once: that alone must not overflow anyone."""
    streams = [f"s{i}" for i in range(50)]
    for stream in streams:
        feed.publish(message(stream, 1))
    async with feed.subscribe(None) as subscription:
        await take(subscription, 50)
        for seq in range(2, 6):
            for stream in streams:
                feed.publish(message(stream, seq))
        got = await take(subscription, 200)
        assert all("seq" in each for each in got)
        for stream in streams:
            feed.publish(message(stream, 6))
        for seq in range(7, 11):
            for stream in streams:
                feed.publish(message(stream, seq))
        assert await take(subscription, 1) == [{"dropped": 50}]


async def test_what_one_client_does_not_read_costs_no_memory(feed: ScoreFeed) -> None:
    async with feed.subscribe("a"), feed.subscribe(None):
        publish(feed, "a", range(1, 1000))
        assert len(feed.history("a", None, 1000)) == 10
        assert len(feed._all.entries) == 4


async def test_forgetting_a_stream_ends_its_clients_and_no_others(feed: ScoreFeed) -> None:
    publish(feed, "a", range(1, 2))
    publish(feed, "b", range(1, 2))

    async def follow(stream_id: str | None) -> int:
        async with feed.subscribe(stream_id) as subscription:
            return len([each async for each in subscription])

    of_a = asyncio.create_task(follow("a"))
    of_b = asyncio.create_task(follow("b"))
    of_all = asyncio.create_task(follow(None))
    await asyncio.sleep(0.05)
    feed.forget("a")
    assert await asyncio.wait_for(of_a, 60) == 1
    assert feed.history("a", None, 5) == []
    await asyncio.sleep(0.05)
    assert not of_b.done()
    assert not of_all.done()
    for task in (of_b, of_all):
        task.cancel()
    await asyncio.gather(of_b, of_all, return_exceptions=True)


async def test_forgetting_is_idempotent(feed: ScoreFeed) -> None:
    feed.forget("a")
    publish(feed, "a", range(1, 2))
    feed.forget("a")
    feed.forget("a")


async def test_clients_of_streams_that_never_spoke_leave_nothing_behind(feed: ScoreFeed) -> None:
    for i in range(100):
        async with feed.subscribe(f"s{i}"):
            pass
    assert feed._logs == {}


async def test_a_client_that_left_is_not_held(feed: ScoreFeed) -> None:
    publish(feed, "a", range(1, 2))
    for _ in range(10):
        async with feed.subscribe("a") as subscription:
            await take(subscription, 1)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.001):
                    await anext(subscription)
    log = feed._logs["a"]
    assert (log.subscribers, log.sleepers) == (0, set())


async def test_many_publishers_and_clients_lose_nothing_unsaid(metrics: Metrics) -> None:
    """Every client gets each stream's messages in order, and what it did not get it was told of."""
    feed = ScoreFeed(history=100, client_queue=16, metrics=metrics)
    count, streams = 300, ["a", "b", "c"]

    async def follow(pause: float) -> tuple[list[tuple[str, int]], int]:
        got: list[tuple[str, int]] = []
        lost = 0
        async with feed.subscribe(None) as subscription:
            while len(got) + lost < count * len(streams):
                each = json.loads(await anext(subscription))
                lost += each.get("dropped", 0)
                if "seq" in each:
                    got.append((each["stream_id"], each["seq"]))
                if pause:
                    await asyncio.sleep(pause)
        return got, lost

    clients = [asyncio.create_task(follow(pause)) for pause in (0, 0, 0.001, 0.002)]
    await asyncio.sleep(0.01)
    threads = [threading.Thread(target=publish, args=(feed, stream, range(1, count + 1))) for stream in streams]
    for thread in threads:
        thread.start()
    results = await asyncio.wait_for(asyncio.gather(*clients), 60)
    for thread in threads:
        thread.join()
    for got, lost in results:
        assert len(got) + lost == count * len(streams)
        for stream in streams:
            of_stream = [seq for each, seq in got if each == stream]
            assert of_stream == sorted(set(of_stream))
    assert dropped(metrics) == sum(lost for _, lost in results)


async def test_a_client_that_is_far_behind_lets_others_run(metrics: Metrics) -> None:
    feed = ScoreFeed(history=2000, client_queue=2000, metrics=metrics)
    async with feed.subscribe("a") as subscription:
        publish(feed, "a", range(1, 2001))
        turns = 0

        async def other() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        task = asyncio.create_task(other())
        await take(subscription, 2000)
        task.cancel()
        assert turns >= 20


def test_publishing_goes_on_after_the_event_loop_has_closed(feed: ScoreFeed) -> None:
    async def vanish() -> Subscription:
        subscription = feed.subscribe("a")
        await subscription.__aenter__()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await anext(subscription)
        return subscription

    asyncio.run(vanish())
    publish(feed, "a", range(1, 3))
    assert seqs(feed.history("a", None, 5)) == [1, 2]


async def test_a_second_event_loop_is_refused_while_the_first_has_clients(feed: ScoreFeed) -> None:
    async def enter() -> None:
        async with feed.subscribe("a"):
            pass

    async with feed.subscribe("a"):
        with pytest.raises(RuntimeError, match="one event loop"):
            await asyncio.to_thread(asyncio.run, enter())
    await asyncio.to_thread(asyncio.run, enter())
