from __future__ import annotations

from dataclasses import replace

import pytest

from export import hub
from export.cli import build
from models.packs import PackLibrary
from models.packs.files import file_hash
from service.engine.detectors import detector_of
from service.engine.detectors.onnx import OnnxDetector
from support.graphs import write_graph, yolo_answer, yolo_nms_answer, yolox_answer
from support.pack_commands import LICENCE, run, three_classes


@pytest.fixture
def packs(tmp_path, monkeypatch):
    monkeypatch.setenv("WATCHWORD_PACKS_DIR", str(tmp_path / "packs"))
    monkeypatch.setenv("COLUMNS", "200")
    return tmp_path / "packs"


@pytest.fixture
def graph(tmp_path):
    return three_classes(tmp_path)


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
    assert isinstance(detector, OnnxDetector)
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


def test_a_name_that_was_left_out_is_asked_for(packs, graph):
    said = run("build", graph, *LICENCE, exit_code=2)
    assert "The pack's name is missing, it comes before the file: watchword packs build NAME" in said.replace("│ ", "")
    assert "Missing argument 'name'" in run("build", exit_code=2)


def test_a_graph_of_no_known_layout_is_refused_with_what_was_found(packs, tmp_path):
    graph = write_graph(tmp_path / "graph.onnx", yolo_answer([], [], [], anchors=50))
    said = run("build", "mine", graph, *LICENCE, exit_code=2)
    assert "For a picture of 64x64 this graph gives 7 rows of 50, which is no layout that is known." in said
    assert not packs.exists() or not list(packs.iterdir())


def test_a_pack_that_is_not_there_is_told_of_with_where_packs_are_looked_for(packs):
    assert f"Packs are looked for among the built-in ones and in {packs} (WATCHWORD_PACKS_DIR)." in run(
        "show", "mine", exit_code=2
    )


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


def test_weights_that_nobody_builds_are_told_what_is_missing(packs, monkeypatch, tmp_path):
    path = tmp_path / "brought.pt"
    path.write_bytes(b"a checkpoint")
    monkeypatch.setitem(hub.CATALOGUE, "yolo11n", replace(hub.CATALOGUE["yolo11n"], sha256=file_hash(path)))
    monkeypatch.setattr(build, "BUILDERS", "watchword.nothing")
    assert "expected an entry point ultralytics in the group watchword.nothing" in run(
        "build", "yolo11n", path, exit_code=2
    )
