from __future__ import annotations

import ctypes
import sys
import threading

import numpy as np
import pytest
from onnx import TensorProto

from export.tensorrt import EngineBuilder
from service.engine import tensorrt
from service.engine.tensorrt import Engine, EngineError, find_gpu
from support import fake_tensorrt
from support.graphs import write_sum

CLIP = {"frames": (TensorProto.FLOAT, (9, 4)), "geometry": (TensorProto.FLOAT, (9, 5))}


@pytest.fixture
def world(monkeypatch):
    tensorrt._logger.cache_clear()
    yield fake_tensorrt.install(monkeypatch)
    tensorrt._logger.cache_clear()


def serialized(tmp_path, inputs=CLIP, batch="batch", batches=(1, 2, 4)):
    graph = write_sum(tmp_path / "graph.onnx", inputs, batch=batch)
    builder = EngineBuilder(tmp_path / "engines", "Fake GPU", "9.0", batches)
    return builder.build(graph, lambda share: None, threading.Event())


def clip(count, value=1.0):
    items = value * np.arange(1, count + 1, dtype=np.float32)
    frames = np.ascontiguousarray(np.broadcast_to(items[:, None, None], (count, 9, 4)))
    return {"frames": frames, "geometry": np.full((count, 9, 5), 0.5, np.float32)}


def test_runs_each_batch_size_in_its_own_profile(world, tmp_path):
    engine = Engine(serialized(tmp_path))
    assert engine.batches == (1, 2, 4)
    assert [context.profile for context in world.contexts] == [0, 1, 2]
    for count in (4, 1, 2, 4):
        assert engine.run(clip(count))["total"].tolist() == [item + 0.5 for item in range(1, count + 1)]
    engine.close()


@pytest.mark.parametrize(
    ("dtype", "array"),
    [
        (TensorProto.UINT8, np.full((2, 2, 3), 250, np.uint8)),
        (TensorProto.INT64, np.full((2, 2, 3), 1 << 20, np.int64)),
        (TensorProto.FLOAT16, np.full((2, 2, 3), 0.25, np.float16)),
    ],
)
def test_inputs_of_other_types_arrive_as_they_are(world, tmp_path, dtype, array):
    engine = Engine(serialized(tmp_path, {"only": (dtype, (2, 3))}))
    assert engine.run({"only": array})["total"].tolist() == [float(array[0, 0, 0])] * 2


def test_a_graph_of_a_fixed_batch_has_one_profile(world, tmp_path):
    engine = Engine(serialized(tmp_path, batch=3))
    assert engine.batches == (3,)
    assert engine.run(clip(3))["total"].tolist() == [1.5, 2.5, 3.5]


def test_an_answer_is_the_callers_own(world, tmp_path):
    engine = Engine(serialized(tmp_path))
    first = engine.run(clip(2))["total"]
    engine.run(clip(2, 100.0))["total"]
    assert first.tolist() == [1.5, 2.5]


def test_buffers_are_made_once_and_freed_on_close(world, tmp_path):
    engine = Engine(serialized(tmp_path))
    before = dict(world.allocated)
    # Three profiles, three tensors each, once pinned and once on the GPU.
    assert len(before) == 18
    assert sorted(map(ctypes.sizeof, before.values()))[-2:] == [4 * 9 * 5 * 4] * 2
    for _ in range(5):
        engine.run(clip(4))["total"]
    assert world.allocated == before
    engine.close()
    engine.close()
    assert not world.allocated
    assert not world.streams
    with pytest.raises(EngineError, match="an open engine"):
        engine.run(clip(1))["total"]


def test_a_batch_of_another_size_is_refused(world, tmp_path):
    with pytest.raises(EngineError, match=r"batch of \(1, 2, 4\), got inputs frames \(3, 9, 4\) float32"):
        Engine(serialized(tmp_path)).run(clip(3))["total"]


@pytest.mark.parametrize("room", [0, 100, 2000])
def test_too_little_memory_is_told_and_everything_given_back(world, tmp_path, room):
    content = serialized(tmp_path)
    world.memory = room
    with pytest.raises(EngineError, match="CUDA: cudaErrorMemoryAllocation"):
        Engine(content)
    assert not world.allocated
    assert not world.streams


def test_an_engine_of_another_version_is_refused(world, tmp_path):
    content = serialized(tmp_path)
    world.version = "11.4.0"
    with pytest.raises(EngineError, match="another version or GPU"):
        Engine(content)
    with pytest.raises(EngineError, match="damaged"):
        Engine(b"garbage")


def test_a_run_that_fails_is_told(world, tmp_path):
    engine = Engine(serialized(tmp_path))
    world.run_fails = True
    with pytest.raises(EngineError, match="could not run"):
        engine.run(clip(1))["total"]
    world.run_fails = False
    assert engine.run(clip(1))["total"].tolist() == [1.5]


def test_threads_share_an_engine(world, tmp_path):
    engine = Engine(serialized(tmp_path))
    wrong: list[float] = []

    def work(count):
        expected = [item + 0.5 for item in range(1, count + 1)]
        wrong.extend(1 for _ in range(50) if engine.run(clip(count))["total"].tolist() != expected)

    threads = [threading.Thread(target=work, args=(count,)) for count in (1, 2, 4, 4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_finds_the_gpu_or_none(world, monkeypatch):
    gpu = find_gpu()
    assert (gpu.name, gpu.capability, gpu.memory, gpu.driver) == ("Fake GPU", "9.0", 8 << 30, "12.8")
    cuda = sys.modules["cuda.bindings.runtime"]
    no_device = (fake_tensorrt.CudaError.cudaErrorMemoryAllocation, None)
    monkeypatch.setattr(cuda, "cudaGetDeviceProperties", lambda device: no_device)
    assert find_gpu() is None
    monkeypatch.setitem(sys.modules, "cuda.bindings.runtime", None)
    assert find_gpu() is None
