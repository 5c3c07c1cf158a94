from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from service.cli.app import assemble
from support import fake_tensorrt
from support.graphs import write_pack, yolox_answer


@pytest.fixture
def data(tmp_path, monkeypatch):
    monkeypatch.setenv("WATCHWORD_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("WATCHWORD_MEDIA_DIR", str(tmp_path))
    write_pack(tmp_path / "packs", "mine", yolox_answer([], [], []) + 1)
    return tmp_path


def run(*arguments, exit_code=0):
    result = CliRunner().invoke(assemble(), ["doctor", *arguments])
    assert result.exit_code == exit_code, result.output
    return result.output


def test_says_what_there_is_and_what_would_run(data):
    said = run()
    assert "ok      python: 3." in said
    assert "ok      pack mine: detector, verified, " in said
    assert "problem" not in said


def test_exits_with_1_and_says_what_to_do(data):
    (data / "packs" / "mine" / "manifest.json").write_text("{}")
    said = run(exit_code=1)
    assert "problem pack mine: expected format" in said
    assert "        watchword packs remove mine" in said


def test_speaks_json_too(data):
    findings = json.loads(run("--json"))
    assert {"name", "level", "said", "advice", "facts"} == findings[0].keys()
    assert "pack mine" in {finding["name"] for finding in findings}


def test_builds_tries_and_times_engines(data, monkeypatch):
    world = fake_tensorrt.install(monkeypatch)
    said = run("--engines")
    assert "TensorRT: 10.13.0.35 on Fake GPU, products of float32 in tf32" in said
    assert "ok      mine/graph.onnx: ONNX Runtime on CPU " in said
    assert " ms, TensorRT " in said
    built = list(world.builds)
    assert {Path(path).name for path in built} == {"graph.onnx", "image.onnx", "temporal.onnx", "text.onnx"}
    assert not world.allocated
    run("--engines")
    assert world.builds == built


def test_an_engine_that_computes_something_else_is_a_problem(data, monkeypatch):
    fake_tensorrt.install(monkeypatch).distort = lambda output: output * 2
    said = run("--engines", exit_code=1)
    assert "problem mine/graph.onnx: stays with ONNX Runtime on CPU: its engine computes something else" in said


def test_without_tensorrt_there_are_no_engines_to_build(data):
    assert "TensorRT: not installed" in run("--engines", exit_code=1)
