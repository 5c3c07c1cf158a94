"""Which sinks the settings ask for."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from service.settings import Settings
from service.sinks import MemoryBus, RedisBus, open_bus, open_sinks


def test_the_settings_choose_the_bus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert isinstance(open_bus(Settings()), MemoryBus)
    monkeypatch.setenv("WATCHWORD_REDIS_URL", "redis://localhost:6379/0")
    bus = open_bus(Settings())
    assert isinstance(bus, RedisBus)
    bus.close()


def test_each_different_webhook_is_a_sink_beside_the_bus(tmp_path: Path) -> None:
    urls = [SecretStr("http://one.example/a"), SecretStr("http://two.example/"), SecretStr("http://one.example/a")]
    sinks = open_sinks(Settings(data_dir=tmp_path, webhook_urls=urls))
    assert [sink.name.rsplit(":", 1)[0] for sink in sinks] == ["memory", "webhook:one.example", "webhook:two.example"]
    for sink in sinks:
        sink.close()
