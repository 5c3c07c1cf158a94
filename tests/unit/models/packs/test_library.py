"""A library of packs: what it lists, what it refuses, and when it looks again."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path

import pytest

from models.packs import (
    BUILT_IN,
    PackError,
    PackLibrary,
    file_hash,
)
from support.pack_folders import write

BUILT_IN_NAMES = ["attributes", "motion", "svad", "words"]


def test_the_built_in_packs_verify():
    packs = {entry.name: entry for entry in PackLibrary().list()}
    assert {"attributes", "motion", "svad", "words"} <= packs.keys()
    for entry in packs.values():
        assert entry.error is None, entry
        assert entry.path.parent == BUILT_IN
    assert packs["attributes"].pack.manifest.head == "attributes"
    assert packs["motion"].pack.manifest.classes == ("motion",)


def test_a_library_lists_broken_packs_with_their_error(detector):
    folder, _ = detector
    library = PackLibrary([folder.parent, folder.parent / "nowhere"])
    assert library.get("mine").name == "mine"
    content = bytearray((folder / "graph.onnx").read_bytes())
    content[3] ^= 1
    (folder / "graph.onnx").write_bytes(content)
    (entry,) = [entry for entry in library.list() if entry.name == "mine"]
    assert entry.pack is None
    assert entry.code == "wrong_hash"
    assert "expected sha256" in str(entry.error)
    with pytest.raises(PackError, match="pack mine: expected sha256") as caught:
        library.get("mine")
    assert caught.value.code == "wrong_hash"


def gone(folder):
    """As if it was removed between being listed and being looked at."""
    lstat = Path.lstat

    def missing(path):
        if path.parent == folder:
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", str(path))
        return lstat(path)

    return "lstat", missing


def unreadable(folder):
    opened = Path.open

    def denied(path, *arguments, **options):
        if path.parent == folder:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return opened(path, *arguments, **options)

    return "open", denied


@pytest.mark.parametrize(("failure", "said"), [(gone, "FileNotFoundError"), (unreadable, "PermissionError")])
def test_a_pack_that_cannot_be_read_hides_no_other(detector, monkeypatch, failure, said):
    folder, _ = detector
    library = PackLibrary([folder.parent])
    with monkeypatch.context() as patched:
        patched.setattr(Path, *failure(folder))
        entries = {entry.name: entry for entry in library.list()}
        assert entries.keys() == {*BUILT_IN_NAMES, "mine"}
        assert [name for name, entry in entries.items() if entry.pack is None] == ["mine"]
        assert entries["mine"].code == "unreadable"
        assert said in str(entries["mine"].error)
        with pytest.raises(PackError, match=f"pack mine: .*{said}"):
            library.get("mine")
    assert library.get("mine").name == "mine"


def test_names_that_are_no_text_are_shown_as_text(detector):
    """Else no answer that holds them could be written."""
    folder, _ = detector
    folder.rename(folder.parent / "m\udcffne")
    library = PackLibrary([folder.parent])
    entry = library.list()[1]
    assert (entry.name, entry.code) == ("m\\udcffne", "wrong_name")
    (folder.parent / "m\udcffne" / "manifest.json").unlink()
    assert library.list()[1].error == "expected manifest.json in m\\udcffne, found none"
    with pytest.raises(PackError, match=r"m\\udcffne"):
        library.get("mine")


@pytest.mark.parametrize("name", ["nothing", "", "../mine", "mine/../mine", ".", "manifest.json"])
def test_unknown_names(detector, name):
    with pytest.raises(
        PackError, match=r"There is no pack .*detectors: mine, motion; .*heads: attributes, svad\."
    ) as caught:
        PackLibrary([detector[0].parent]).get(name)
    assert caught.value.code == "unknown_pack"


def test_the_pack_that_was_perhaps_meant(detector):
    with pytest.raises(PackError, match=r"There is no pack 'moton'\. Did you mean 'motion'\?"):
        PackLibrary().get("moton")


def test_a_folder_of_another_name_is_refused(detector):
    folder, _ = detector
    folder.rename(folder.parent / "yours")
    with pytest.raises(PackError) as caught:
        PackLibrary([folder.parent]).get("yours")
    assert caught.value.code == "wrong_name"


def test_no_pack_replaces_a_built_in_one(detector, caplog):
    folder, manifest = detector
    write(folder, {**manifest, "name": "motion"})
    folder.rename(folder.parent / "motion")
    library = PackLibrary([folder.parent])
    assert library.get("motion").path.parent == BUILT_IN
    assert [entry.path.parent for entry in library.list() if entry.name == "motion"] == [BUILT_IN]
    assert "motion" in caplog.text


def test_files_are_hashed_once_until_they_change(detector, monkeypatch):
    folder, _ = detector
    hashed = []

    def counting(path):
        if path.is_relative_to(folder):
            hashed.append(path.name)
        return file_hash(path)

    monkeypatch.setattr("models.packs.files.file_hash", counting)
    library = PackLibrary([folder.parent])
    for _ in range(3):
        library.get("mine")
        library.list()
    assert hashed.count("LICENSE") == 1
    before = len(hashed)
    os.utime(folder / "LICENSE", ns=(1, 1))
    library.get("mine")
    assert sorted(hashed[before:]) == ["LICENSE", "graph.onnx"]


def test_new_and_removed_packs_show(detector):
    folder, _ = detector
    library = PackLibrary([folder.parent / "packs"])
    assert [entry.name for entry in library.list()] == BUILT_IN_NAMES
    (folder.parent / "packs").mkdir()
    folder.rename(folder.parent / "packs" / "mine")
    assert [entry.name for entry in library.list()] == sorted([*BUILT_IN_NAMES, "mine"])
    for path in (folder.parent / "packs" / "mine").iterdir():
        path.unlink()
    (folder.parent / "packs" / "mine").rmdir()
    assert [entry.name for entry in library.list()] == BUILT_IN_NAMES


def test_threads_share_a_library(detector):
    library, seen = PackLibrary([detector[0].parent]), []
    threads = [threading.Thread(target=lambda: seen.append(len(library.list()))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [len(BUILT_IN_NAMES) + 1] * 8
