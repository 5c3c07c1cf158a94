from __future__ import annotations

import os
import re
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from service.errors import InvalidInput
from service.store.data_folder import NAME, DataFolder

HOLDS = (
    "import sys, time; from pathlib import Path; from service.store.data_folder import DataFolder\n"
    "folder = DataFolder(Path(sys.argv[1])); print('held', flush=True); sys.stdin.read()"
)


def holder(folder: Path) -> subprocess.Popen[str]:
    """Another process that holds the folder until it is ended."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def end(process: subprocess.Popen[str], number: signal.Signals) -> None:
    process.send_signal(number)
    process.wait(60)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.close()
    process.stdout.close()


def test_a_second_process_is_refused_with_the_name_of_the_first_and_a_killed_one_leaves_nothing(tmp_path: Path) -> None:
    first = holder(tmp_path)
    expected = (
        rf"The data folder {re.escape(str(tmp_path))} is in use by another Watchword: process {first.pid} on "
        rf"{re.escape(socket.gethostname())}, since \d{{4}}-.*--data-dir"
    )
    with pytest.raises(InvalidInput, match=expected) as caught:
        DataFolder(tmp_path)
    assert caught.value.code == "data_folder_in_use"
    end(first, signal.SIGKILL)
    DataFolder(tmp_path).close()


def test_it_is_free_again_after_closing_and_only_its_owner_reads_the_lock(tmp_path: Path) -> None:
    one = DataFolder(tmp_path / "deep" / "data")
    with pytest.raises(InvalidInput, match=f"process {os.getpid()} on"):
        DataFolder(one.path)
    assert stat.S_IMODE((one.path / NAME).stat().st_mode) == 0o600
    one.close()
    one.close()
    DataFolder(one.path).close()


def test_a_child_that_outlives_the_service_does_not_hold_the_folder(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        folder.close()
        DataFolder(tmp_path).close()
        child.kill()


def test_a_lock_without_a_name_still_locks(tmp_path: Path) -> None:
    one = DataFolder(tmp_path)
    (tmp_path / NAME).write_text("{}")
    with pytest.raises(InvalidInput, match=r"in use by another Watchword\. Stop that one"):
        DataFolder(tmp_path)
    one.close()


def test_a_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "data"
    path.touch()
    with pytest.raises(InvalidInput, match=rf"cannot be used: {path} is a file, not a folder\."):
        DataFolder(path)
    with pytest.raises(InvalidInput, match="is a file, not a folder"):
        DataFolder(path / "deeper")


@pytest.mark.parametrize("name", ["profiles", "snapshots", "packs"])
def test_a_folder_in_it_that_is_a_file_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    with pytest.raises(InvalidInput, match=rf"{tmp_path / name} is a file, not a folder\.") as caught:
        DataFolder(tmp_path)
    assert caught.value.code == "data_folder_unusable"


def test_a_folder_that_must_not_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "profiles").mkdir()
    monkeypatch.setattr(os, "access", lambda path, _: Path(path).name != "profiles")  # root may write everywhere
    with pytest.raises(InvalidInput, match=rf"{tmp_path / 'profiles'}: Permission denied\."):
        DataFolder(tmp_path)


def test_a_lock_that_cannot_be_made_is_told_of(tmp_path: Path) -> None:
    (tmp_path / NAME).mkdir()
    with pytest.raises(InvalidInput, match=rf"{tmp_path / NAME}: Is a directory\."):
        DataFolder(tmp_path)
