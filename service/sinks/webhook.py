"""Alert events by HTTP POST."""

from __future__ import annotations

import hashlib
import logging
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

import httpx
from pydantic import SecretStr

from service.contracts.alert import AlertEvent
from service.errors import INVALID_WEBHOOK_URL, InvalidInput
from service.sinks.base import DeliveryFailed, DeliveryRefused

CONNECT_S, ANSWER_S = 3.0, 5.0
"""Longest wait for a connection and for each part of an answer."""

POST_S = 10.0
"""Longest that connection, sending and answer take together: a receiver that drips a byte a second keeps within the
others for hours. What both others allow, and two seconds to send in."""

_OF_THE_EVENT = frozenset({400, 406, 409, 411, 413, 415, 422, 431})
"""Answers that speak of what was sent. All others speak of the receiver, its proxy or its settings: a proxy answers 404
while the receiver behind it restarts, and 401 or 403 while it is being set up."""


class Webhook:
    """One URL that gets every event as the JSON of an `AlertEvent`.

    The header ``Idempotency-Key`` is the event's id, the same in every repetition. Redirects are not followed:
    a POST that turns into a GET elsewhere is not a delivery. An answer's body is not read.
    """

    def __init__(self, url: SecretStr) -> None:
        """Connects with the first event, and anew, the host's name looked up again, after any failure.

        Raises:
            InvalidInput: ``invalid_webhook_url``.
        """
        try:
            parsed = httpx.URL(url.get_secret_value())
        except httpx.InvalidURL:
            parsed = httpx.URL("")
        if parsed.scheme not in {"http", "https"} or not parsed.host:
            msg = "expected a webhook URL such as https://HOST/PATH, got one that cannot be read"
            raise InvalidInput(INVALID_WEBHOOK_URL, msg)
        # The client logs every URL it asks for, and a webhook's path or query is often its password.
        logging.getLogger("httpx").setLevel(logging.WARNING)
        digest = hashlib.sha256(url.get_secret_value().encode()).hexdigest()[:8]
        self.name = f"webhook:{parsed.host}:{digest}"
        self._url = parsed
        # All of the URL that may be shown.
        self._origin = f"{parsed.scheme}://{parsed.netloc.decode('ascii').rpartition('@')[2]}"
        self._client: httpx.Client | None = None
        self._line = _Line()
        self._closed = False

    def publish(self, event: AlertEvent) -> None:
        """POST one event.

        Raises:
            DeliveryFailed: If no answer came, or one that is not 2xx.
            DeliveryRefused: If the answer says that the event itself is wrong.
        """
        try:
            self._post(event)
        except DeliveryFailed:
            self._disconnect()
            raise

    def close(self) -> None:
        """Close the connection. Idempotent."""
        self._closed = True
        self._disconnect()

    def _post(self, event: AlertEvent) -> None:
        headers = {"Content-Type": "application/json", "Idempotency-Key": event.id}
        client, content = self._connected(), event.model_dump_json()
        noting = {"trace": self._line.note}
        try:
            with (
                self._line.until(time.monotonic() + POST_S),
                client.stream("POST", self._url, content=content, headers=headers, extensions=noting) as answer,
            ):
                status, retry_after = answer.status_code, answer.headers.get("Retry-After", "")
        except httpx.TransportError as error:
            if self._line.is_cut:
                raise DeliveryFailed(f"{self._origin} gave no whole answer within {POST_S:g} s.") from None
            raise DeliveryFailed(_why(error, self._origin)) from None
        if 200 <= status < 300:
            return
        kind = DeliveryRefused if status in _OF_THE_EVENT else DeliveryFailed
        raise kind(f"{self._origin} answered {_named(status)}.", _seconds(retry_after))

    def _connected(self) -> httpx.Client:
        if self._closed:
            raise DeliveryFailed(f"The connection to {self._origin} is closed.")
        if self._client is None:
            timeout = httpx.Timeout(ANSWER_S, connect=CONNECT_S)
            self._client = httpx.Client(timeout=timeout, follow_redirects=False)
        return self._client

    def _disconnect(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()


class _Line:
    """The connection of the one POST under way, cut when its time is up: the client knows no limit of the whole."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self.is_cut = False

    @contextmanager
    def until(self, deadline: float) -> Iterator[None]:
        """Cut it at a moment of the monotonic clock, unless the block has ended by then."""
        self.is_cut = False
        timer = threading.Timer(deadline - time.monotonic(), self._cut)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            timer.join()

    def note(self, event: str, info: Mapping[str, Any]) -> None:
        """Take what the client traces: the socket of a new connection, which a later POST may use again."""
        if event not in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            return
        with self._lock:
            self._socket = info["return_value"].get_extra_info("socket")
        if self.is_cut:
            self._cut()

    def _cut(self) -> None:
        with self._lock:
            self.is_cut = True
            if self._socket is not None:
                with suppress(OSError):  # it may be closed already
                    # Not the TLS socket's own way, which would change it under the thread that reads.
                    socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


def _named(status: int) -> str:
    """A status with its name, if it has one."""
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def _seconds(retry_after: str) -> float | None:
    """What ``Retry-After`` asks for: seconds, or a moment; None if it says nothing that can be read."""
    if retry_after.isdecimal():
        return float(retry_after)
    try:
        moment = parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    left = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - datetime.now(UTC)
    return max(0.0, left.total_seconds())


def _why(error: httpx.TransportError, origin: str) -> str:
    """Why no answer came, in a sentence."""
    known = (said for cause in _causes(error) if (said := _trouble(cause, origin)) is not None)
    return next(known, f"{origin} gave no answer: the connection failed ({type(error).__name__}).")


def _trouble(cause: BaseException, origin: str) -> str | None:
    said: str | None = None
    match cause:
        case ssl.SSLCertVerificationError():
            said = (
                f"The certificate of {origin} is not trusted: {cause.verify_message.rstrip('.')}. "
                "Give the receiver one that is, or name the file of its issuer's certificate in SSL_CERT_FILE."
            )
        case ssl.SSLError():
            said = f"{origin} does not speak TLS as expected ({cause.reason or cause})."
        case socket.gaierror():
            said = f"The host of {origin} cannot be found ({cause.strerror})."
        case ConnectionRefusedError():
            said = f"{origin} refused the connection."
        case httpx.ConnectTimeout():
            said = f"{origin} could not be reached within {CONNECT_S:g} s."
        case httpx.TimeoutException():
            said = f"{origin} gave no answer within {ANSWER_S:g} s."
    return said


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error's causes, the first one first: the client wraps each in one of its own."""
    chain: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and link not in chain:
        chain.append(link)
        link = link.__cause__ or link.__context__
    return reversed(chain)
