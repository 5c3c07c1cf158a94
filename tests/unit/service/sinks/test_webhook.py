from __future__ import annotations

import logging
import socket
import threading

import pytest
from pydantic import SecretStr

from service.contracts.alert import AlertEvent
from service.errors import InvalidInput
from service.sinks import DeliveryFailed, DeliveryRefused
from service.sinks import webhook as module
from service.sinks.webhook import Webhook
from support.alerts import make_alert
from support.ports import free_port
from support.webhook import Answer, WebhookServer

EVENT = AlertEvent(id="a-1", event="opened", alert=make_alert("a"))


def test_an_event_arrives_as_it_is() -> None:
    with WebhookServer() as server:
        webhook = Webhook(SecretStr(server.url("/hook?token=s3cret", "user:pa55@")))
        webhook.publish(EVENT)
        webhook.publish(EVENT)
        webhook.close()
        webhook.close()
    assert [AlertEvent.model_validate(event) for event in server.events] == [EVENT, EVENT]
    assert server.keys == ["a-1", "a-1"]
    assert server.paths == ["POST /hook?token=s3cret"] * 2
    assert server.authorizations == ["Basic dXNlcjpwYTU1"] * 2


ANSWERS: list[tuple[Answer, type[Exception] | None, float | None]] = [
    (200, None, None),
    (202, None, None),
    (299, None, None),
    (500, DeliveryFailed, None),
    (503, DeliveryFailed, None),
    ((503, {"Retry-After": "7"}), DeliveryFailed, 7.0),
    ((429, {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}), DeliveryFailed, None),
    (408, DeliveryFailed, None),
    (429, DeliveryFailed, None),
    (400, DeliveryRefused, None),
    (401, DeliveryRefused, None),
    (404, DeliveryRefused, None),
    (410, DeliveryRefused, None),
    ((301, {"Location": "/elsewhere"}), DeliveryRefused, None),
    ((307, {"Location": "/elsewhere"}), DeliveryRefused, None),
]


@pytest.mark.parametrize(("answer", "error", "retry_after"), ANSWERS)
def test_answers(answer: Answer, error: type[Exception] | None, retry_after: float | None) -> None:
    with WebhookServer(lambda *_: answer) as server:
        webhook = Webhook(SecretStr(server.url()))
        if error is None:
            webhook.publish(EVENT)
        else:
            with pytest.raises(error, match=r"answered \d+") as caught:
                webhook.publish(EVENT)
            assert getattr(caught.value, "retry_after", None) == retry_after
        webhook.close()
        assert len(server.paths) == 1, "redirects are not followed, and nothing is repeated here"


def test_an_endless_answer_is_not_read() -> None:
    def drip(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nx")
        connection.recv(1)
        connection.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=drip, args=(listener,))
        thread.start()
        webhook = Webhook(SecretStr(f"http://127.0.0.1:{listener.getsockname()[1]}/"))
        webhook.publish(EVENT)  # reading on would fail for want of an answer
        webhook.close()
        thread.join()


def test_a_server_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ANSWER_S", 0.2)
    with WebhookServer(lambda *_: None) as server:
        webhook = Webhook(SecretStr(server.url()))
        with pytest.raises(DeliveryFailed, match="no answer"):
            webhook.publish(EVENT)
        webhook.close()


def test_nobody_there() -> None:
    webhook = Webhook(SecretStr(f"http://user:pa55@127.0.0.1:{free_port()}/s3cret"))
    with pytest.raises(DeliveryFailed, match="no answer") as caught:
        webhook.publish(EVENT)
    webhook.close()
    assert not any(secret in str(caught.value) for secret in ("pa55", "s3cret"))


def test_a_name_tells_webhooks_apart_and_no_secrets() -> None:
    urls = [
        "https://user:pa55@hooks.example/s3cret",
        "https://user:pa55@hooks.example/s3cret2",
        "http://other.example/",
    ]
    hooks = [Webhook(SecretStr(url)) for url in urls]
    names = [hook.name for hook in hooks]
    assert len(set(names)) == 3
    assert names[0] == Webhook(SecretStr(urls[0])).name
    assert names[0].startswith("webhook:hooks.example:")
    assert not any(secret in "".join(names) for secret in ("pa55", "s3cret", "user"))


def test_the_client_logs_no_url(caplog: pytest.LogCaptureFixture) -> None:
    with WebhookServer() as server, caplog.at_level(logging.INFO):
        webhook = Webhook(SecretStr(server.url("/s3cret")))
        webhook.publish(EVENT)
        webhook.close()
    assert "s3cret" not in caplog.text


@pytest.mark.parametrize(
    "url", ["", "hooks.example/x", "ftp://hooks.example", "http://", "http://host:s3cret", "s3cret"]
)
def test_a_url_that_cannot_be_one_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput, match="expected a webhook URL") as caught:
        Webhook(SecretStr(url))
    assert caught.value.code == "invalid_webhook_url"
    assert "s3cret" not in str(caught.value)
