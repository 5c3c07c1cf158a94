"""What this machine has, and what would run there: each check gives findings, and changes nothing."""

from __future__ import annotations

import importlib
import os
import platform
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Literal

from pydantic import SecretStr
from sqlalchemy import create_engine, make_url, text

from models.packs import PackLibrary
from service.engine.pack_check import try_pack
from service.engine.tensorrt import Gpu, find_gpu
from service.redact import redact
from service.settings import Settings

Level = Literal["ok", "note", "problem"]

OPENCV = ("opencv-python", "opencv-python-headless", "opencv-contrib-python", "opencv-contrib-python-headless")
"""Distributions that all put a ``cv2`` into the same place."""

VECTOR = ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "amx_int8", "asimd", "asimddp", "sve")
"""Instructions that decide how fast graphs run; ``vnni``, ``amx`` and ``asimddp`` are those of int8."""

_MIN_DISK = 1 << 30  # an hour of alerts' pictures, and the database beside them
_MIN_MEMORY = 2 << 30  # the service with one stream and a YOLO takes half of it
_TIMEOUT_S = 3.0


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found.

    Attributes:
        name: Of what was looked at.
        level: ``ok``; ``note`` for what works, but not as well as it could; ``problem`` for what does not work.
        said: What is there, in a sentence.
        advice: What to do about it, if anything.
        facts: The same for programs.
    """

    name: str
    level: Level
    said: str
    advice: str = ""
    facts: dict[str, object] = field(default_factory=dict)


def diagnose(settings: Settings) -> Iterator[Finding]:
    """All findings, as they come; a check that fails itself is a problem and ends none of the others."""
    checks: tuple[tuple[str, Callable[[Settings], Iterator[Finding]]], ...] = (
        ("python", _python),
        ("processor", _processor),
        ("memory", _memory),
        ("ONNX Runtime", _onnxruntime),
        ("GPU", _gpu),
        ("OpenCV", _opencv),
        ("video", _video),
        ("disk", _disk),
        ("database", _database),
        ("redis", _redis),
        ("packs", _packs),
    )
    for name, check in checks:
        try:
            yield from check(settings)
        except Exception as error:
            said = redact(f"could not be looked at: {type(error).__name__}: {error}")
            yield Finding(name, "problem", " ".join(said.split())[:300])


def _python(_: Settings) -> Iterator[Finding]:
    said = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    old = sys.version_info < (3, 11)
    yield Finding("python", "problem" if old else "ok", said, "Python 3.11 or newer is needed." if old else "")


def _processor(_: Settings) -> Iterator[Finding]:
    cores = len(os.sched_getaffinity(0))
    quota = cpu_quota()
    information = _read(Path("/proc/cpuinfo"))
    flags = set(_value(information, "flags").split()) | set(_value(information, "Features").split())
    found = [name for name in VECTOR if name in flags]
    model = _value(information, "model name") or platform.processor() or "of unknown make"
    bound = "" if quota is None else f", bounded to {quota:g} by its container"
    facts: dict[str, object] = {"cores": cores, "quota": quota, "vector": found, "model": model}
    slow = not {"avx2", "asimd"} & flags
    yield Finding(
        "processor",
        "note" if slow else "ok",
        f"{cores} cores{bound}, {model}, {' '.join(found) or 'no vector instructions that are known here'}",
        "Without AVX2 graphs run several times slower: count on few streams." if slow else "",
        facts,
    )


def _memory(_: Settings) -> Iterator[Finding]:
    information = _read(Path("/proc/meminfo"))
    total, free = (int(_value(information, name).split()[0]) << 10 for name in ("MemTotal", "MemAvailable"))
    bound = _number(_read(Path("/sys/fs/cgroup/memory.max")))
    if bound is not None and bound < total:
        used = _number(_read(Path("/sys/fs/cgroup/memory.current"))) or 0
        total, free = bound, min(free, bound - used)
    short = free < _MIN_MEMORY
    yield Finding(
        "memory",
        "note" if short else "ok",
        f"{_size(free)} free of {_size(total)}",
        f"Below {_size(_MIN_MEMORY)} detectors of high resolution or many streams may be killed." if short else "",
        {"total": total, "free": free},
    )


def _onnxruntime(_: Settings) -> Iterator[Finding]:
    import onnxruntime as ort

    builds = _installed("onnxruntime", "onnxruntime-gpu", "onnxruntime-openvino", "onnxruntime-directml")
    providers = [name.removesuffix("ExecutionProvider") for name in ort.get_available_providers()]
    facts: dict[str, object] = {"version": ort.__version__, "providers": providers, "builds": builds}
    said = f"{ort.__version__} with {', '.join(providers)}"
    if len(builds) > 1:
        advice = f"They overwrite each other: uninstall all of {', '.join(builds)}, then install the one you want."
        yield Finding("ONNX Runtime", "problem", f"{said}, from {len(builds)} builds at once", advice, facts)
        return
    yield Finding("ONNX Runtime", "ok", said, facts=facts)
    if version := _installed("openvino").get("openvino"):
        yield Finding("OpenVINO", "ok", f"{version}; the service does not use it", facts={"version": version})


def _gpu(settings: Settings) -> Iterator[Finding]:
    import onnxruntime as ort

    gpu, cards = find_gpu(), nvidia_cards()
    if gpu is None and not cards:
        yield Finding("GPU", "ok", "none; graphs run on the processor", facts={"cards": []})
        return
    names = "; ".join(cards) or str(gpu and gpu.name)
    yield Finding("GPU", "ok", names, facts={"cards": cards})
    if "CUDAExecutionProvider" not in ort.get_available_providers():
        advice = "pip uninstall onnxruntime; pip install 'watchword[gpu]'. The two builds exclude each other."
        yield Finding("CUDA provider", "note", "this ONNX Runtime runs on the processor only", advice)
    yield _tensorrt(settings, gpu)


def _tensorrt(settings: Settings, gpu: Gpu | None) -> Finding:
    if settings.tensorrt == "off":
        return Finding("TensorRT", "ok", "turned off (WATCHWORD_TENSORRT)")
    found = _installed("tensorrt", "tensorrt-cu12", "tensorrt-cu13", "cuda-bindings")
    if not any(name.startswith("tensorrt") for name in found):
        return Finding("TensorRT", "note", "not installed", "pip install 'watchword[tensorrt]': engines run faster.")
    if gpu is None:
        advice = "pip install cuda-bindings, of the driver's CUDA version or older."
        return Finding("TensorRT", "problem", "CUDA shows this process no GPU", advice, dict(found))
    engines = len(list(settings.engines_path.glob("*.engine"))) if settings.engines_path.is_dir() else 0
    versions = ", ".join(f"{name} {version}" for name, version in found.items())
    said = f"{versions}; CUDA {gpu.driver}, compute capability {gpu.capability}, {engines} engines kept"
    return Finding("TensorRT", "ok", said, facts={**found, "capability": gpu.capability, "engines": engines})


def _opencv(_: Settings) -> Iterator[Finding]:
    builds = _installed(*OPENCV)
    version = importlib.import_module("cv2").__version__
    if len(builds) > 1:
        advice = f"pip uninstall -y {' '.join(builds)}; pip install opencv-python-headless"
        yield Finding("OpenCV", "problem", f"{len(builds)} builds in one place: {', '.join(builds)}", advice)
        return
    yield Finding("OpenCV", "ok", f"{version} from {', '.join(builds) or 'the system'}", facts={"version": version})


def _video(_: Settings) -> Iterator[Finding]:
    import av

    wanted = ("h264", "hevc", "mjpeg", "av1", "vp9")
    codecs = [name for name in wanted if name in av.codecs_available]
    missing = [name for name in ("h264", "hevc", "mjpeg") if name not in codecs]
    protocols = "rtsp" in av.formats_available
    said = f"PyAV {av.__version__} decodes {', '.join(codecs) or 'nothing'}{'' if protocols else ', without RTSP'}"
    facts: dict[str, object] = {"version": av.__version__, "codecs": codecs, "rtsp": protocols}
    broken = bool(missing) or not protocols
    advice = "pip install --force-reinstall av: its wheels bring all of them." if broken else ""
    yield Finding("video", "problem" if broken else "ok", said, advice, facts)


def _disk(settings: Settings) -> Iterator[Finding]:
    folder = settings.data_dir.resolve()
    there = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(there).free
    facts: dict[str, object] = {"folder": str(folder), "free": free}
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        advice = f"Give this user the right to write in {there}, or set WATCHWORD_DATA_DIR."
        yield Finding("disk", "problem", f"{there} cannot be written: {error.strerror}", advice, facts)
        return
    short = free < _MIN_DISK
    advice = "Alerts' pictures and clips soon fill it: make room, or set WATCHWORD_DATA_DIR." if short else ""
    yield Finding("disk", "note" if short else "ok", f"{_size(free)} free for {folder}", advice, facts)
    if not settings.media_dir.is_dir():
        advice = "Make it, or set WATCHWORD_MEDIA_DIR, if streams or enrolment shall read files."
        yield Finding("media", "note", f"no folder {settings.media_dir.resolve()}", advice)


def _database(settings: Settings) -> Iterator[Finding]:
    url = make_url(settings.database)
    if url.get_backend_name() == "sqlite":
        yield _sqlite(Path(str(url.database)))
        return
    shown = url.render_as_string(hide_password=True)
    engine = create_engine(url.set(drivername="postgresql+psycopg"), connect_args={"connect_timeout": int(_TIMEOUT_S)})
    try:
        with engine.connect() as connection:
            version = connection.execute(text("SHOW server_version")).scalar()
        yield Finding("database", "ok", f"PostgreSQL {version} at {shown}")
    except ImportError:
        yield Finding("database", "problem", "no driver for PostgreSQL", "pip install 'watchword[postgres]'")
    except Exception as error:
        said = " ".join(redact(str(error)).split())[:200]
        yield Finding("database", "problem", f"{shown}: {said}", "Start it, or correct WATCHWORD_DATABASE_URL.")
    finally:
        engine.dispose()


def _sqlite(path: Path) -> Finding:
    if not path.is_file():
        return Finding("database", "ok", f"SQLite, made at the first start in {path.resolve()}")
    try:
        connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=_TIMEOUT_S)
        try:
            verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
            streams = connection.execute("SELECT count(*) FROM streams").fetchone()[0]
        finally:
            connection.close()
    except sqlite3.Error as error:
        return Finding("database", "problem", f"{path}: {error}", "Restore it from a backup, or move it away.")
    if verdict != "ok":
        return Finding("database", "problem", f"{path}: {verdict}", "Restore it from a backup.")
    return Finding("database", "ok", f"SQLite {path.resolve()}, {streams} streams", facts={"streams": streams})


def _redis(settings: Settings) -> Iterator[Finding]:
    if settings.redis_url is None:
        yield Finding("redis", "ok", "not configured; the bus is in memory")
        return
    yield _ping(settings.redis_url)


def _ping(url: SecretStr) -> Finding:
    import redis

    shown = redact(url.get_secret_value())
    try:
        client = redis.Redis.from_url(
            url.get_secret_value(), socket_connect_timeout=_TIMEOUT_S, socket_timeout=_TIMEOUT_S
        )
        try:
            version = client.info("server")["redis_version"]
        finally:
            client.close()
    except (redis.RedisError, ValueError, OSError) as error:
        said = " ".join(redact(str(error)).split())[:200]
        return Finding("redis", "problem", f"{shown}: {said}", "Start it, or correct WATCHWORD_REDIS_URL.")
    return Finding("redis", "ok", f"{version} at {shown}", facts={"version": str(version)})


def _packs(settings: Settings) -> Iterator[Finding]:
    for entry in PackLibrary([settings.packs_path]).list():
        name = f"pack {entry.name}"
        advice = f"watchword packs remove {entry.name}, and pull or build it again."
        if entry.pack is None:
            yield Finding(name, "problem", entry.error or "does not verify", advice, {"code": entry.code})
            continue
        trial = try_pack(entry.pack, settings.threads)
        if trial.problem is not None:
            yield Finding(name, "problem", trial.problem, advice)
            continue
        times = ", ".join(f"{seconds * 1e3:.3g} ms a {part}" for part, seconds in trial.seconds.items())
        yield Finding(
            name, "ok", f"{entry.pack.kind}, verified{times and ', '}{times}", facts={"seconds": dict(trial.seconds)}
        )


def cpu_quota() -> float | None:
    """Cores that the container may use (cgroup v2), or None if it is not bounded."""
    quota, _, period = _read(Path("/sys/fs/cgroup/cpu.max")).partition(" ")
    return int(quota) / int(period) if quota.isdecimal() and period.strip().isdecimal() else None


def nvidia_cards() -> list[str]:
    """Name, driver and memory of each card, as ``nvidia-smi`` tells; empty without it."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    query = "--query-gpu=name,driver_version,memory.total"
    try:
        done = subprocess.run(  # noqa: S603
            [program, query, "--format=csv,noheader"], capture_output=True, text=True, timeout=10, check=True
        )
    except (subprocess.SubprocessError, OSError):
        return []
    return [line.strip() for line in done.stdout.splitlines() if line.strip()]


def _installed(*names: str) -> dict[str, str]:
    """Versions of those distributions that are installed."""
    found = {}
    for name in names:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


def _value(lines: str, name: str) -> str:
    """Of the first line ``name : value``."""
    for line in lines.splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return ""


def _number(content: str) -> int | None:
    return int(content) if content.strip().isdecimal() else None


def _size(count: int) -> str:
    return f"{count / (1 << 30):.1f} GiB"


def worst(findings: Sequence[Finding]) -> Level:
    """The worst level there is."""
    levels = {finding.level for finding in findings}
    return "problem" if "problem" in levels else "note" if "note" in levels else "ok"
