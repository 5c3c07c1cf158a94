from __future__ import annotations

import pytest

from models.packs import PackLibrary
from support.pack_commands import LICENCE, run, three_classes


@pytest.fixture
def packs(tmp_path, monkeypatch):
    monkeypatch.setenv("WATCHWORD_PACKS_DIR", str(tmp_path / "packs"))
    monkeypatch.setenv("COLUMNS", "200")
    return tmp_path / "packs"


@pytest.fixture
def graph(tmp_path):
    return three_classes(tmp_path)


def test_builds_lists_shows_verifies_and_removes(packs, graph, tmp_path):
    (tmp_path / "terms").write_text("Do what you like.")
    said = run("build", "three", graph, *LICENCE, "--licence-file", tmp_path / "terms", "--tiles", "2x1")
    assert "three: yolox, 3 classes" in said
    manifest = PackLibrary([packs]).get("three").manifest
    assert manifest.classes == ("a", "b", "c")
    assert manifest.input == (64, 64)
    assert manifest.tiles == (2, 1)
    assert (manifest.confidence, manifest.overlap) == (0.25, 0.5)
    assert (packs / "three" / "LICENSE").read_text() == "Do what you like."
    listed = run("list")
    assert "attributes head" in listed
    assert "three detector" in listed
    assert "layout yolox" in run("show", "three")
    assert run("verify") == "attributes: ok motion: ok svad: ok three: ok words: ok"
    assert "three: deleted" in run("remove", "three", "--yes")
    assert not (packs / "three").exists()


def test_verify_tells_broken_packs_and_exits_with_1(packs, graph):
    run("build", "mine", graph, *LICENCE)
    (packs / "mine" / "graph.onnx").write_bytes(b"x")
    said = run("verify", exit_code=1)
    assert "attributes: ok" in said
    assert "mine: expected" in said
    assert "bytes in graph.onnx, got 1" in said
    assert "broken" in run("list")
    assert "nothing: There is no pack 'nothing'." in run("verify", "nothing", "motion", exit_code=1)
    assert run("verify", "motion") == "motion: ok"
    assert "expected" in run("show", "mine", exit_code=2)
    run("remove", "mine", "-y")


def test_verify_takes_a_folder(packs, graph):
    run("build", "mine", graph, *LICENCE)
    moved = packs.parent / "elsewhere"
    (packs / "mine").rename(moved)
    assert run("verify", moved).endswith(": ok")


def test_removal_asks_and_spares_what_is_built_in(packs, graph):
    run("build", "mine", graph, *LICENCE)
    run("remove", "mine", answer="n\n", exit_code=1)
    assert (packs / "mine").is_dir()
    run("remove", "mine", answer="y\n")
    assert not (packs / "mine").exists()
    assert "built in" in run("remove", "attributes", "--yes", exit_code=2)
    assert "There is no pack 'nothing'. There are detectors: motion; encoders: words; heads: attributes, svad." in run(
        "remove", "nothing", "--yes", exit_code=2
    )


@pytest.mark.parametrize("command", ["list", "show", "verify", "build", "remove"])
def test_every_command_has_help(command):
    assert len(run(command, "--help")) > 100
