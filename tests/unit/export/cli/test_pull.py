from __future__ import annotations

import functools
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from export import hub
from export.hub import OfficialWeights
from models.packs import PackLibrary
from service.cli.app import assemble
from service.contracts.stream import StreamSpec
from service.store.database import Database
from service.store.streams import StreamStore
from support.graphs import write_graph, yolox_answer
from support.weights_server import WeightsServer


@pytest.fixture
def server(tmp_path):
    graph = write_graph(tmp_path / "made.onnx", yolox_answer([], [], []), metadata={"names": "{0:'a', 1:'b', 2:'c'}"})
    one = WeightsServer(graph.read_bytes())
    yield one
    one.close()


@pytest.fixture
def weights(server, monkeypatch):
    one = OfficialWeights(
        "tiny",
        "Tiny detector",
        f"{server.url}/file/v1/tiny.onnx",
        "v1",
        "AGPL-3.0-only",
        "https://example.org/licence",
        "yolox",
        len(server.content),
        server.sha256,
        "Mind the licence.",
    )
    monkeypatch.setattr(hub, "CATALOGUE", {"tiny": one, "loose": replace(one, name="loose", sha256=None, bytes=None)})
    monkeypatch.setattr(hub, "Hub", functools.partial(hub.Hub, schemes=frozenset({"http"})))
    return one


@pytest.fixture
def data(tmp_path, monkeypatch):
    monkeypatch.setenv("WATCHWORD_DATA_DIR", str(tmp_path / "data"))
    return tmp_path / "data"


def run(*arguments, exit_code=0):
    result = CliRunner().invoke(assemble(), ["packs", *map(str, arguments)])
    assert result.exit_code == exit_code, result.output
    return result.output


def test_official_weights_are_listed():
    said = run("pull")
    for name in hub.CATALOGUE:
        assert name in said
    assert "AGPL-3.0-only" in said


def test_pull_shows_what_it_is_and_build_makes_the_pack(server, weights, data):
    said = run("pull", "tiny")
    for fact in (weights.url, "revision: v1", "size: 0.0 MB", server.sha256, "AGPL-3.0-only, https://", "Mind the"):
        assert fact in said
    assert said.index("Mind the licence.") < said.index("fetched and verified")
    assert "Next: watchword packs build tiny" in said
    assert (data / "weights" / "tiny.onnx").read_bytes() == server.content
    said = run("build", "tiny")
    assert "note: Mind the licence." in said
    assert "tiny: yolox, 3 classes" in said
    manifest = PackLibrary([data / "packs"]).get("tiny").manifest
    assert manifest.licence == "AGPL-3.0-only"
    assert manifest.provenance == f"Tiny detector, {weights.url} at v1, sha256 {server.sha256}"
    assert manifest.version == "v1"
    assert "tiny: ok" in run("verify", "tiny")


def test_build_takes_the_file_from_elsewhere_if_it_is_the_right_one(server, weights, data, tmp_path):
    said = run("build", "tiny", exit_code=2)
    assert "watchword packs pull tiny fetches it" in said
    assert "tiny: yolox, 3 classes" in run("build", "tiny", tmp_path / "made.onnx")
    (tmp_path / "made.onnx").write_bytes(server.content + b"x")
    assert server.sha256 in run("build", "tiny", tmp_path / "made.onnx", "--replace", exit_code=2)
    assert len(server.seen) == 0


def test_weights_without_a_hash_are_taken_on_demand_only(server, weights, data):
    said = run("pull", "loose", exit_code=2)
    assert "size: unknown" in said
    assert "sha256: unknown" in said
    assert "--accept-unpinned" in said
    assert server.seen == []
    assert f"sha256 {server.sha256}" in run("pull", "loose", "--accept-unpinned")
    assert "--accept-unpinned" in run("build", "loose", exit_code=2)
    run("build", "loose", "--accept-unpinned")
    assert server.sha256 in PackLibrary([data / "packs"]).get("loose").manifest.provenance


def test_no_network_ends_in_one_sentence(server, weights, data):
    server.close()
    said = run("pull", "tiny", exit_code=2)
    errors = [line for line in said.splitlines() if line.startswith("error:")]
    assert len(errors) == 1
    assert "Traceback" not in said
    assert "download" in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("pull", "yolo99"), "expected the name of official weights"),
        (("build", "mine"), "expected the name of official weights"),
        (("build", "mine", "--licence", "MIT"), "--licence and --provenance together"),
        (("build", "mine", "--licence", "MIT", "--provenance", "here"), "expected a file"),
    ],
)
def test_what_is_missing_is_said(data, arguments, said):
    assert said in " ".join(run(*arguments, exit_code=2).replace("│", " ").split())


@pytest.mark.parametrize("field", ["detector", "packs", "encoder"])
def test_a_pack_that_a_stream_uses_stays(weights, data, tmp_path, field):
    run("build", "tiny", tmp_path / "made.onnx")
    database = Database(f"sqlite:///{data / 'watchword.db'}")
    value = ["tiny"] if field == "packs" else "tiny"
    StreamStore(database).create(StreamSpec(name="Gate", url="rtsp://127.0.0.1/x", **{field: value}), None)
    database.close()
    assert "is used by stream 'Gate'" in " ".join(run("remove", "tiny", "--yes", exit_code=2).split())
    assert (data / "packs" / "tiny").is_dir()
    assert "deleted" in run("remove", "tiny", "--yes", "--force")
    assert not (data / "packs" / "tiny").exists()


def test_the_settings_encoder_stays(weights, data, tmp_path, monkeypatch):
    run("build", "tiny", tmp_path / "made.onnx")
    monkeypatch.setenv("WATCHWORD_ENCODER", "tiny")
    assert "is used by WATCHWORD_ENCODER" in " ".join(run("remove", "tiny", "--yes", exit_code=2).split())
