"""Alert events by HTTP POST."""

from __future__ import annotations

import hashlib
import logging

import httpx
from pydantic import SecretStr

from service.contracts.alert import AlertEvent
from service.errors import INVALID_WEBHOOK_URL, InvalidInput
from service.sinks.base import DeliveryFailed, DeliveryRefused

CONNECT_S, ANSWER_S = 3.0, 5.0
"""Longest wait for a connection and for each part of an answer."""

_TRY_AGAIN = frozenset({408, 425, 429})
"""The client errors that say "not now" and not "never"."""


class Webhook:
    """One URL that gets every event as the JSON of an `AlertEvent`.

    The header ``Idempotency-Key`` is the event's id, the same in every repetition. Redirects are not followed:
    a POST that turns into a GET elsewhere is not a delivery. An answer's body is not read.
    """

    def __init__(self, url: SecretStr) -> None:
        """Connects with the first event.

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
        self._client = httpx.Client(timeout=httpx.Timeout(ANSWER_S, connect=CONNECT_S), follow_redirects=False)

    def publish(self, event: AlertEvent) -> None:
        """POST one event.

        Raises:
            DeliveryFailed: If no answer came, or one of 5xx, 408, 425 or 429.
            DeliveryRefused: If any other answer came that is not 2xx.
        """
        headers = {"Content-Type": "application/json", "Idempotency-Key": event.id}
        try:
            with self._client.stream("POST", self._url, content=event.model_dump_json(), headers=headers) as answer:
                status, retry_after = answer.status_code, answer.headers.get("Retry-After", "")
        except httpx.TransportError as error:
            raise DeliveryFailed(f"no answer ({type(error).__name__})") from None
        if 200 <= status < 300:
            return
        if status >= 500 or status in _TRY_AGAIN:
            raise DeliveryFailed(f"answered {status}", float(retry_after) if retry_after.isdecimal() else None)
        raise DeliveryRefused(f"answered {status}")

    def close(self) -> None:
        """Close the connection. Idempotent."""
        self._client.close()
