"""The sink over Redis (or Valkey): a capped stream for replay, and a channel for those who listen now."""

from __future__ import annotations

import re
import time

import redis
from pydantic import SecretStr
from redis.backoff import NoBackoff
from redis.retry import Retry
from redis.typing import EncodableT, FieldT

from service.contracts.alert import AlertEvent
from service.errors import INVALID_REDIS_URL, InvalidInput
from service.sinks.base import DeliveryFailed

STREAM = "watchword:alerts"
"""Redis stream with every event: fields ``id``, ``event``, ``at`` and ``alert`` (JSON)."""

CHANNEL = "watchword:alerts:live"
"""Channel on which each event is published as one JSON object with the same four."""

TIMEOUT_S = 5.0
"""Longest wait for a connection or an answer; a healthy server answers in a millisecond."""

FRESH_S = 60.0
"""A connection that is older is made anew for the next event: after a change of DNS the server behind the old one may
go on taking what nobody reads any more. One handshake a minute is nothing to either side."""

_TROUBLES: tuple[tuple[type[Exception], str], ...] = (
    (redis.exceptions.ReadOnlyError, "is a replica that takes no writes, as after a failover"),
    (redis.exceptions.BusyLoadingError, "is loading its data"),
    (redis.exceptions.AuthenticationError, "does not accept these credentials"),
    (redis.exceptions.NoPermissionError, "does not permit this user what is needed"),
    (redis.exceptions.ClusterDownError, "says that its cluster is down"),
    (redis.exceptions.MovedError, "is one node of a cluster and not the one with the alerts; name that, or a proxy"),
    (redis.exceptions.OutOfMemoryError, "has no memory left"),
    (redis.exceptions.TimeoutError, "does not answer"),
    (redis.exceptions.ConnectionError, "cannot be reached"),
    (redis.exceptions.ResponseError, "refuses the event"),
)
"""What an error says of the server, the more special first."""

_OF_A_PIPELINE = re.compile(r"^Command # \d+ \(.*\) of pipeline caused error: ", re.DOTALL)
"""What the client puts before the server's words: with the command, and so with the whole alert."""


class RedisSink:
    """Adds each event to the stream and publishes it, both or neither.

    An event is delivered at least once: when the connection breaks between the server's work and its answer,
    the next attempt repeats it under the same id.
    """

    name = "redis"

    def __init__(self, url: SecretStr, maxlen: int) -> None:
        """Connects with the first event, and anew, the host's name looked up again, after any failure.

        Args:
            url: ``redis://``, ``rediss://`` or ``unix://``, with credentials if the server wants some.
            maxlen: Events kept in the stream, about.

        Raises:
            InvalidInput: ``invalid_redis_url``.
        """
        self._maxlen = maxlen
        self._url = url
        self._connected_at = time.monotonic()
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
        if time.monotonic() - self._connected_at > FRESH_S:
            self._disconnect()
        alert = event.alert.model_dump_json()
        at = "" if event.at is None else event.at.isoformat()
        fields: dict[FieldT, EncodableT] = {"id": event.id, "event": event.event, "at": at, "alert": alert}
        try:
            with self._redis.pipeline(transaction=True) as pipeline:
                pipeline.xadd(STREAM, fields, maxlen=self._maxlen, approximate=True)
                pipeline.publish(CHANNEL, event.model_dump_json())
                pipeline.execute()
        except (redis.RedisError, OSError) as error:
            # Whatever it is: the server that this connection leads to may be the wrong one by now.
            self._disconnect()
            raise DeliveryFailed(self._why(error)) from None

    def close(self) -> None:
        """Close the connection. Idempotent."""
        self._redis.close()

    def _disconnect(self) -> None:
        self._redis.connection_pool.disconnect()
        self._connected_at = time.monotonic()

    def _why(self, error: Exception) -> str:
        place = self._redis.get_connection_kwargs()
        server = place.get("path") or f"{place.get('host', 'localhost')}:{place.get('port', 6379)}"
        trouble = next((words for kind, words in _TROUBLES if isinstance(error, kind)), "cannot be used")
        said = _OF_A_PIPELINE.sub("", self._without_password(str(error))).rstrip(".")
        return f"Redis at {server} {trouble} ({said})."

    def _without_password(self, text: str) -> str:
        password = self._redis.get_connection_kwargs().get("password")
        return text.replace(password, "***") if password else text
