from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from service.engine.engine_queue import BuildState, EngineQueue
from service.engine.session import BUCKETS, Session
from support.graphs import write_graph, yolox_answer


class Builder:
    """Gives engines after ``go``; what it is told to do with each graph is in ``fate``, by file name."""

    def __init__(self):
        self.go = threading.Event()
        self.half_way = threading.Event()
        self.fate = {}
        self.kept = {}
        self.built = []
        self.forgotten = []

    def cached(self, graph):
        return self.kept.get(graph.name)

    def forget(self, graph):
        self.forgotten.append(graph.name)

    def build(self, graph, report, cancelled):
        report(0.5)
        self.half_way.set()
        while not self.go.wait(0.01) and not cancelled.is_set():
            pass
        if cancelled.is_set():
            raise RuntimeError("cancelled")
        self.built.append(graph.name)
        fate = self.fate.get(graph.name, b"engine")
        if isinstance(fate, Exception):
            raise fate
        return fate


class FakeEngine:
    """Gives ``value`` for pictures that are lit, as the graph of these tests does for 1."""

    batches = BUCKETS

    def __init__(self, serialized):
        if serialized == b"broken":
            raise RuntimeError("does not load")
        self.value = {b"wrong": 2.0, b"nan": np.nan, b"close": 1.001}.get(serialized, 1.0)
        self.fails = serialized == b"fails"
        self.closed = False
        self.sizes = []
        LOADED.append(self)

    def run(self, inputs):
        assert not self.closed
        if self.fails:
            raise RuntimeError("out of memory")
        self.sizes.append(len(inputs["images"]))
        lit = inputs["images"].mean(axis=(1, 2, 3)) > 0
        return {"output": np.full((len(lit), 84, 8), self.value, np.float32) * lit[:, None, None]}

    def close(self):
        self.closed = True


LOADED: list[FakeEngine] = []


@pytest.fixture
def builder():
    LOADED.clear()
    return Builder()


@pytest.fixture
def queue(builder):
    one = EngineQueue(builder, FakeEngine)
    yield one
    one.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "engines"]


def wait_for(condition):
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def open_session(tmp_path, queue, name="image.onnx", **options):
    return Session(write_graph(tmp_path / name, yolox_answer([], [], []) + 1, **options), 1, queue)


def pictures(count, lit=1):
    return np.full((count, 3, 64, 64), lit, np.float32)


def test_onnx_runtime_serves_until_the_engine_is_there(tmp_path, builder, queue):
    session = open_session(tmp_path, queue)
    builder.half_way.wait(60)
    assert session.first(pictures(3))[:, 0, 0].tolist() == [1, 1, 1]
    assert session.backend == "CPU"
    assert str(queue.progress()) == f"building engine 1 of 1 ({tmp_path.name}/image.onnx, 50%)"
    builder.go.set()
    wait_for(lambda: queue.progress().ready == 1)
    assert session.backend == "CPU"
    dark = pictures(5)
    dark[[1, 4]] = 0
    assert session.first(dark)[:, 0, 0].tolist() == [1, 0, 1, 1, 0]
    assert session.backend == "TensorRT"
    assert session.first(pictures(19))[:, 83, 7].tolist() == [1] * 19
    # Tried on the first batch, which is then run; after that the engine alone, padded to its sizes.
    assert LOADED[0].sizes == [8, 8, 16, 4]
    assert str(queue.progress()) == "1 of 1 engines ready"
    session.close()
    assert LOADED[0].closed
    assert queue.progress().total == 0


@pytest.mark.parametrize(
    ("fate", "reason"),
    [
        (b"wrong", "computes something else"),
        (b"nan", "computes something else"),
        (b"fails", "could not be tried: out of memory"),
    ],
)
def test_an_engine_that_disagrees_is_refused(tmp_path, builder, queue, fate, reason):
    builder.fate["image.onnx"] = fate
    builder.go.set()
    session = open_session(tmp_path, queue)
    wait_for(lambda: queue.progress().ready == 1)
    for _ in range(2):
        assert session.first(pictures(2))[:, 0, 0].tolist() == [1, 1]
    assert session.backend == "CPU"
    assert LOADED[0].closed
    assert reason in queue.progress().refused[f"{tmp_path.name}/image.onnx"]
    assert str(queue.progress()) == "0 of 1 engines ready, 1 stay with ONNX Runtime"


