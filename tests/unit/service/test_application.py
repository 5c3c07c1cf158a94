from __future__ import annotations

import re
import threading
import time

import pytest

from export.tensorrt import EngineBuilder
from service.application import Application
from service.contracts.stream import StreamSpec
from service.engine.engine_queue import EngineQueue
from service.engine.session import BUCKETS
from service.engine.tensorrt import Engine
from service.errors import InvalidInput
from service.settings import Settings
from support import fake_tensorrt
from support.graphs import write_pack, yolox_answer


def wait_for(condition):
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.fixture
def settings(tmp_path):
    write_pack(tmp_path / "packs", "mine", yolox_answer([], [], []))
    return Settings(data_dir=tmp_path, packs_dir=tmp_path / "packs", encoder="none")


def test_says_how_far_engines_are_and_serves_meanwhile(settings, monkeypatch):
    world = fake_tensorrt.install(monkeypatch)
    going_on, half_way = threading.Event(), threading.Event()

    def during_step(step):
        if step == 4:
            half_way.set()
            going_on.wait(60)

    world.during_step = during_step
    builder = EngineBuilder(settings.engines_path, "Fake GPU", "9.0", BUCKETS)
    application = Application(settings, EngineQueue(builder, Engine))
    try:
        application.start()
        wait_for(lambda: application.readiness().ready)
        assert application.readiness().detail == "ready"
        application.streams.create(StreamSpec(name="a", url="rtsp://127.0.0.1:9/x", detector="mine"), probe=False)
        assert half_way.wait(60)
        readiness = application.readiness()
        assert readiness.ready
        # Beside the detector's graph, that of the text tower that reads rules.
        assert re.fullmatch(r"ready; building engine 1 of \d \((mine/graph|words/text)\.onnx, 50%\)", readiness.detail)
        going_on.set()
        wait_for(lambda: re.fullmatch(r"ready; (\d) of \1 engines ready", application.readiness().detail))
    finally:
        going_on.set()
        application.close()
    assert not world.allocated


def test_closing_ends_a_build_in_progress(settings, monkeypatch):
    world = fake_tensorrt.install(monkeypatch)
    world.steps = 10**9
    begun = threading.Event()

    def during_step(step):
        begun.set()
        time.sleep(0.001)

    world.during_step = during_step
    builder = EngineBuilder(settings.engines_path, "Fake GPU", "9.0", BUCKETS)
    application = Application(settings, EngineQueue(builder, Engine))
    application.start()
    application.streams.create(StreamSpec(name="a", url="rtsp://127.0.0.1:9/x", detector="mine"), probe=False)
    assert begun.wait(60)
    application.close()
    assert "engines" not in {thread.name for thread in threading.enumerate()}
    assert not settings.engines_path.exists()


def test_without_tensorrt_nothing_is_said_of_engines(settings):
    application = Application(settings)
    try:
        application.start()
        wait_for(lambda: application.readiness().ready)
        assert application.readiness().detail == "ready"
    finally:
        application.close()


def test_two_services_with_folders_of_their_own_do_not_share_a_file_of_sqlite(tmp_path):
    shared = f"sqlite:///{tmp_path / 'shared.db'}"
    first = Application(Settings(data_dir=tmp_path / "one", database_url=shared))
    second = Settings(data_dir=tmp_path / "two", database_url=shared)
    with pytest.raises(InvalidInput, match=r"shared\.db is in use by another Watchword: process "):
        Application(second)
    first.close()
    Application(second).close()
