from __future__ import annotations

import os
import sys
import threading
from types import ModuleType

import pytest
from onnx import TensorProto

from export import tensorrt
from export.tensorrt import BuildCancelled, BuildError, BuildProgress, EngineBuilder
from support import fake_tensorrt
from support.graphs import write_sum

CROPS = {"crops": (TensorProto.UINT8, (4, 4, 3))}


@pytest.fixture
def world(monkeypatch):
    tensorrt._logger.cache_clear()
    yield fake_tensorrt.install(monkeypatch)
    tensorrt._logger.cache_clear()


@pytest.fixture
def graph(tmp_path):
    return write_sum(tmp_path / "image.onnx", CROPS)


def builder(tmp_path, **changes):
    options = {"gpu": "Fake GPU", "capability": "9.0", "batches": (4, 1, 2)} | changes
    return EngineBuilder(tmp_path / "engines", **options)


def build(one, graph):
    return one.build(graph, lambda share: None, threading.Event())


def test_an_engine_is_built_once_and_found_again(world, tmp_path, graph):
    assert builder(tmp_path).cached(graph) is None
    engine = build(builder(tmp_path), graph)
    assert builder(tmp_path).cached(graph) == engine
    assert world.builds == [str(graph)]
    config = world.configs[0]
    assert config.limits == {fake_tensorrt.MemoryPoolType.WORKSPACE: 2 << 30}
    assert config.cleared == set()
    assert [profile.shapes["crops"] for profile in config.profiles] == [((n, 4, 4, 3),) * 3 for n in (1, 2, 4)]
    assert not list((tmp_path / "engines").glob(".*"))


@pytest.mark.parametrize(
    "changes", [{"gpu": "Another GPU"}, {"capability": "8.6"}, {"precision": "fp32"}, {"batches": (1, 2)}]
)
def test_another_machine_precision_or_shape_is_another_engine(world, tmp_path, graph, changes):
    build(builder(tmp_path), graph)
    assert builder(tmp_path, **changes).cached(graph) is None


def test_another_version_or_graph_is_another_engine(world, tmp_path, graph, monkeypatch):
    build(builder(tmp_path), graph)
    other = write_sum(tmp_path / "image.onnx", {"crops": (TensorProto.UINT8, (4, 5, 3))})
    assert builder(tmp_path).cached(other) is None
    write_sum(graph, CROPS)
    assert builder(tmp_path).cached(graph) is not None
    monkeypatch.setattr(sys.modules["tensorrt"], "__version__", "11.4.0")
    assert builder(tmp_path).cached(graph) is None


def test_fp32_forbids_tf32(world, tmp_path, graph):
    build(builder(tmp_path, precision="fp32"), graph)
    assert world.configs[0].cleared == {fake_tensorrt.BuilderFlag.TF32}


def test_a_fixed_batch_needs_no_profile(world, tmp_path):
    build(builder(tmp_path), write_sum(tmp_path / "image.onnx", CROPS, batch=8))
    assert world.configs[0].profiles == []


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda content: content[:-1] + bytes([content[-1] ^ 1]), id="a flipped bit"),
        pytest.param(lambda content: content[: len(content) // 2], id="cut short"),
        pytest.param(lambda content: b"", id="empty"),
        pytest.param(lambda content: b"\x00\xff garbage", id="garbage"),
        pytest.param(lambda content: b"[]\n" + content, id="another head"),
        pytest.param(lambda content: content.replace(b"Fake GPU", b"Real GPU"), id="another machine's"),
    ],
)
def test_a_damaged_or_foreign_entry_is_built_anew(world, tmp_path, graph, damage, caplog):
    engine = build(builder(tmp_path), graph)
    (path,) = (tmp_path / "engines").glob("*.engine")
    path.write_bytes(damage(path.read_bytes()))
    assert builder(tmp_path).cached(graph) is None
    assert "built anew" in caplog.text
    assert build(builder(tmp_path), graph) == engine
    assert builder(tmp_path).cached(graph) == engine


