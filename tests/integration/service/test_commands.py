"""The commands as a person runs them: in processes of their own."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest

from models.packs import PackLibrary
from support.video import write_video

WATCHWORD = str(Path(sys.executable).parent / "watchword")


@pytest.mark.parametrize("module", ["service.engine.session", "export.parity", "training.text.text_tower"])
def test_the_runtime_tells_nobody_what_it_runs_on(module: str, tmp_path: Path) -> None:
    graph = PackLibrary().get("words").path / "text.onnx"
    code = f"import {module}, onnxruntime; onnxruntime.InferenceSession({str(graph)!r})"
    inherited = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    subprocess.run([sys.executable, "-c", code], check=True, env={**inherited, "HOME": str(tmp_path)})
    assert not (tmp_path / ".cache" / "Microsoft").exists()


class Command:
    """A running command whose output is read as it comes."""

    def __init__(self, *arguments: str, **environment: str) -> None:
        self._process = subprocess.Popen(
            [WATCHWORD, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "COLUMNS": "200", **environment},
            start_new_session=True,
        )
        self._lines: list[str] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as output:
            for line in output:
                self._lines.append(line)

    @property
    def output(self) -> str:
        return "".join(self._lines)

    def wait_for(self, pattern: str, timeout: float) -> re.Match[str]:
        deadline = time.monotonic() + timeout
        while (found := re.search(pattern, self.output)) is None:
            assert self._process.poll() is None, self.output
            assert time.monotonic() < deadline, f"no {pattern!r} within {timeout} s in:\n{self.output}"
            time.sleep(0.1)
        return found

    def interrupt(self, timeout: float = 60.0) -> int:
        """Ctrl-C: the signal goes to the whole group. Fail unless everything it started ends with it."""
        return self.stop(signal.SIGINT, timeout)

    def stop(self, number: signal.Signals, timeout: float = 60.0) -> int:
        group = os.getpgid(self._process.pid)
        os.killpg(group, number)
        code = self._process.wait(timeout)
        self._reader.join(timeout)
        deadline = time.monotonic() + 60
        while _exists(group):
            assert time.monotonic() < deadline, f"processes of group {group} are left"
            time.sleep(0.05)
        return code

    def kill(self) -> None:
        if self._process.poll() is None:
            os.killpg(os.getpgid(self._process.pid), signal.SIGKILL)
            self._process.wait()
        self._reader.join()


def _exists(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture
def run():
    started: list[Command] = []

    def start(*arguments: str, **environment: str) -> Command:
        started.append(Command(*arguments, **environment))
        return started[-1]

    yield start
    for command in started:
        command.kill()


def finished(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [WATCHWORD, *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "COLUMNS": "200"},
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serve_answers_and_stops_when_told_to(run, tmp_path: Path, number: signal.Signals) -> None:
    service = run("serve", "--port", "0", "--data-dir", str(tmp_path / "data"), "--media-dir", str(tmp_path))
    url = service.wait_for(r"http://127\.0\.0\.1:\d+", 60)[0]
    deadline = time.monotonic() + 60
    while not httpx.get(f"{url}/readyz").is_success:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert httpx.get(f"{url}/streams").json() == []
    assert service.stop(number) == 0
    assert "Finished server process" in service.output
    assert "Traceback" not in service.output


def test_serve_says_what_is_wrong_with_a_setting(tmp_path: Path) -> None:
    failed = subprocess.run(
        [WATCHWORD, "serve", "--data-dir", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "WATCHWORD_STALL_S": "-1"},
    )
    assert failed.returncode == 2
    assert "error: WATCHWORD_STALL_S: expected a number above 0, got '-1'." in failed.stderr
    assert "Traceback" not in failed.stderr


def served(*arguments: str, **environment: str) -> str:
    """What a service says that must not start; one sentence, and no traceback."""
    failed = subprocess.run(
        [WATCHWORD, "serve", "--port", "0", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "COLUMNS": "200", **environment},
    )
    assert failed.returncode == 2, failed.stderr
    assert "Traceback" not in failed.stderr
    (line,) = [line for line in failed.stderr.splitlines() if line.startswith("error: ")]
    return line.removeprefix("error: ")


def test_a_second_service_on_a_data_folder_is_refused_at_once_and_a_killed_one_is_not_in_the_way(
    run, tmp_path: Path
) -> None:
    arguments = ("--data-dir", str(tmp_path / "data"), "--media-dir", str(tmp_path))
    first = run("serve", "--port", "0", *arguments)
    url = first.wait_for(r"http://127\.0\.0\.1:\d+", 60)[0]
    assert f"The data folder {tmp_path / 'data'} is in use by another Watchword: process " in served(*arguments)
    # With a database of its own it is refused as well: profiles and snapshots are in the folder.
    own = f"sqlite:///{tmp_path / 'other.db'}"
    assert "is in use by another Watchword" in served(*arguments, WATCHWORD_DATABASE_URL=own)
    assert not (tmp_path / "other.db").exists()
    assert httpx.get(f"{url}/healthz").is_success
    first.kill()
    again = run("serve", "--port", "0", *arguments)
    again.wait_for("Application startup complete", 60)
    assert again.stop(signal.SIGTERM) == 0


def test_a_start_that_fails_names_what_is_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged/watchword.db").write_bytes(b"this is no database " * 300)
    said = served("--data-dir", str(tmp_path / "damaged"))
    assert f"The database {tmp_path / 'damaged/watchword.db'} is damaged (file is not a database)." in said
    (tmp_path / "blocked").mkdir()
    (tmp_path / "blocked/profiles").touch()
    assert f"{tmp_path / 'blocked/profiles'} is a file, not a folder." in served(
        "--data-dir", str(tmp_path / "blocked")
    )
    (tmp_path / "file").touch()
    assert f"{tmp_path / 'file'} is a file, not a folder." in served("--data-dir", str(tmp_path / "file"))


def test_a_port_that_is_taken_is_named_with_the_option_for_another(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = served("--data-dir", str(tmp_path), "--port", str(port))
    assert said.startswith(f"Port {port} of 127.0.0.1 is in use by another program.")
    assert "--port" in said


def test_a_variable_that_is_no_setting_is_mentioned(run, tmp_path: Path) -> None:
    service = run("serve", "--port", "0", "--data-dir", str(tmp_path), WATCHWORD_WEBHOOK_URL="https://x.example/s3cret")
    service.wait_for(r"WATCHWORD_WEBHOOK_URL is no setting.*Did you mean WATCHWORD_WEBHOOK_URLS\?", 60)
    service.wait_for("Application startup complete", 60)
    assert service.stop(signal.SIGTERM) == 0
    assert "s3cret" not in service.output


@pytest.mark.slow
def test_enrol_then_watch_a_recording(tmp_path: Path) -> None:
    video = write_video(tmp_path / "yard.mp4", frames=300, rate=10)
    profile = tmp_path / "yard.npz"
    enrolled = finished("enrol", str(video), "--out", str(profile))
    assert enrolled.returncode == 0, enrolled.stderr
    # The background settles over four seconds, and where the square leaps back to the left, seven times after that, is
    # a cut without motion.
    assert "learned from 252 frames" in enrolled.stdout
    watched = finished("watch", str(video), "--profile", str(profile))
    assert watched.returncode == 0, watched.stderr
    assert "the source has ended" in watched.stdout


@pytest.mark.slow
def test_watch_learns_first_when_there_is_no_profile(tmp_path: Path) -> None:
    video = write_video(tmp_path / "yard.mp4", frames=200, rate=10)
    watched = finished("watch", str(video), "--seconds", "12")
    assert watched.returncode == 0, watched.stderr
    assert "the source has ended" in watched.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["watch", "gopher://camera/1"], "rtsp"),
        (["watch", "rtsp://127.0.0.1:1/none"], "127.0.0.1:1"),
        (["enrol", "no-such-file.mp4"], "does not exist"),
        (["watch", "--detector", "no-such-pack", "{video}"], "no-such-pack"),
    ],
)
def test_bad_input_is_one_clear_sentence(arguments: list[str], says: str, tmp_path: Path) -> None:
    video = write_video(tmp_path / "yard.mp4", frames=10)
    failed = finished(*(argument.format(video=video) for argument in arguments))
    assert failed.returncode == 2
    assert says in failed.stderr
    assert "Traceback" not in failed.stderr


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_demo_scores_the_virtual_camera_and_leaves_nothing_behind(run) -> None:
    demo = run("demo", "--port", "0", "--enrol-seconds", "20")
    url = demo.wait_for(r"http://127\.0\.0\.1:\d+", 90)[0]
    demo.wait_for("knows the plaza", 90)
    stream = httpx.get(f"{url}/streams").json()[0]
    assert stream["status"]["state"] == "live"
    newest = httpx.get(f"{url}/streams/{stream['id']}/scores", params={"limit": 1}).json()[0]
    assert 0.0 <= newest["score"] <= 1.0
    assert demo.interrupt() == 0
    assert "Traceback" not in demo.output
