from __future__ import annotations

import json
import shutil
import sys
import tempfile
from importlib import metadata

import pytest
from pydantic import SecretStr

from service.cli import diagnosis
from service.cli.diagnosis import Finding, cpu_quota, diagnose, nvidia_cards, worst
from service.settings import Settings
from service.store.database import Database
from support import fake_tensorrt
from support.graphs import write_pack, yolox_answer

CHECKS = ["python", "processor", "memory", "ONNX Runtime", "GPU", "OpenCV", "video", "disk", "database", "redis"]


@pytest.fixture
def settings(tmp_path):
    (tmp_path / "media").mkdir()
    return Settings(data_dir=tmp_path / "data", media_dir=tmp_path / "media")


def find(name, settings):
    return [finding for finding in diagnose(settings) if finding.name == name]


def only(name, settings):
    (finding,) = find(name, settings)
    return finding


def test_looks_at_everything_and_changes_nothing(settings, tmp_path):
    findings = list(diagnose(settings))
    names = [finding.name for finding in findings]
    assert [name for name in names if name in CHECKS] == CHECKS
    assert {"pack attributes", "pack motion"} <= set(names)
    assert worst(findings) != "problem", [finding for finding in findings if finding.level == "problem"]
    json.dumps([finding.facts for finding in findings])
    assert [path.name for path in tmp_path.iterdir()] == ["media"]


def test_packs_are_run_and_timed_and_broken_ones_told(settings):
    write_pack(settings.packs_path, "mine", yolox_answer([], [], []))
    finding = only("pack mine", settings)
    assert finding.level == "ok"
    assert finding.said.startswith("detector, verified, ")
    assert finding.said.endswith(" ms a picture")
    assert finding.facts["seconds"]["picture"] > 0
    (settings.packs_path / "mine" / "graph.onnx").write_bytes(b"x")
    finding = only("pack mine", settings)
    assert finding.level == "problem"
    assert "bytes in graph.onnx, got 1" in finding.said
    assert "packs remove mine" in finding.advice


def test_a_check_that_fails_is_a_problem_and_ends_none_of_the_others(settings, monkeypatch):
    def fails(_):
        raise RuntimeError("rtsp://user:secret@camera/1 \n went away")

    monkeypatch.setattr(diagnosis, "cpu_quota", lambda: fails(None))
    findings = list(diagnose(settings))
    (broken,) = [finding for finding in findings if finding.level == "problem"]
    assert broken.name == "processor"
    assert "RuntimeError" in broken.said
    assert "secret" not in broken.said
    assert "pack motion" in {finding.name for finding in findings}


@pytest.mark.parametrize(
    ("check", "builds", "advice"),
    [
        (
            "OpenCV",
            {"opencv-python", "opencv-python-headless"},
            "pip uninstall -y opencv-python opencv-python-headless",
        ),
        ("ONNX Runtime", {"onnxruntime", "onnxruntime-gpu"}, "uninstall all of onnxruntime, onnxruntime-gpu"),
    ],
)
def test_builds_that_overwrite_each_other_are_a_problem(settings, monkeypatch, check, builds, advice):
    version = metadata.version
    monkeypatch.setattr(metadata, "version", lambda name: "1" if name in builds else version(name))
    finding = only(check, settings)
    assert finding.level == "problem"
    assert advice in finding.advice


def test_the_database_is_opened_and_not_changed(settings):
    assert "made at the first start" in only("database", settings).said
    settings.data_dir.mkdir()
    Database(settings.database).close()
    path = settings.data_dir / "watchword.db"
    before = path.read_bytes()
    assert only("database", settings) == Finding(
        "database", "ok", f"SQLite {path.resolve()}, 0 streams", facts={"streams": 0}
    )
    assert path.read_bytes() == before
    path.write_bytes(b"This is no database at all, whatever its name says. " * 100)
    assert only("database", settings).level == "problem"