def test_what_was_timed_is_used_by_the_next_build(world, tmp_path, graph):
    build(builder(tmp_path), graph)
    build(builder(tmp_path), write_sum(tmp_path / "other.onnx", {"x": (TensorProto.FLOAT, (9,))}))
    assert [config.timings.content for config in world.configs] == [b"", b"timed "]
    world.accepts_timings = False
    build(builder(tmp_path), graph)
    assert world.configs[2].timings.content == b""


def test_what_the_parser_refuses_is_told(world, tmp_path, graph):
    world.parse_errors = ["no operator Flub", "at node 3"]
    with pytest.raises(BuildError, match=r"image\.onnx, got: no operator Flub; at node 3"):
        build(builder(tmp_path), graph)
    assert not (tmp_path / "engines").exists()


def test_a_build_that_gives_nothing_is_an_error_and_leaves_nothing(world, tmp_path, graph):
    world.build_fails = True
    with pytest.raises(BuildError, match="could not build"):
        build(builder(tmp_path), graph)
    assert not (tmp_path / "engines").exists()


def test_inputs_of_any_size_are_refused(world, tmp_path):
    graph = write_sum(tmp_path / "any.onnx", {"images": (TensorProto.FLOAT, (3, "height", "width"))})
    with pytest.raises(BuildError, match=r"images \(-1, 3, -1, -1\)"):
        build(builder(tmp_path), graph)


def test_a_build_can_be_cancelled(world, tmp_path, graph):
    cancelled, seen = threading.Event(), []
    world.during_step = lambda step: (seen.append(step), step == 2 and cancelled.set())
    with pytest.raises(BuildCancelled, match="cancelled"):
        builder(tmp_path).build(graph, lambda share: None, cancelled)
    assert seen == [0, 1, 2]
    assert builder(tmp_path).cached(graph) is None


def test_progress_is_told_as_it_goes(world, tmp_path, graph):
    shares: list[float] = []
    builder(tmp_path).build(graph, shares.append, threading.Event())
    assert shares == [0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1.0]


def test_an_engine_that_cannot_be_kept_is_still_given(world, tmp_path, graph, caplog):
    (tmp_path / "engines").write_text("a file where the folder should be")
    assert build(builder(tmp_path), graph)
    assert "cannot be kept" in caplog.text


def test_the_cache_keeps_the_engines_that_are_used(world, tmp_path, monkeypatch):
    monkeypatch.setattr(tensorrt, "KEPT", 2)
    graphs = [write_sum(tmp_path / f"{n}.onnx", {"x": (TensorProto.FLOAT, (n,))}) for n in (1, 2, 3)]
    one = builder(tmp_path)
    for age, graph in enumerate(graphs[:2]):
        build(one, graph)
        os.utime(one._path(one.key(graph)), (age, age))
    assert one.cached(graphs[0])  # used again: the other one is older now
    build(one, graphs[2])
    assert [one.cached(graph) is not None for graph in graphs] == [True, False, True]


def test_an_engine_can_be_forgotten(world, tmp_path, graph):
    one = builder(tmp_path)
    build(one, graph)
    one.forget(graph)
    one.forget(graph)
    assert one.cached(graph) is None


def test_type_stubs_alone_are_no_tensorrt(monkeypatch, tmp_path):
    empty = ModuleType("tensorrt")
    monkeypatch.setitem(sys.modules, "tensorrt", empty)
    assert EngineBuilder.usable() is None
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    assert EngineBuilder.usable() is None
    with pytest.raises(BuildError, match="found none: pip install"):
        builder(tmp_path)


def test_progress_never_falls_and_knows_phases_that_overlap():
    shares: list[float] = []
    progress = BuildProgress(shares.append)
    progress.step("unknown", 3)
    progress.start("build", None, 4)
    progress.start("fuse", "build", 2)
    progress.step("fuse", 0)
    progress.start("time", "build", 10)
    progress.step("time", 8)
    progress.step("fuse", 1)
    progress.finish("fuse")
    progress.finish("time")
    progress.step("build", 0)
    progress.start("again", "build", 2)
    progress.step("again", 0)
    assert shares == pytest.approx([0.125, 0.225, 0.25, 0.375])
