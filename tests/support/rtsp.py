"""A real RTSP server in a process of its own, so that it can be killed, frozen and started again.

It serves the mp4 files of a folder (H.264 without B-frames) over RTSP/TCP, in real time.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self

from support.ports import free_port, wait_for_port


class RtspServer:
    """Serves a folder until closed; the port stays the same over restarts."""

    def __init__(self, folder: Path, port: int | None = None) -> None:
        self.folder = folder
        self.port = port or free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def url(self, name: str, *, loop: bool = True, userinfo: str = "") -> str:
        """The URL of a file, played over and over unless `loop` is False."""
        return f"rtsp://{userinfo}127.0.0.1:{self.port}/{name}?play_count={0 if loop else 1}"

    def start(self) -> None:
        """Start, and return once it accepts connections."""
        assert self._process is None, "expected a server that does not run"
        command = [sys.executable, str(Path(__file__)), str(self.folder), str(self.port)]
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
        self._process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for_port(self.port)

    def kill(self) -> None:
        """End it at once, as a power cut would (its kernel still closes the connections). Idempotent."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def freeze(self) -> None:
        """Keep connections open, and accepted by the kernel, but say nothing more."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Go on after `freeze`."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)


async def _serve(folder: str, port: int) -> None:
    from aio_rtsp_toolkit.server import serve  # only the server's own process needs it

    # Each client holds an executor thread: the default of a small machine starves the seventh.
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(64))
    await serve(folder, host="127.0.0.1", port=port)


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1], int(sys.argv[2])))
