"""Where alert events go: Redis when it is configured, else this process's memory; and every webhook."""

from __future__ import annotations

from service.settings import Settings
from service.sinks.base import DeliveryFailed, DeliveryRefused, Sink
from service.sinks.memory import MemorySink
from service.sinks.redis import RedisSink
from service.sinks.webhook import Webhook

__all__ = [
    "DeliveryFailed",
    "DeliveryRefused",
    "MemorySink",
    "RedisSink",
    "Sink",
    "Webhook",
    "open_main_sink",
    "open_sinks",
]


def open_main_sink(settings: Settings) -> Sink:
    """Redis, or this process's memory where the settings name none. Its caller closes it.

    Raises:
        InvalidInput: ``invalid_redis_url``.
    """
    if settings.redis_url is None:
        return MemorySink(settings.bus_maxlen)
    return RedisSink(settings.redis_url, settings.bus_maxlen)


def open_sinks(settings: Settings) -> tuple[Sink, ...]:
    """All sinks that the settings ask for: the main one, and one for each different webhook. Their caller closes them.

    Raises:
        InvalidInput: ``invalid_redis_url`` or ``invalid_webhook_url``.
    """
    webhooks = {webhook.name: webhook for webhook in map(Webhook, settings.webhook_urls)}
    return (open_main_sink(settings), *webhooks.values())
