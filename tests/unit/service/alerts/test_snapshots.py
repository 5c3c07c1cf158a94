from __future__ import annotations

import os
from pathlib import Path

import pytest

from service.alerts.snapshots import SnapshotFolder


def names(folder: Path) -> str:
    return "".join(sorted(path.stem for path in folder.iterdir()))


def test_the_oldest_pictures_make_room(tmp_path: Path) -> None:
    folder = SnapshotFolder(tmp_path / "shots", budget=30)
    for name in "abc":
        assert folder.save(name, b"0123456789") == []
    assert folder.save("d", b"01234567890") == ["a", "b"]
    assert names(tmp_path / "shots") == "cd"


def test_a_newer_picture_of_an_alert_replaces_the_older(tmp_path: Path) -> None:
    folder = SnapshotFolder(tmp_path, budget=30)
    for name in "abca":
        assert folder.save(name, name.encode() * 10) == []
    assert folder.save("d", b"d" * 10) == ["b"]
    assert names(tmp_path) == "acd"
    assert (tmp_path / "a.jpg").read_bytes() == b"a" * 10


@pytest.mark.parametrize("budget", [0, 9])
def test_a_picture_over_the_budget_is_not_kept(tmp_path: Path, budget: int) -> None:
    folder = SnapshotFolder(tmp_path, budget)
    assert folder.save("a", b"0123456789") == ["a"]
    assert names(tmp_path) == ""


def test_a_restart_takes_stock(tmp_path: Path) -> None:
    for age, name in enumerate("cab"):
        path = tmp_path / f"{name}.jpg"
        path.write_bytes(b"0123456789")
        os.utime(path, (1000 + age, 1000 + age))
    (tmp_path / "torn.part").write_bytes(b"half")
    folder = SnapshotFolder(tmp_path, budget=30)
    assert names(tmp_path) == "abc"
    assert folder.save("d", b"0123456789") == ["c"]


def test_a_failed_write_keeps_the_older_picture(tmp_path: Path) -> None:
    folder = SnapshotFolder(tmp_path, budget=30)
    folder.save("a", b"old")
    (tmp_path / "a.part").mkdir()  # nothing can be written there
    with pytest.raises(OSError, match=r"a\.part"):
        folder.save("a", b"new")
    assert (tmp_path / "a.jpg").read_bytes() == b"old"


def test_removing_frees_room(tmp_path: Path) -> None:
    folder = SnapshotFolder(tmp_path, budget=20)
    folder.save("a", b"0123456789")
    folder.save("b", b"0123456789")
    folder.remove(["a", "ghost"])
    assert folder.save("c", b"0123456789") == []
    assert names(tmp_path) == "bc"
