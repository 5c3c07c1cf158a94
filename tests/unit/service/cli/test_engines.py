from __future__ import annotations

from service.cli import engines
from service.cli.engines import open_engines
from service.settings import Settings
from support import fake_tensorrt


def test_what_builds_engines_is_found_by_entry_point(tmp_path, monkeypatch):
    fake_tensorrt.install(monkeypatch)
    queue, said = open_engines(Settings(data_dir=tmp_path, tensorrt="fp32"))
    assert said.endswith("on Fake GPU, products of float32 in fp32")
    assert queue is not None
    queue.close()


def test_without_a_builder_there_is_none(tmp_path, monkeypatch):
    fake_tensorrt.install(monkeypatch)
    monkeypatch.setattr(engines, "BUILDERS", "watchword.nothing")
    assert open_engines(Settings(data_dir=tmp_path)) == (None, "not installed")
    assert open_engines(Settings(data_dir=tmp_path, tensorrt="off")) == (None, "off (WATCHWORD_TENSORRT)")
