"""A real PostgreSQL server on a socket of its own, where its programs are installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


def _programs() -> Path | None:
    """The folder with initdb and pg_ctl: Debian does not put it on the path."""
    candidates = [Path(found).resolve().parent for found in [shutil.which("initdb")] if found]
    candidates += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((folder for folder in candidates if (folder / "pg_ctl").exists()), None)


class Postgres:
    """One server, reached by a socket in its folder."""

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        # The server refuses to run as root, and its socket's path must be short.
        self._folder = Path(tempfile.mkdtemp(prefix="wwpg", dir="/tmp"))
        self._user = "nobody" if os.geteuid() == 0 else None
        if self._user is not None:
            shutil.chown(self._folder, self._user)
        self.url = f"postgresql://watchword@/postgres?host={self._folder}"

    def create(self) -> None:
        """Make its files."""
        self._call("initdb", "-U", "watchword", "-A", "trust", "--no-sync", "-E", "UTF8")

    def start(self) -> None:
        """Start, and return once it answers."""
        options = f"-c listen_addresses='' -c unix_socket_directories={self._folder} -c fsync=off"
        self._call("pg_ctl", "-w", "-o", options, "-l", str(self._folder / "log"), "start")

    def kill(self) -> None:
        """End it without a farewell to its clients."""
        self._call("pg_ctl", "-m", "immediate", "-w", "stop")

    def remove(self) -> None:
        """Delete its files."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _call(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [str(self._programs / program), "-D", str(self._folder / "data"), *arguments],
            check=True,
            user=self._user,
            cwd=self._folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )


@contextmanager
def postgres_server() -> Iterator[Postgres]:
    """A running server; skips where PostgreSQL is not installed. Leave it running."""
    programs = _programs()
    if programs is None:
        pytest.skip("no PostgreSQL server is installed here (apt-get install postgresql)")
    server = Postgres(programs)
    try:
        server.create()
        server.start()
        try:
            yield server
        finally:
            server.kill()
    finally:
        server.remove()
