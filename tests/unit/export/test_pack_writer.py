from __future__ import annotations

import numpy as np
import pytest

from export.pack_writer import PackWriter
from models.packs import REQUIRES, Pack, PackError, PackLibrary
from support.graphs import write_graph, yolox_answer


def head(**parts):
    return {
        "kind": "head",
        "version": "1",
        "description": "A test's.",
        "licence": "Apache-2.0",
        "provenance": "Made by a test.",
        "head": "attributes",
        "view": "object",
        **parts,
    }


@pytest.fixture
def graph(tmp_path):
    return write_graph(tmp_path / "some graph.onnx", yolox_answer([], [], []))


def write(packs, graph, *, replace=False, version="1"):
    with PackWriter(packs, "mine", replace=replace) as writer:
        return writer.commit(
            head(
                version=version,
                graphs={"encoder": writer.add(graph, "encoder.onnx")},
                arrays={"centres": writer.add_arrays({"file": np.ones((2, 3), np.float32)}, "deep/centres.npz")},
            )
        )


def test_writes_a_pack_that_verifies(tmp_path, graph):
    packs = tmp_path / "data" / "packs"
    pack = write(packs, graph)
    assert pack.path == packs / "mine"
    assert pack.manifest.requires == REQUIRES
    assert PackLibrary([packs]).get("mine").hash == pack.hash
    assert pack.file(pack.manifest.graphs["encoder"]).read_bytes() == graph.read_bytes()
    np.testing.assert_array_equal(pack.arrays("centres")["file"], np.ones((2, 3)))
    assert [path.name for path in packs.iterdir()] == ["mine"]


def test_the_same_files_and_facts_give_the_same_hash(tmp_path, graph):
    assert write(tmp_path / "a", graph).hash == write(tmp_path / "b", graph).hash
    assert write(tmp_path / "c", graph, version="2").hash != write(tmp_path / "d", graph).hash


def test_replaces_only_when_told(tmp_path, graph):
    write(tmp_path / "packs", graph)
    with pytest.raises(PackError) as caught:
        write(tmp_path / "packs", graph, version="2")
    assert caught.value.code == "name_taken"
    assert Pack.load(tmp_path / "packs" / "mine").manifest.version == "1"
    assert write(tmp_path / "packs", graph, version="2", replace=True).manifest.version == "2"
    assert [path.name for path in (tmp_path / "packs").iterdir()] == ["mine"]


def test_takes_no_built_in_name_but_among_the_built_in(tmp_path, monkeypatch, graph):
    with pytest.raises(PackError, match="built-in") as caught:
        PackWriter(tmp_path, "motion", replace=True)
    assert caught.value.code == "name_taken"
    monkeypatch.setattr("export.pack_writer.BUILT_IN", tmp_path / "built-in")
    assert write(tmp_path / "built-in", graph).path == tmp_path / "built-in" / "mine"
    assert write(tmp_path / "built-in", graph, replace=True, version="2").manifest.version == "2"
    with pytest.raises(PackError, match="built-in"):
        write(tmp_path / "packs", graph)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"colour": "red"}, "unknown_key"),
        ({"view": "sideways"}, "bad_manifest"),
        ({"graphs": {"encoder": {"file": "encoder.onnx", "bytes": 1, "sha256": "0" * 64}}}, "missing_file"),
        ({"graphs": {"encoder": {"file": "../x", "bytes": 1, "sha256": "0" * 64}}}, "bad_path"),
    ],
)
def test_what_does_not_verify_changes_nothing(tmp_path, graph, changes, code):
    before = write(tmp_path, graph)
    with pytest.raises(PackError) as caught, PackWriter(tmp_path, "mine", replace=True) as writer:
        writer.commit(head(**changes))
    assert caught.value.code == code
    assert Pack.load(tmp_path / "mine").hash == before.hash
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine", "some graph.onnx"]


def test_given_up_half_way_leaves_nothing(tmp_path, graph):
    with PackWriter(tmp_path / "packs", "mine") as writer:
        writer.add(graph, "encoder.onnx")
    assert list((tmp_path / "packs").iterdir()) == []


def test_python_objects_are_not_stored(tmp_path):
    with PackWriter(tmp_path, "mine") as writer, pytest.raises(ValueError, match="Object arrays"):
        writer.add_arrays({"objects": np.array([{}, []], object)}, "objects.npz")
