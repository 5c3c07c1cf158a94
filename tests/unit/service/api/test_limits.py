"""Limits of bodies, threads and live clients."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest
from starlette.exceptions import HTTPException

from service.api.limits import BodyLimit, Clients, Lane, within
from service.errors import MACHINE_FULL, TOO_MANY_PROBES, Overloaded
from service.metrics import Metrics


class Exchange:
    """One request through `BodyLimit`: what the application read and what the client was answered."""

    def __init__(self, chunks: list[bytes], declared: str | None = None, pause: float = 0.0) -> None:
        self.read = 0
        self.pulled = 0
        self.sent: list[Any] = []
        self._chunks = self._stream(chunks, pause)
        headers = [] if declared is None else [(b"content-length", declared.encode())]
        self._scope = {"type": "http", "method": "POST", "path": "/", "query_string": b"", "headers": headers}

    async def _stream(self, chunks: list[bytes], pause: float) -> AsyncIterator[dict[str, Any]]:
        for number, chunk in enumerate(chunks):
            await asyncio.sleep(pause)
            self.pulled += len(chunk)
            yield {"type": "http.request", "body": chunk, "more_body": number + 1 < len(chunks)}
        await asyncio.sleep(1)
        yield {"type": "http.disconnect"}

    async def run(self, most: int, timeout: float = 60.0) -> str | None:
        """Serve it; the type of the last message that the application received, None if it was not called."""
        last: str | None = None

        async def application(scope: Any, receive: Any, send: Any) -> None:
            nonlocal last
            while last != "http.disconnect":
                message = await receive()
                last = message["type"]
                self.read += len(message.get("body", b""))

        async def send(message: Any) -> None:
            self.sent.append(message)

        await BodyLimit(application, most, timeout)(self._scope, self._chunks.__anext__, send)
        return last

    @property
    def status(self) -> int | None:
        return self.sent[0]["status"] if self.sent else None


async def test_a_body_within_the_limit_passes_whole() -> None:
    exchange = Exchange([b"a" * 400, b"b" * 600], declared="1000")
    assert await exchange.run(most=1000) == "http.disconnect"
    assert exchange.read == 1000


async def test_a_declared_length_is_refused_before_a_byte_is_read() -> None:
    exchange = Exchange([b"a" * 1001], declared="1001")
    assert await exchange.run(most=1000) is None
    assert (exchange.status, exchange.pulled) == (413, 0)


@pytest.mark.parametrize("declared", [None, "10", "nonsense"])
async def test_what_is_not_declared_is_counted_and_reading_stops_at_the_limit(declared: str | None) -> None:
    exchange = Exchange([b"a" * 100] * 1000, declared)
    with pytest.raises(HTTPException) as caught:
        await exchange.run(most=1000)
    assert caught.value.status_code == 413
    assert exchange.pulled == 1100
    assert exchange.read == 1000


async def test_a_body_that_does_not_come_in_time_is_refused() -> None:
    exchange = Exchange([b"a"] * 100, pause=0.05)
    with pytest.raises(HTTPException) as caught:
        await exchange.run(most=1000, timeout=0.2)
    assert caught.value.status_code == 408
    assert "After 0.2 s only" in caught.value.detail


async def test_waiting_for_the_disconnect_may_take_longer_than_a_body() -> None:
    exchange = Exchange([b"a"])
    assert await exchange.run(most=1000, timeout=0.5) == "http.disconnect"


async def test_a_lane_runs_so_many_at_once_and_turns_away_who_would_wait_too_long() -> None:
    lane = Lane(threads=2, waiting=3, kind=TOO_MANY_PROBES, what="sources waiting to be tried", retry_after=5)
    running, most, go = 0, 0, threading.Event()
    lock = threading.Lock()

    def work(number: int) -> int:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        go.wait(60)
        with lock:
            running -= 1
        return number

    tasks = [asyncio.create_task(lane.run(work, number)) for number in range(5)]
    while running < 2:
        await asyncio.sleep(0.01)
    with pytest.raises(Overloaded) as caught:
        await lane.run(work, 99)
    assert (caught.value.code, caught.value.retry_after) == ("too_many_probes", 5)
    go.set()
    assert await asyncio.gather(*tasks) == list(range(5))
    assert most == 2
    assert await lane.run(work, 6) == 6


async def test_a_lane_passes_errors_on() -> None:
    lane = Lane(threads=1, waiting=1, kind=TOO_MANY_PROBES, what="b", retry_after=1)

    def fail() -> None:
        raise Overloaded(MACHINE_FULL, "d", 2)

    for _ in range(3):
        with pytest.raises(Overloaded, match="d"):
            await lane.run(fail)


def test_clients_are_counted_by_kind_and_bounded_together() -> None:
    metrics = Metrics()
    clients = Clients(2, metrics)

    def count(kind: str) -> float | None:
        return metrics.registry.get_sample_value("watchword_clients", {"kind": kind})

    with clients.admit("websocket"), clients.admit("mjpeg"):
        assert clients.full
        assert (count("websocket"), count("mjpeg")) == (1, 1)
        with pytest.raises(Overloaded) as caught, clients.admit("websocket"):
            pass
        assert caught.value.code == "too_many_clients"
    assert not clients.full
    assert (count("websocket"), count("mjpeg")) == (0, 0)


def test_a_client_that_fails_gives_its_place_back() -> None:
    clients = Clients(1, Metrics())
    for _ in range(3):
        with pytest.raises(ValueError, match="gone"), clients.admit("mjpeg"):
            raise ValueError("gone")


async def test_a_send_is_within_its_time_or_not() -> None:
    assert await within(60, asyncio.sleep(0)) is True
    assert await within(0.01, asyncio.sleep(60)) is False
