"""The interface of a sink: whatever takes alert events to those who want them."""

from __future__ import annotations

from typing import Protocol

from service.contracts.alert import AlertEvent


class DeliveryFailed(Exception):
    """An event did not arrive, and may if it is tried again.

    ``retry_after`` is how many seconds the other side asked to wait, if it did. The message carries no
    credentials: it is logged.
    """

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class DeliveryRefused(Exception):
    """The other side will never take this event. The message carries no credentials: it is logged."""


class Sink(Protocol):
    """One sink of alert events: Redis, this process's memory, a webhook. Used by one thread, closed by any.

    Attributes:
        name: Names the sink in metrics, logs and the outbox; the same after a restart, and without credentials.
    """

    name: str

    def publish(self, event: AlertEvent) -> None:
        """Deliver one event, within a bounded time.

        Raises:
            DeliveryFailed: If it may not have arrived.
            DeliveryRefused: If trying again makes no sense.
        """
        ...

    def close(self) -> None:
        """Free the connection. Idempotent."""
        ...
