"""Alerts from scored frames to a real Redis-compatible server, in good times and bad."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pydantic import SecretStr

from service.contracts.alert import Alert
from service.sinks.redis import CHANNEL, STREAM
from support.alerts import wait_until
from support.house import UNUSUAL, House
from support.valkey import PASSWORD, Valkey, valkey

__all__ = ["valkey"]


def in_stream(server: Valkey) -> list[str]:
    with server.client() as client:
        return [fields["id"] for _, fields in client.xrange(STREAM)]


@contextmanager
def listening(server: Valkey) -> Iterator[list[str]]:
    """Ids of the events that a subscriber hears."""
    heard: list[str] = []
    stop, ready = threading.Event(), threading.Event()

    def listen() -> None:
        with server.client() as client, client.pubsub() as channel:
            channel.subscribe(CHANNEL)
            while not stop.is_set():
                message = channel.get_message(timeout=0.05)
                if message is None:
                    continue
                if message["type"] == "subscribe":
                    ready.set()
                else:
                    heard.append(json.loads(message["data"])["id"])

    thread = threading.Thread(target=listen)
    thread.start()
    assert ready.wait(60)
    try:
        yield heard
    finally:
        stop.set()
        thread.join()


def test_a_healthy_run_tells_each_event_once(valkey: Valkey, tmp_path: Path) -> None:
    with listening(valkey) as heard, House(tmp_path, redis_url=SecretStr(valkey.url)) as house:
        alerts = []
        for number in range(5):
            alerts.append(house.incident(f"yard-{number}"))
            wait_until(lambda: house.metric("deliveries_total", sink="redis", outcome="delivered") == 2 * len(alerts))
        wait_until(lambda: len(heard) == 10)
        expected = [f"{alert_id}-{revision}" for alert_id in alerts for revision in (1, 2)]
        assert in_stream(valkey) == heard == expected
        with valkey.client() as client:
            closing = client.xrange(STREAM)[-1][1]
        assert Alert.model_validate_json(closing["alert"]) == house.store.get(alerts[-1])
        wait_until(lambda: house.metric("outbox_depth", sink="redis") == 0)
        assert house.metric("deliveries_total", sink="redis", outcome="failed") == 0


def test_a_server_that_is_down_at_the_start_gets_everything_later(tmp_path: Path) -> None:
    with Valkey(tmp_path, PASSWORD) as server, House(tmp_path, redis_url=SecretStr(server.url)) as house:
        alert_id = house.incident()
        wait_until(lambda: house.metric("deliveries_total", sink="redis", outcome="failed") >= 1)
        assert house.store.get(alert_id).message
        server.start()
        wait_until(lambda: house.metric("outbox_depth", sink="redis") == 0)
        assert in_stream(server) == [f"{alert_id}-1", f"{alert_id}-2"]


def test_a_server_that_is_killed_now_and_then_misses_nothing(
    valkey: Valkey, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with House(tmp_path, redis_url=SecretStr(valkey.url)) as house:
        alerts = []
        for stream in range(60):
            if stream in (20, 40):
                valkey.kill()
            if stream in (30, 50):
                valkey.start()
            alerts.append(house.incident(f"yard-{stream}"))
            wait_until(lambda: house.metric("outbox_depth", sink="store") == 0)
        wait_until(lambda: house.metric("outbox_depth", sink="redis") == 0)
        events = in_stream(valkey)
    first_seen = list(dict.fromkeys(events))
    assert sorted(first_seen) == sorted(f"{alert_id}-{revision}" for alert_id in alerts for revision in (1, 2))
    for alert_id in alerts:
        assert first_seen.index(f"{alert_id}-1") < first_seen.index(f"{alert_id}-2")
    assert PASSWORD not in caplog.text


def test_what_was_not_delivered_is_after_a_restart(tmp_path: Path) -> None:
    with Valkey(tmp_path, PASSWORD) as server:
        with House(tmp_path, redis_url=SecretStr(server.url)) as house:
            alert_id = house.watch(UNUSUAL, 1)
            wait_until(lambda: house.metric("deliveries_total", sink="redis", outcome="failed") >= 1)
        server.start()
        with House(tmp_path, redis_url=SecretStr(server.url)) as house:
            wait_until(lambda: len(in_stream(server)) == 2)
        assert in_stream(server) == [f"{alert_id}-1", f"{alert_id}-2"]
