"""The interface of a sink: whatever takes alert events to those who want them."""

from __future__ import annotations

from typing import Protocol

from service.contracts.alert import AlertEvent


class DeliveryFailed(Exception):
    """An event did not arrive, for a reason that says nothing of the event: the other side is away, or not ready.

    ``retry_after`` is how many seconds the other side asked to wait, if it did. The message is a sentence for an
    operator without a credential in it: it is logged.
    """

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class DeliveryRefused(DeliveryFailed):
    """The other side says that it does not take this very event. It may mean it, or be on its way to a new version."""


class Sink(Protocol):
    """One sink of alert events: Redis, this process's memory, a webhook. Used by one thread, closed by any.

    Attributes:
        name: Names the sink in metrics, logs and the outbox; the same after a restart, and without credentials.
    """

    name: str

    def publish(self, event: AlertEvent) -> None:
        """Deliver one event, within a bounded time. The next attempt after a failure uses a new connection.

        Raises:
            DeliveryFailed: If it may not have arrived.
            DeliveryRefused: If it is the event itself that the other side does not take.
        """
        ...

    def close(self) -> None:
        """Free the connection. Idempotent."""
        ...
