"""Alerts from scored frames to real HTTP servers that fail, hang, refuse and recover."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from service.contracts.alert import AlertEvent
from service.sinks import webhook as module
from support.alerts import wait_until
from support.house import House
from support.webhook import Answer, WebhookServer


def sink(house: House, index: int = 1) -> str:
    """The name of a webhook: the main sink comes first."""
    return house.sinks[index].name


def test_a_server_that_fails_at_first_gets_each_event_once_in_the_end(tmp_path: Path) -> None:
    with (
        WebhookServer(lambda before, _: 503 if before < 2 else 204) as server,
        House(tmp_path, webhook_urls=[SecretStr(server.url())]) as house,
    ):
        alert_id = house.incident()
        wait_until(lambda: len(server.events) == 2)
        assert [AlertEvent.model_validate(event).event for event in server.events] == ["opened", "closed"]
        assert server.keys == [f"{alert_id}-1"] * 3 + [f"{alert_id}-2"]
        wait_until(lambda: house.metric("outbox_depth", sink=sink(house)) == 0)
        assert house.metric("deliveries_total", sink=sink(house), outcome="failed") == 2
        wait_until(lambda: house.metric("deliveries_total", sink=sink(house), outcome="delivered") == 2)


def test_a_server_that_hangs_slows_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ANSWER_S", 6.0)
    with WebhookServer(lambda *_: None) as hanging, WebhookServer() as healthy:
        urls = [SecretStr(hanging.url()), SecretStr(healthy.url())]
        with House(tmp_path, webhook_urls=urls) as house:
            house.incident()
            wait_until(lambda: len(healthy.events) == 2)
            assert house.metric("deliveries_total", sink=sink(house), outcome="failed") == 0
            wait_until(lambda: house.metric("deliveries_total", sink=sink(house, 2), outcome="delivered") == 2)
            wait_until(lambda: house.metric("deliveries_total", sink=sink(house), outcome="failed") == 1)
            assert hanging.events == []
            hanging.answer = lambda *_: 200
            wait_until(lambda: len(hanging.events) == 2)


@pytest.mark.parametrize("status", [401, 403, 404, 410, 429, 502])
def test_a_receiver_that_is_not_ready_for_a_while_hears_of_each_alert_from_its_opening_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    with (
        WebhookServer(lambda *_: status) as server,
        House(tmp_path, webhook_urls=[SecretStr(server.url("/hook/s3cret", "user:pa55@"))]) as house,
    ):
        alert_id = house.incident()
        wait_until(lambda: house.metric("deliveries_total", sink=sink(house), outcome="failed") >= 3)
        assert house.metric("sink_failing", sink=sink(house)) == 1
        server.answer = lambda *_: 204
        wait_until(lambda: len(server.events) == 2)
        assert [(event["id"], event["event"]) for event in server.events] == [
            (f"{alert_id}-1", "opened"),
            (f"{alert_id}-2", "closed"),
        ]
        wait_until(lambda: house.metric("outbox_depth", sink=sink(house)) == 0)
        assert caplog.text.count(f"{sink(house)} does not take alert events") == 1
        wait_until(lambda: "takes events again" in caplog.text)
        assert not any(secret in caplog.text + sink(house) for secret in ("s3cret", "pa55"))


def test_an_event_that_a_server_chokes_on_lets_others_pass(tmp_path: Path) -> None:
    choked: set[str] = {"yard"}

    def answer(_: int, event: dict[str, Any]) -> Answer:
        return 500 if event["alert"]["stream_id"] in choked else 204

    with WebhookServer(answer) as server, House(tmp_path, webhook_urls=[SecretStr(server.url())]) as house:
        poison = house.incident("yard")
        wait_until(lambda: server.keys == [f"{poison}-1"])
        other = house.incident("gate")
        wait_until(lambda: len(server.events) == 2)
        assert [event["id"] for event in server.events] == [f"{other}-1", f"{other}-2"]
        choked.clear()
        wait_until(lambda: len(server.events) == 4)
        assert [event["id"] for event in server.events[2:]] == [f"{poison}-1", f"{poison}-2"]
