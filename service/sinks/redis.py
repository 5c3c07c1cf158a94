"""The sink over Redis (or Valkey): a capped stream for replay, and a channel for those who listen now."""

from __future__ import annotations

import redis
from pydantic import SecretStr
from redis.backoff import NoBackoff
from redis.retry import Retry
from redis.typing import EncodableT, FieldT

from service.contracts.alert import AlertEvent
from service.errors import INVALID_REDIS_URL, InvalidInput
from service.sinks.base import DeliveryFailed

STREAM = "watchword:alerts"
"""Redis stream with every event: fields ``id``, ``event`` and ``alert`` (JSON)."""

CHANNEL = "watchword:alerts:live"
"""Channel on which each event is published as one JSON object with the same three."""

TIMEOUT_S = 5.0
"""Longest wait for a connection or an answer; a healthy server answers in a millisecond."""


class RedisSink:
    """Adds each event to the stream and publishes it, both or neither.

    An event is delivered at least once: when the connection breaks between the server's work and its answer,
    the next attempt repeats it under the same id.
    """

    name = "redis"

    def __init__(self, url: SecretStr, maxlen: int) -> None:
        """Connects with the first event, and anew after any failure.

        Args:
            url: ``redis://``, ``rediss://`` or ``unix://``, with credentials if the server wants some.
            maxlen: Events kept in the stream, about.

        Raises:
            InvalidInput: ``invalid_redis_url``.
        """
        self._maxlen = maxlen
        self._url = url
        try:
            # No retries within the client: the outbox paces them, and the client's own would block a close.
            self._redis = redis.Redis.from_url(
                url.get_secret_value(),
                socket_timeout=TIMEOUT_S,
                socket_connect_timeout=TIMEOUT_S,
                retry=Retry(NoBackoff(), 0),
            )
        except (ValueError, TypeError):
            # The client's own message may repeat a part of the URL, and with it the password.
            msg = "expected a Redis URL such as redis://:PASSWORD@HOST:6379/0, got one that cannot be read"
            raise InvalidInput(INVALID_REDIS_URL, msg) from None

    def publish(self, event: AlertEvent) -> None:
        """Add an event to the stream and tell the channel, in one MULTI.

        Raises:
            DeliveryFailed: If the server did not confirm both.
        """
        alert = event.alert.model_dump_json()
        fields: dict[FieldT, EncodableT] = {"id": event.id, "event": event.event, "alert": alert}
        try:
            with self._redis.pipeline(transaction=True) as pipeline:
                pipeline.xadd(STREAM, fields, maxlen=self._maxlen, approximate=True)
                pipeline.publish(CHANNEL, event.model_dump_json())
                pipeline.execute()
        except (redis.RedisError, OSError) as error:
            raise DeliveryFailed(f"{type(error).__name__}: {self._without_password(str(error))}") from None

    def close(self) -> None:
        """Close the connection. Idempotent."""
        self._redis.close()

    def _without_password(self, text: str) -> str:
        password = self._redis.get_connection_kwargs().get("password")
        return text.replace(password, "***") if password else text
