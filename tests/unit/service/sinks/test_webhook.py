from __future__ import annotations

import logging
import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from pydantic import SecretStr

from service.contracts.alert import AlertEvent
from service.errors import InvalidInput
from service.sinks import DeliveryFailed, DeliveryRefused
from service.sinks import webhook as module
from service.sinks.webhook import Webhook
from support.alerts import make_alert
from support.certificates import write_certificate
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
    ((404, {"Retry-After": "7"}), DeliveryFailed, 7.0),
    ((429, {"Retry-After": "Wed, 21 Oct 2020 07:28:00 GMT"}), DeliveryFailed, 0.0),
    ((429, {"Retry-After": "soon"}), DeliveryFailed, None),
    (408, DeliveryFailed, None),
    (429, DeliveryFailed, None),
    (401, DeliveryFailed, None),
    (403, DeliveryFailed, None),
    (404, DeliveryFailed, None),
    (405, DeliveryFailed, None),
    (410, DeliveryFailed, None),
    ((301, {"Location": "/elsewhere"}), DeliveryFailed, None),
    ((307, {"Location": "/elsewhere"}), DeliveryFailed, None),
    (400, DeliveryRefused, None),
    (413, DeliveryRefused, None),
    (422, DeliveryRefused, None),
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
            assert type(caught.value) is error
            assert isinstance(caught.value, DeliveryFailed)
            assert caught.value.retry_after == retry_after
        webhook.close()
        assert len(server.paths) == 1, "redirects are not followed, and nothing is repeated here"


def test_a_moment_to_come_back_at_is_so_many_seconds_from_now() -> None:
    moment = format_datetime(datetime.now(UTC) + timedelta(minutes=5), usegmt=True)
    with WebhookServer(lambda *_: (503, {"Retry-After": moment})) as server:
        webhook = Webhook(SecretStr(server.url()))
        with pytest.raises(DeliveryFailed, match=r"answered 503 Service Unavailable\.") as caught:
            webhook.publish(EVENT)
        webhook.close()
    assert caught.value.retry_after is not None
    assert 200 < caught.value.retry_after <= 300


def test_after_a_failure_the_name_is_looked_up_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection of the first answer is kept alive; the receiver has moved meanwhile."""
    with WebhookServer(lambda *_: 404) as old, WebhookServer() as new:
        leads_to = [old.port]
        real = socket.getaddrinfo
        monkeypatch.setattr(
            socket, "getaddrinfo", lambda _host, _port, *rest, **named: real("127.0.0.1", leads_to[0], *rest, **named)
        )
        webhook = Webhook(SecretStr("http://receiver.example/hook"))
        with pytest.raises(DeliveryFailed, match=r"http://receiver\.example answered 404 Not Found"):
            webhook.publish(EVENT)
        leads_to[0] = new.port
        webhook.publish(EVENT)
        webhook.close()
    assert [event["id"] for event in new.events] == ["a-1"]


def test_a_certificate_that_is_not_trusted_is_named(tmp_path: Path) -> None:
    with WebhookServer() as server:
        server.speak_tls(write_certificate(tmp_path, "127.0.0.1"))
        webhook = Webhook(SecretStr(f"https://user:pa55@127.0.0.1:{server.port}/s3cret"))
        expected = (
            rf"^The certificate of https://127\.0\.0\.1:{server.port} is not trusted: self-signed certificate\. "
            ".*SSL_CERT_FILE"
        )
        with pytest.raises(DeliveryFailed, match=expected) as caught:
            webhook.publish(EVENT)
        webhook.close()
    assert not any(secret in str(caught.value) for secret in ("pa55", "s3cret"))


def test_a_certificate_for_another_host_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pem = write_certificate(tmp_path, "elsewhere.example")
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    with WebhookServer() as server:
        server.speak_tls(pem)
        webhook = Webhook(SecretStr(f"https://127.0.0.1:{server.port}/"))
        with pytest.raises(DeliveryFailed, match=r"is not trusted: .*not valid for '127\.0\.0\.1'"):
            webhook.publish(EVENT)
        webhook.close()


def test_a_certificate_whose_issuer_is_named_in_the_environment_is_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pem = write_certificate(tmp_path, "127.0.0.1")
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    with WebhookServer() as server:
        server.speak_tls(pem)
        webhook = Webhook(SecretStr(f"https://127.0.0.1:{server.port}/"))
        webhook.publish(EVENT)
        webhook.close()
    assert len(server.events) == 1


def test_a_receiver_without_tls_is_told_of() -> None:
    with WebhookServer() as server:
        webhook = Webhook(SecretStr(f"https://127.0.0.1:{server.port}/"))
        with pytest.raises(DeliveryFailed, match=rf"https://127\.0\.0\.1:{server.port} does not speak TLS as expected"):
            webhook.publish(EVENT)
        webhook.close()


def test_a_host_that_nobody_knows_is_told_of() -> None:
    webhook = Webhook(SecretStr("http://no-such-host.invalid/s3cret"))
    with pytest.raises(DeliveryFailed, match=r"The host of http://no-such-host\.invalid cannot be found"):
        webhook.publish(EVENT)
    webhook.close()


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
        with pytest.raises(DeliveryFailed, match=r"gave no answer within 0\.2 s"):
            webhook.publish(EVENT)
        webhook.close()


@pytest.mark.parametrize("tls", [False, True])
def test_a_server_that_drips_its_answer_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, tls: bool
) -> None:
    """Each byte comes within the limit of a single wait; the second POST is over the connection of the first."""
    pem = write_certificate(tmp_path, "127.0.0.1")
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    gone = threading.Event()

    def drip(listener: socket.socket) -> None:
        plain, _ = listener.accept()
        with context.wrap_socket(plain, server_side=True) if tls else plain as connection:
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
            while not gone.wait(0.05):
                try:
                    connection.sendall(b"x")
                except OSError:
                    gone.set()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=drip, args=(listener,), daemon=True)
        thread.start()
        port = listener.getsockname()[1]
        webhook = Webhook(SecretStr(f"{'https' if tls else 'http'}://127.0.0.1:{port}/s3cret"))
        webhook.publish(EVENT)
        monkeypatch.setattr(module, "POST_S", 1.0)
        with pytest.raises(DeliveryFailed, match=rf"127\.0\.0\.1:{port} gave no whole answer within 1 s\."):
            webhook.publish(EVENT)
        webhook.close()
        gone.wait(30)
        thread.join(30)


def test_nobody_there() -> None:
    webhook = Webhook(SecretStr(f"http://user:pa55@127.0.0.1:{free_port()}/s3cret"))
    with pytest.raises(DeliveryFailed, match=r"http://127\.0\.0\.1:\d+ refused the connection\.") as caught:
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