@pytest.mark.parametrize(
    ("check", "option", "url"),
    [
        ("database", "database_url", "postgresql://user:secret@127.0.0.1:1/watchword"),
        ("redis", "redis_url", "redis://user:secret@127.0.0.1:1/0"),
        ("redis", "redis_url", "rubbish://user:secret@x"),
    ],
)
def test_servers_that_cannot_be_reached_are_told_without_credentials(settings, check, option, url):
    finding = only(check, settings.model_copy(update={option: SecretStr(url)}))
    assert finding.level == "problem"
    assert "secret" not in finding.said + finding.advice
    assert "WATCHWORD_" in finding.advice or "watchword[postgres]" in finding.advice


def test_a_full_or_forbidden_disk_is_told(settings, monkeypatch):
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1 << 20))
    assert only("disk", settings).level == "note"

    def forbidden(**_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(tempfile, "TemporaryFile", forbidden)
    finding = only("disk", settings)
    assert finding.level == "problem"
    assert "cannot be written: Permission denied" in finding.said


def test_a_missing_media_folder_is_a_note(settings):
    settings.media_dir.rmdir()
    assert only("media", settings).level == "note"


def test_the_container_bounds_what_there_is(settings, monkeypatch):
    files = {
        "/sys/fs/cgroup/cpu.max": "150000 100000\n",
        "/sys/fs/cgroup/memory.max": str(1 << 30),
        "/sys/fs/cgroup/memory.current": str(1 << 29),
        "/proc/meminfo": "MemTotal: 8388608 kB\nMemAvailable: 7340032 kB\n",
        "/proc/cpuinfo": "model name : Small One\nflags : fpu sse4_2\n",
    }
    monkeypatch.setattr(diagnosis, "_read", lambda path: files.get(str(path), ""))
    assert cpu_quota() == 1.5
    processor = only("processor", settings)
    assert processor.level == "note"
    assert "bounded to 1.5 by its container, Small One, no vector instructions" in processor.said
    memory = only("memory", settings)
    assert memory.level == "note"
    assert memory.said == "0.5 GiB free of 1.0 GiB"
    files["/sys/fs/cgroup/cpu.max"] = "max 100000"
    assert cpu_quota() is None


def write_nvidia_smi(folder, script):
    folder.mkdir()
    program = folder / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return folder


def test_a_gpu_without_what_uses_it(settings, monkeypatch, tmp_path):
    folder = write_nvidia_smi(tmp_path / "bin", "echo 'NVIDIA Fake, 580.1, 8192 MiB'")
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setitem(sys.modules, "cuda.bindings.runtime", None)
    assert nvidia_cards() == ["NVIDIA Fake, 580.1, 8192 MiB"]
    assert only("GPU", settings).said == "NVIDIA Fake, 580.1, 8192 MiB"
    assert "watchword[gpu]" in only("CUDA provider", settings).advice
    assert "watchword[tensorrt]" in only("TensorRT", settings).advice
    assert "turned off" in only("TensorRT", settings.model_copy(update={"tensorrt": "off"})).said


@pytest.mark.parametrize("script", ["exit 9", "kill -9 $$"])
def test_a_driver_that_is_broken_is_no_gpu(settings, monkeypatch, tmp_path, script):
    monkeypatch.setenv("PATH", str(write_nvidia_smi(tmp_path / "bin", script)))
    assert nvidia_cards() == []
    assert only("GPU", settings).said.startswith("none")


def test_a_gpu_with_tensorrt(settings, monkeypatch):
    fake_tensorrt.install(monkeypatch)
    version = metadata.version
    known = {"tensorrt": "10.13", "cuda-bindings": "13.0"}
    monkeypatch.setattr(metadata, "version", lambda name: known.get(name) or version(name))
    monkeypatch.setattr(diagnosis, "nvidia_cards", list)
    assert only("GPU", settings).said == "Fake GPU"
    finding = only("TensorRT", settings)
    assert finding.said == "tensorrt 10.13, cuda-bindings 13.0; CUDA 12.8, compute capability 9.0, 0 engines kept"
    monkeypatch.setattr(diagnosis, "nvidia_cards", lambda: ["A card"])
    monkeypatch.setattr(diagnosis, "find_gpu", lambda: None)
    assert "pip install cuda-bindings" in only("TensorRT", settings).advice
