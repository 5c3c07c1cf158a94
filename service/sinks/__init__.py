"""Where alert events go: Redis when it is configured, else this process's memory; and every webhook."""

from __future__ import annotations

from service.settings import Settings
from service.sinks.base import Bus, DeliveryFailed, DeliveryRefused
from service.sinks.memory import MemoryBus
from service.sinks.redis import RedisBus
from service.sinks.webhook import Webhook

__all__ = ["Bus", "DeliveryFailed", "DeliveryRefused", "MemoryBus", "RedisBus", "Webhook", "open_bus", "open_sinks"]


def open_bus(settings: Settings) -> Bus:
    """The bus that the settings ask for. Its caller closes it.

    Raises:
        InvalidInput: ``invalid_redis_url``.
    """
    if settings.redis_url is None:
        return MemoryBus(settings.bus_maxlen)
    return RedisBus(settings.redis_url, settings.bus_maxlen)


def open_sinks(settings: Settings) -> tuple[Bus, ...]:
    """All sinks that the settings ask for: the bus, and one for each different webhook. Their caller closes them.

    Raises:
        InvalidInput: ``invalid_redis_url`` or ``invalid_webhook_url``.
    """
    webhooks = {webhook.name: webhook for webhook in map(Webhook, settings.webhook_urls)}
    return (open_bus(settings), *webhooks.values())
