"""Memory per stream: the real service in a process of its own, reading 1 to 8 RTSP streams of 640x360.

    python -m tests.bench memory [--streams 8] [--detector motion]

Each stream is added over the API, enrols for ten seconds from its live picture, and is scored from then on. Memory is
taken when all streams so far are live under their profiles. The figure is the slope of a straight line through the
sizes of the service's process (resident set) over the number of streams; the RTSP server is another process.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import httpx
import numpy as np
import psutil

from service.settings import Settings
from support.ports import free_port, wait_for_port
from support.rtsp import RtspServer
from support.video import write_video

ENROL_S = 10
FPS = 5
"""Memory does not hang on the rate, but admission does: a busy machine refuses the eighth stream at 10."""
SETTLE_S = 8
MEGABYTE = 1e6


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--streams", type=int, default=8)
    parser.add_argument("--detector", default="motion")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "media").mkdir()
        write_video(folder / "media" / "street.mp4", frames=750, rate=25, width=640, height=360)
        with RtspServer(folder / "media") as cameras, Service(folder) as service:
            sizes = [service.resident()]
            print(f"{'streams':>8} {'resident MB':>12} {'threads':>8} {'cores busy':>11}")
            for count in range(1, options.streams + 1):
                service.add(f"camera {count}", cameras.url("street.mp4"), options.detector)
                sizes.append(service.resident())
                measured = f"{sizes[-1] / MEGABYTE:12.1f} {service.threads():8} {service.busy():11.2f}"
                print(f"{count:8} {measured}", flush=True)
            history = service.full_history()
    report(sizes, history)


def report(sizes: Sequence[float], history: float) -> None:
    """Print the slope, from the first stream on: what all streams share is loaded with it."""
    counts = np.arange(1, len(sizes))
    slope, base = np.polyfit(counts, sizes[1:], 1) if len(counts) > 1 else (float("nan"), sizes[-1])
    print(f"idle service        {sizes[0] / MEGABYTE:7.1f} MB")
    print(f"shared by streams   {(base - sizes[0]) / MEGABYTE:7.1f} MB")
    print(f"each stream         {slope / MEGABYTE:7.1f} MB")
    print(f"and its score history, once it is full, {history / MEGABYTE:.1f} MB")


class Service:
    """``watchword serve`` in a process of its own, on a free port, with a data folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._folder = folder
        self._client = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=30)

    def __enter__(self) -> Service:
        command = [sys.executable, "-c", "from service.cli import main; main()", "serve", "--port", str(self.port)]
        command += ["--data-dir", str(self._folder / "data"), "--media-dir", str(self._folder / "media")]
        self._log = (self._folder / "service.log").open("wb")
        self._popen = subprocess.Popen(command, stdout=self._log, stderr=self._log, env=os.environ.copy())
        self._process = psutil.Process(self._popen.pid)
        wait_for_port(self.port)
        while self._client.get("/readyz").status_code != 200:
            time.sleep(0.2)
        return self

    def __exit__(self, *error: object) -> None:
        self._client.close()
        self._popen.terminate()
        try:
            self._popen.wait(15)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait()
        self._log.close()

    def add(self, name: str, url: str, detector: str) -> None:
        """Add a stream, and return when it has been scored under its own profile for a while."""
        body = {"name": name, "url": url, "detector": detector, "fps": FPS, "enrolment": {"seconds": ENROL_S}}
        answer = self._client.post("/streams", json=body)
        if answer.status_code != 201:
            raise SystemExit(f"stream {name}: {answer.status_code} {answer.text}")
        self._wait_until_live(answer.json()["id"])
        time.sleep(SETTLE_S)

    def _wait_until_live(self, stream_id: str, timeout: float = 90) -> None:
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            status = self._client.get(f"/streams/{stream_id}").json()["status"]
            if status["state"] == "live" and status["enrolled"]:
                return
            time.sleep(0.5)
        log = (self._folder / "service.log").read_text()[-2000:]
        raise SystemExit(f"not live within {timeout} s: {status}\n{log}")

    def full_history(self) -> float:
        """Bytes of a stream's score messages when as many as it may keep are there, by those that are there now."""
        stream = self._client.get("/streams").json()[0]["id"]
        answer = self._client.get(f"/streams/{stream}/scores", params={"limit": 100})
        return Settings().score_history * len(answer.content) / len(answer.json())

    def resident(self) -> float:
        """Bytes of the service's process that are in memory."""
        return float(self._process.memory_info().rss)

    def threads(self) -> int:
        """Threads of the service's process."""
        return int(self._process.num_threads())

    def busy(self) -> float:
        """Cores that it keeps busy, over two seconds."""
        return float(self._process.cpu_percent(interval=2.0)) / 100
