"""Where alert events go: Redis when it is configured, else this process's memory."""

from __future__ import annotations

from service.settings import Settings
from service.sinks.base import Bus, DeliveryFailed, DeliveryRefused
from service.sinks.memory import MemoryBus
from service.sinks.redis import RedisBus

__all__ = ["Bus", "DeliveryFailed", "DeliveryRefused", "MemoryBus", "RedisBus", "open_bus"]


def open_bus(settings: Settings) -> Bus:
    """The bus that the settings ask for. Its caller closes it.

    Raises:
        InvalidInput: ``invalid_redis_url``.
    """
    if settings.redis_url is None:
        return MemoryBus(settings.bus_maxlen)
    return RedisBus(settings.redis_url, settings.bus_maxlen)
