from __future__ import annotations

import gc
import sys
import weakref
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto

from models.heads.registry import find_head
from models.packs import Pack, PackError, PackLibrary
from service.engine import heads
from service.engine.heads import open_head
from service.engine.session import Session
from service.errors import InvalidInput
from support.distribution import write_distribution
from support.graphs import write_sum
from support.pack_folders import common, described, write

ACME = """
class Sums:
    name = "sums"
    terms = {}
    inputs = ()

    def __init__(self, graph):
        self.graph = graph

    @classmethod
    def from_pack(cls, pack, open_graph):
        graph = open_graph(pack.file(pack.manifest.graphs["sum"]))
        if pack.manifest.parameters:
            raise ValueError("expected no parameters")
        return cls(graph)
"""


@pytest.fixture(autouse=True)
def distribution(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path / "site")
    write_distribution(tmp_path / "site", "acme_sums", ACME, {"watchword.heads": {"sums": "acme_sums:Sums"}})


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Session]:
    """Every graph that was opened."""
    sessions: list[Session] = []

    class Remembered(Session):
        def __init__(self, *arguments: object) -> None:
            super().__init__(*arguments)  # type: ignore[arg-type]
            sessions.append(self)

    monkeypatch.setattr(heads, "Session", Remembered)
    return sessions


def sums_pack(tmp_path: Path, role: str = "sum", graph: bytes | None = None, **parameters: object) -> Pack:
    folder = tmp_path / "sums-pack"
    folder.mkdir()
    path = write_sum(folder / "sum.onnx", {"left": (TensorProto.FLOAT, [2, 3]), "right": (TensorProto.UINT8, [4])})
    if graph is not None:
        path.write_bytes(graph)
    manifest = {
        **common("head"),
        "name": folder.name,
        "head": "sums",
        "view": "frame",
        "parameters": parameters,
        "graphs": {role: described(path)},
    }
    return Pack.load(write(folder, manifest))


def test_a_head_runs_the_graphs_of_its_pack_until_it_is_closed(tmp_path: Path) -> None:
    pack = sums_pack(tmp_path)
    with closing(open_head(pack, threads=1)) as loaded:
        assert (loaded.pack, loaded.pack_hash) == (pack.name, pack.hash)
        (graph,) = loaded.graphs
        assert loaded.head.graph is graph  # type: ignore[attr-defined]
        left = np.arange(18, dtype=np.float32).reshape(3, 2, 3)
        right = np.array([[1] * 4, [2] * 4, [3] * 4], np.uint8)
        total = graph.run({"left": left, "right": right})["total"]
        np.testing.assert_allclose(total, [2.5 + 1, 8.5 + 2, 14.5 + 3])
    with pytest.raises(RuntimeError, match="closed"):
        graph.run({"left": left, "right": right})


def test_a_head_without_a_graph_opens_none() -> None:
    with closing(open_head(PackLibrary().get("attributes"))) as loaded:
        assert loaded.graphs == ()


@pytest.mark.parametrize(
    ("role", "parameters", "message"),
    [
        ("sum", {"neighbours": 3}, "pack sums-pack: expected no parameters"),
        ("product", {}, "pack sums-pack: KeyError: 'sum'"),
    ],
)
def test_what_a_head_does_not_take_is_a_bad_pack_and_its_graphs_are_closed(
    tmp_path: Path, opened: list[Session], role: str, parameters: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidInput, match=message) as refused:
        open_head(sums_pack(tmp_path, role, **parameters))
    assert refused.value.code == "bad_pack"
    assert len(opened) == (role == "sum")
    for session in opened:
        with pytest.raises(RuntimeError, match="closed"):
            session.run({})


@pytest.mark.parametrize(
    ("inputs", "terms", "message"),
    [
        (["frames"], {}, "expected the inputs of head sums as a tuple, got list"),
        (([],), {}, "unhashable type: 'list'"),
        ((), {"sum": "is large"}, "expected a Term for each term of head sums, got others for sum"),
        ((), None, "'NoneType' object has no attribute 'items'"),
    ],
)
def test_a_head_that_does_not_soundly_declare_what_it_sees_and_says_is_a_bad_pack(
    tmp_path: Path, opened: list[Session], monkeypatch: pytest.MonkeyPatch, inputs: Any, terms: Any, message: str
) -> None:
    monkeypatch.setattr(find_head("sums"), "inputs", inputs)
    monkeypatch.setattr(find_head("sums"), "terms", terms)
    with pytest.raises(InvalidInput, match=f"pack sums-pack: .*{message}") as refused:
        open_head(sums_pack(tmp_path))
    assert refused.value.code == "bad_pack"
    with pytest.raises(RuntimeError, match="closed"):
        opened[0].run({})


def test_a_head_that_would_end_the_process_is_a_bad_pack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(find_head("sums"), "from_pack", lambda _pack, _open_graph: sys.exit(3))
    with pytest.raises(InvalidInput, match="pack sums-pack: SystemExit: 3"):
        open_head(sums_pack(tmp_path))


def test_a_graph_that_does_not_run_keeps_its_own_code(tmp_path: Path) -> None:
    with pytest.raises(PackError, match=r"sum\.onnx") as refused:
        open_head(sums_pack(tmp_path, graph=b"hello, I am a graph"))
    assert refused.value.code == "bad_graph"


def test_a_detectors_pack_is_refused() -> None:
    with pytest.raises(InvalidInput, match="expected a pack of kind head, got 'motion' of kind detector") as refused:
        open_head(PackLibrary().get("motion"))
    assert refused.value.code == "pack_kind"


def test_a_closed_head_frees_the_memory_of_its_graphs(tmp_path: Path) -> None:
    loaded = open_head(sums_pack(tmp_path))
    runtime = weakref.ref(loaded.graphs[0]._session)
    loaded.close()
    loaded.close()
    gc.collect()
    assert runtime() is None