def test_rounding_is_no_disagreement(tmp_path, builder, queue):
    builder.fate["image.onnx"] = b"close"
    builder.go.set()
    session = open_session(tmp_path, queue)
    wait_for(lambda: queue.progress().ready == 1)
    assert session.first(pictures(1))[0, 0, 0] == pytest.approx(1.001)


def test_a_build_that_fails_leaves_the_others(tmp_path, builder, queue, caplog):
    builder.fate["a.onnx"] = RuntimeError("no kernel for\nthis")
    builder.fate["b.onnx"] = MemoryError()
    builder.go.set()
    sessions = [open_session(tmp_path, queue, name) for name in ("a.onnx", "b.onnx", "c.onnx")]
    wait_for(lambda: queue.progress().ready == 1)
    assert queue.progress().refused == {
        f"{tmp_path.name}/a.onnx": "no kernel for this",
        f"{tmp_path.name}/b.onnx": "MemoryError",
    }
    assert "ONNX Runtime goes on serving" in caplog.text
    assert sessions[0].first(pictures(1))[0, 0, 0] == 1
    for session in sessions:
        session.close()


def test_what_is_cached_is_not_built_and_what_does_not_load_is_built_anew(tmp_path, builder, queue):
    builder.go.set()
    builder.kept = {"a.onnx": b"engine", "b.onnx": b"broken"}
    for name in ("a.onnx", "b.onnx"):
        open_session(tmp_path, queue, name)
    wait_for(lambda: queue.progress().ready == 2)
    assert builder.built == ["b.onnx"]
    assert builder.forgotten == ["b.onnx"]


def test_graphs_of_any_size_are_not_asked_for(tmp_path, queue):
    session = open_session(tmp_path, queue, size=("width", "height"))
    assert session.first(pictures(1))[0, 0, 0] == 1
    assert queue.progress().total == 0


def test_closing_a_session_ends_its_build(tmp_path, builder, queue):
    first = open_session(tmp_path, queue, "a.onnx")
    second = open_session(tmp_path, queue, "b.onnx")
    third = open_session(tmp_path, queue, "c.onnx")
    builder.half_way.wait(60)
    assert "1 of 3" in str(queue.progress())
    first.close()
    second.close()
    assert queue.progress().total == 1
    builder.go.set()
    wait_for(lambda: queue.progress().ready == 1)
    assert builder.built == ["c.onnx"]
    third.close()
    assert [engine.closed for engine in LOADED] == [True]


def test_closing_the_queue_ends_the_build_and_the_thread_and_sessions_go_on(tmp_path, builder, queue):
    session = open_session(tmp_path, queue)
    builder.half_way.wait(60)
    queue.close()
    assert session.first(pictures(2))[:, 0, 0].tolist() == [1, 1]
    with pytest.raises(RuntimeError, match="closed"):
        queue.request(tmp_path / "late.onnx")
    session.close()


def test_an_engine_nobody_took_is_closed_with_the_queue(tmp_path, builder, queue):
    builder.go.set()
    request = queue.request(tmp_path / "image.onnx")
    wait_for(lambda: request.state is BuildState.READY)
    queue.close()
    assert LOADED[0].closed
    assert request.take() is None


def test_threads_that_run_while_the_engine_comes_all_get_answers(tmp_path, builder, queue):
    session, wrong = open_session(tmp_path, queue), []
    stop = threading.Event()

    def work(count):
        while not stop.is_set():
            if session.first(pictures(count))[:, 0, 0].tolist() != [1] * count:
                wrong.append(count)

    threads = [threading.Thread(target=work, args=(count,)) for count in (1, 2, 3)]
    for thread in threads:
        thread.start()
    builder.go.set()
    wait_for(lambda: session.backend == "TensorRT")
    time.sleep(0.05)
    stop.set()
    for thread in threads:
        thread.join()
    assert not wrong
    assert len(LOADED) == 1
    session.close()
