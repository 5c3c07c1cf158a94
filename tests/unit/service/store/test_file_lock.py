from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

from service.store import file_lock as module
from service.store.file_lock import FileLock, LockTaken


def test_one_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    one = FileLock(path)
    with pytest.raises(LockTaken, match=f"^: process {os.getpid()} on .*, since "):
        FileLock(path)
    FileLock(tmp_path / "b.lock").close()
    one.close()
    one.close()
    FileLock(path).close()


def test_a_full_disk_does_not_refuse(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    one = FileLock(tmp_path / "a.lock")
    with pytest.raises(LockTaken, match=r"^$"):
        FileLock(tmp_path / "a.lock")
    one.close()
    assert "a.lock does not say who has it: No space left on device" in caplog.text


def test_where_there_are_no_locks_nobody_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def no_locks(*_: object) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    one, other = FileLock(tmp_path / "a.lock"), FileLock(tmp_path / "a.lock")
    one.close()
    other.close()
    assert f"the file system of {tmp_path} has no locks (No locks available)" in caplog.text
    assert module.logger.name in {record.name for record in caplog.records}
