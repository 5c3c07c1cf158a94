"""Which sinks the settings ask for."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from service.settings import Settings
from service.sinks import MemorySink, RedisSink, open_main_sink, open_sinks


def test_the_settings_choose_the_main_sink(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert isinstance(open_main_sink(Settings()), MemorySink)
    monkeypatch.setenv("WATCHWORD_REDIS_URL", "redis://localhost:6379/0")
    sink = open_main_sink(Settings())
    assert isinstance(sink, RedisSink)
    sink.close()


def test_each_different_webhook_is_a_sink_beside_the_main_one(tmp_path: Path) -> None:
    urls = [SecretStr("http://one.example/a"), SecretStr("http://two.example/"), SecretStr("http://one.example/a")]
    sinks = open_sinks(Settings(data_dir=tmp_path, webhook_urls=urls))
    assert [sink.name.rsplit(":", 1)[0] for sink in sinks] == ["memory", "webhook:one.example", "webhook:two.example"]
    for sink in sinks:
        sink.close()
