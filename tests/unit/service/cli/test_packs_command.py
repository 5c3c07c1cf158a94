from __future__ import annotations

import pytest
from typer.testing import CliRunner

from models.pack import PackLibrary
from service.cli.app import assemble
from service.engine.detectors import detector_of
from support.graphs import write_graph, yolo_answer, yolo_nms_answer, yolox_answer

LICENCE = ("--licence", "Apache-2.0", "--provenance", "a test")


@pytest.fixture
def packs(tmp_path, monkeypatch):
    monkeypatch.setenv("WATCHWORD_PACKS_DIR", str(tmp_path / "packs"))
    monkeypatch.setenv("COLUMNS", "200")
    return tmp_path / "packs"


@pytest.fixture
def graph(tmp_path):
    return write_graph(tmp_path / "three.onnx", yolox_answer([], [], []), metadata={"names": "{0:'a', 1:'b', 2:'c'}"})


def run(*arguments, exit_code=0, answer=None):
    result = CliRunner().invoke(assemble(), ["packs", *map(str, arguments)], input=answer)
    assert result.exit_code == exit_code, result.output
    return " ".join(result.output.split())


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


@pytest.mark.parametrize(
    ("answer", "size", "layout"),
    [
        (yolox_answer([], [], []), (64, 64), "yolox"),
        (yolo_answer([], [], []), (64, 64), "yolo"),
        (yolo_nms_answer([], [], []), (64, 64), "yolo_nms"),
        (yolo_nms_answer([], [], []), ("width", "height"), "yolo_nms"),
    ],
)
def test_recognises_layouts_and_the_pack_loads(packs, tmp_path, answer, size, layout):
    graph = write_graph(tmp_path / "graph.onnx", answer, size=size)
    run("build", "mine", graph, *LICENCE, "--confidence", "0.4")
    pack = PackLibrary([packs]).get("mine")
    detector = detector_of(pack)
    assert detector.layout == layout
    assert detector.size == (size if size == (64, 64) else None)
    assert pack.manifest.confidence == 0.4


def test_class_names_from_a_file(packs, graph, tmp_path):
    (tmp_path / "names").write_text("person\n\nbicycle\n car \n")
    run("build", "mine", graph, *LICENCE, "--classes", tmp_path / "names")
    assert PackLibrary([packs]).get("mine").manifest.classes == ("person", "bicycle", "car")
    (tmp_path / "names").write_text("person\n")
    assert "1 classes, got a graph of 3" in run(
        "build", "other", graph, *LICENCE, "--classes", tmp_path / "names", exit_code=2
    )


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("Bad Name", (), "name"),
        ("motion", (), "built-in"),
        ("mine", ("--tiles", "9x1"), "columns x rows"),
        ("mine", ("--tiles", "two"), "columns x rows"),
    ],
)
def test_refuses_bad_names_and_tiles_and_leaves_nothing(packs, graph, name, options, said):
    assert said in run("build", name, graph, *LICENCE, *options, exit_code=2)
    assert not packs.exists() or not list(packs.iterdir())


@pytest.mark.parametrize(("name", "said"), [("mine", "got 'mine'"), ("yolox-nano", "sha256")])
def test_a_file_that_is_no_official_weights_is_told_how_to_be_built(packs, graph, name, said):
    message = run("build", name, graph, exit_code=2)
    assert said in message
    assert message.endswith("needs --licence and --provenance")


def test_a_name_is_taken_until_it_is_replaced(packs, graph):
    run("build", "mine", graph, *LICENCE)
    assert "mine" in run("build", "mine", graph, *LICENCE, exit_code=2)
    run("build", "mine", graph, *LICENCE, "--version", "2", "--replace")
    assert PackLibrary([packs]).get("mine").manifest.version == "2"


def test_what_is_no_detector_is_refused(packs, tmp_path):
    (tmp_path / "text.onnx").write_text("hello")
    assert "expected an ONNX graph in text.onnx" in run("build", "mine", tmp_path / "text.onnx", *LICENCE, exit_code=2)
    assert not packs.exists()


def test_verify_tells_broken_packs_and_exits_with_1(packs, graph):
    run("build", "mine", graph, *LICENCE)
    (packs / "mine" / "graph.onnx").write_bytes(b"x")
    said = run("verify", exit_code=1)
    assert "attributes: ok" in said
    assert "mine: expected" in said
    assert "bytes in graph.onnx, got 1" in said
    assert "broken" in run("list")
    assert "nothing: expected a pack of" in run("verify", "nothing", "motion", exit_code=1)
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
    assert "expected a pack of attributes, motion" in run("remove", "nothing", "--yes", exit_code=2)


@pytest.mark.parametrize("command", ["list", "show", "verify", "build", "remove"])
def test_every_command_has_help(command):
    assert len(run(command, "--help")) > 100
