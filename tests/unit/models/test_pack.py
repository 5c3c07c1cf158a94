"""Packs: each thing that can be wrong with one, and what is said of it."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import struct
import threading
import zipfile
from pathlib import Path

import numpy as np
import pytest

from models.pack import (
    BUILT_IN,
    DetectorManifest,
    HeadManifest,
    Pack,
    PackError,
    PackLibrary,
    array_headers,
    file_hash,
    parse_manifest,
)
from support.graphs import write_graph, yolox_answer

BUILT_IN_NAMES = ["attributes", "motion", "svad", "words"]


def described(path, file=None):
    content = path.read_bytes()
    return {"file": file or path.name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def common(kind, name="mine"):
    return {
        "format": 1,
        "name": name,
        "kind": kind,
        "version": "1",
        "description": "A test's.",
        "licence": "Apache-2.0",
        "provenance": "Made by a test.",
    }


def write(folder, manifest):
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


@pytest.fixture
def detector(tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    write_graph(folder / "graph.onnx", yolox_answer([], [], []))
    (folder / "LICENSE").write_text("Do what you like.")
    manifest = {
        **common("detector"),
        "layout": "yolox",
        "graph": described(folder / "graph.onnx"),
        "input": [416, 416],
        "classes": ["person", "car"],
        "confidence": 0.25,
        "overlap": 0.5,
        "tiles": "auto",
        "documents": [described(folder / "LICENSE")],
    }
    return write(folder, manifest), manifest


@pytest.fixture
def head(tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    np.savez(folder / "centres.npz", centres=np.ones((5, 3), np.float32), counts=np.arange(5))
    write_graph(folder / "encoder.onnx", yolox_answer([], [], []))
    arrays = {"centres": {"dtype": "float32", "shape": [5, 3]}, "counts": {"dtype": "int64", "shape": [5]}}
    manifest = {
        **common("head"),
        "head": "attributes",
        "view": "object",
        "parameters": {"neighbours": 3, "weights": [0.5, 0.5]},
        "graphs": {"encoder": described(folder / "encoder.onnx")},
        "arrays": {"centres": {**described(folder / "centres.npz"), "arrays": arrays}},
    }
    return write(folder, manifest), manifest


def refused(folder):
    with pytest.raises(PackError) as caught:
        Pack.load(folder)
    return caught.value


def test_a_detector_pack(detector):
    folder, manifest = detector
    pack = Pack.load(folder)
    assert (pack.name, pack.kind) == ("mine", "detector")
    assert isinstance(pack.manifest, DetectorManifest)
    assert pack.manifest.input == (416, 416)
    assert pack.manifest.tiles == "auto"
    assert pack.file(pack.manifest.graph).read_bytes() == (folder / "graph.onnx").read_bytes()
    assert pack.hash == hashlib.sha256((folder / "manifest.json").read_bytes()).hexdigest()
    write(folder, {**manifest, "tiles": [2, 1]})
    assert Pack.load(folder).manifest.tiles == (2, 1)


def test_a_head_pack_and_its_arrays(head):
    pack = Pack.load(head[0])
    assert isinstance(pack.manifest, HeadManifest)
    assert pack.manifest.parameters == {"neighbours": 3, "weights": [0.5, 0.5]}
    arrays = pack.arrays("centres")
    np.testing.assert_array_equal(arrays["centres"], np.ones((5, 3), np.float32))
    assert arrays["counts"].dtype == np.int64
    with pytest.raises(KeyError):
        pack.arrays("others")


@pytest.mark.parametrize(
    ("changes", "code", "said"),
    [
        pytest.param({"format": 2}, "unknown_format", "expected format 1.*got 2", id="of the future"),
        pytest.param({"format": None}, "unknown_format", "got None", id="no format"),
        pytest.param(
            {"format": 2, "requires": "0.7.0", "colour": "red"},
            "unknown_format",
            "expected format 1.*got 2; the pack needs watchword 0.7.0 or newer, this is 0",
            id="of the future, which says what it needs",
        ),
        pytest.param(
            {"requires": "999.1", "kind": "tracker"},
            "program_too_old",
            "the pack needs watchword 999.1 or newer, this is 0",
            id="of this format, for a newer program",
        ),
        pytest.param({"requires": "soon"}, "bad_manifest", "requires", id="for no version"),
        pytest.param({"requires": 2}, "bad_manifest", "requires", id="for a version that is a number"),
        pytest.param({"kind": "tracker"}, "bad_manifest", "'head', 'detector', 'encoder'", id="unknown kind"),
        pytest.param({"colour": "red"}, "unknown_key", "colour: expected no such key", id="unknown key"),
        pytest.param({"name": "../mine"}, "bad_manifest", "name", id="name that leads out"),
        pytest.param({"name": "Mine"}, "bad_manifest", "name", id="name in capitals"),
        pytest.param({"licence": ""}, "bad_manifest", "licence", id="no licence"),
        pytest.param({"classes": []}, "bad_manifest", "classes", id="no classes"),
        pytest.param({"classes": ["car", "car"]}, "bad_manifest", "different names", id="a class twice"),
        pytest.param({"confidence": 1.5}, "bad_manifest", "confidence", id="confidence above 1"),
        pytest.param({"confidence": "0.5"}, "bad_manifest", "confidence", id="a number as a text"),
        pytest.param({"input": [416, 400]}, "bad_manifest", "input", id="input no multiple of 32"),
        pytest.param({"input": [416]}, "bad_manifest", "input", id="input of one side"),
        pytest.param({"tiles": [9, 1]}, "bad_manifest", "tiles", id="too many tiles"),
        pytest.param({"layout": "R-CNN"}, "bad_manifest", "layout", id="layout in capitals"),
        pytest.param({"layout": "motion"}, "bad_manifest", "no graph, got", id="motion with a graph"),
        pytest.param({"graph": None}, "bad_manifest", "expected graph, conf", id="yolox without a graph"),
    ],
)
def test_manifests_that_are_refused(detector, changes, code, said):
    folder, manifest = detector
    write(folder, {**manifest, **changes})
    error = refused(folder)
    assert error.code == code
    with pytest.raises(PackError, match=said):
        Pack.load(folder)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b"", "bad_manifest"),
        (b"{", "bad_manifest"),
        (b"[]", "bad_manifest"),
        (b"\xff\xfe", "bad_manifest"),
        (b"[" * 100_000, "bad_manifest"),
        (b'{"format": 1}', "bad_manifest"),
    ],
)
def test_what_is_no_manifest(text, code):
    with pytest.raises(PackError) as caught:
        parse_manifest(text)
    assert caught.value.code == code


@pytest.mark.parametrize(
    "file",
    [
        "../graph.onnx",
        "/etc/passwd",
        "a/../../graph.onnx",
        "a//b",
        "./graph.onnx",
        "a\\b",
        "a/",
        ".hidden",
        "gr\0aph",
        "~/x",
    ],
)
def test_paths_that_could_lead_out_are_refused(detector, file):
    folder, manifest = detector
    write(folder, {**manifest, "graph": {**manifest["graph"], "file": file}})
    assert refused(folder).code == "bad_path"


def test_a_file_in_a_folder_of_the_pack_is_fine(detector):
    folder, manifest = detector
    (folder / "deep").mkdir()
    (folder / "graph.onnx").rename(folder / "deep" / "graph.onnx")
    write(folder, {**manifest, "graph": {**manifest["graph"], "file": "deep/graph.onnx"}})
    assert Pack.load(folder).manifest.graph.file == "deep/graph.onnx"


def break_missing(folder):
    (folder / "graph.onnx").unlink()


def break_size(folder):
    (folder / "graph.onnx").write_bytes(b"short")


def break_hash(folder):
    content = bytearray((folder / "graph.onnx").read_bytes())
    content[3] ^= 1
    (folder / "graph.onnx").write_bytes(content)


def break_link(folder):
    (folder / "graph.onnx").rename(folder.parent / "elsewhere")
    (folder / "graph.onnx").symlink_to(folder.parent / "elsewhere")


def break_folder(folder):
    (folder / "graph.onnx").unlink()
    (folder / "graph.onnx").mkdir()


def break_pipe(folder):
    (folder / "graph.onnx").unlink()
    os.mkfifo(folder / "graph.onnx")


def break_document(folder):
    (folder / "LICENSE").write_text("Do what we like..")


def break_manifest_link(folder):
    (folder / "manifest.json").rename(folder.parent / "elsewhere")
    (folder / "manifest.json").symlink_to(folder.parent / "elsewhere")


def break_manifest(folder):
    (folder / "manifest.json").unlink()


def break_long_manifest(folder):
    (folder / "manifest.json").write_bytes(b" " * 1_000_001)


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (break_missing, "missing_file"),
        (break_folder, "missing_file"),
        (break_pipe, "missing_file"),
        (break_size, "wrong_size"),
        (break_hash, "wrong_hash"),
        (break_document, "wrong_hash"),
        (break_link, "symlink"),
        (break_manifest_link, "symlink"),
        (break_manifest, "missing_file"),
        (break_long_manifest, "wrong_size"),
    ],
)
def test_damage_is_found(detector, damage, code):
    damage(detector[0])
    assert refused(detector[0]).code == code


def test_a_linked_folder_inside_a_pack_is_refused(detector):
    folder, manifest = detector
    outside = folder.parent / "outside"
    outside.mkdir()
    (folder / "graph.onnx").rename(outside / "graph.onnx")
    (folder / "deep").symlink_to(outside)
    write(folder, {**manifest, "graph": {**manifest["graph"], "file": "deep/graph.onnx"}})
    assert refused(folder).code == "symlink"


def npz(**arrays):
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


def archive(method=zipfile.ZIP_STORED, **files):
    """A zip of files, each named by its key with ``__`` for a dot."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as opened:
        for name, content in files.items():
            opened.writestr(name.replace("__", "."), content)
    return stream.getvalue()


def npy(header, data=b""):
    """An array's file, whatever its header says."""
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + data


def claiming(shape, data=b""):
    return npy(f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}}}", data)


def changed(content, entry, *changes):
    """An archive whose only file's entry, in its own header and in the directory, has other bytes."""
    content = bytearray(content)
    for start in (content.index(b"PK\x03\x04") + entry, content.index(b"PK\x01\x02") + entry + 2):
        content[start : start + len(changes)] = changes
    return bytes(content)


def broken_deflate():
    content = bytearray(archive(zipfile.ZIP_DEFLATED, a__npy=npy("x" * 100)))
    content[35:37] = b"\xff\xff"  # after a local header of 30 bytes and five of the name
    return bytes(content)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        pytest.param(npz(centres=np.ones((5, 3), np.float32)), "bad_arrays", id="one missing"),
        pytest.param(
            npz(centres=np.ones((5, 3), np.float32), counts=np.arange(5), more=np.arange(5)),
            "bad_arrays",
            id="one more",
        ),
        pytest.param(npz(centres=np.ones((5, 4), np.float32), counts=np.arange(5)), "wrong_shape", id="shape"),
        pytest.param(npz(centres=np.ones((5, 3)), counts=np.arange(5)), "wrong_shape", id="type"),
        pytest.param(
            npz(centres=np.ones((5, 3), np.float32), counts=np.array([{}] * 5)), "bad_arrays", id="Python objects"
        ),
        pytest.param(archive(centres__npy=claiming((10**12, 2))), "bad_arrays", id="claims more than it holds"),
        pytest.param(b"not an archive", "bad_arrays", id="no archive"),
    ],
)
def test_arrays_are_what_the_manifest_says(head, content, code):
    folder, manifest = head
    (folder / "centres.npz").write_bytes(content)
    arrays = {**manifest["arrays"]["centres"], **described(folder / "centres.npz")}
    write(folder, {**manifest, "arrays": {"centres": arrays}})
    assert refused(folder).code == code


TWO = claiming((2,), bytes(8))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param(changed(archive(a__npy=TWO), 6, 1), "encrypted", id="encrypted"),
        pytest.param(changed(archive(a__npy=TWO), 8, 97), "neither stored nor", id="unknown compression"),
        pytest.param(archive(zipfile.ZIP_LZMA, a__npy=TWO), "neither stored nor", id="compression without a bound"),
        pytest.param(broken_deflate(), "while decompressing", id="broken deflate"),
        pytest.param(archive(a__npy=npy("-" * 5000 + "1")), "recursion", id="a header without end"),
        pytest.param(archive(a__npy=claiming((2**70,))), f"expected {2**72} bytes", id="claims what no integer holds"),
        pytest.param(archive(a__npy=claiming((2**32, 2**32))), f"expected {2**66} bytes", id="counts round to zero"),
        # numpy gives the twin under the name whose own array was looked at.
        pytest.param(archive(a=claiming((3,), bytes(12)), a__npy=TWO), "twice", id="a twin without a suffix"),
        pytest.param(archive(a__npy__npy=TWO, a__npy=TWO), "twice", id="a twin of two suffixes"),
        pytest.param(archive(a__npy=TWO, b__npy=TWO).replace(b"b.npy", b"a.npy"), "twice", id="a twin of one name"),
        # What an entry says it unpacks to bounds what is read of it: half a gigabyte need only be said.
        pytest.param(
            changed(
                archive(a__npy=claiming((1 << 27,))), 22, *struct.pack("<I", len(claiming((1 << 27,))) + (1 << 29))
            ),
            "more than 268435456 bytes",
            id="too large for the memory",
        ),
    ],
)
def test_archives_that_are_no_plain_arrays_are_refused(tmp_path, content, said):
    (tmp_path / "some.npz").write_bytes(content)
    with pytest.raises(PackError, match=said) as caught:
        array_headers(tmp_path / "some.npz")
    assert caught.value.code == "bad_arrays"


def test_damage_in_the_data_of_arrays_is_told_when_they_are_read(head):
    """A hash says that the file is the manifest's, not that it can be unpacked."""
    folder, manifest = head
    content = bytearray(npz(many=np.zeros(10_000)))
    content[40_000] = 1
    (folder / "centres.npz").write_bytes(content)
    arrays = {"many": {"dtype": "float64", "shape": [10_000]}}
    centres = {**described(folder / "centres.npz"), "arrays": arrays}
    pack = Pack.load(write(folder, {**manifest, "arrays": {"centres": centres}}))
    with pytest.raises(PackError, match="Bad CRC-32") as caught:
        pack.arrays("centres")
    assert caught.value.code == "bad_arrays"


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
    break_hash(folder)
    (entry,) = [entry for entry in library.list() if entry.name == "mine"]
    assert entry.pack is None
    assert entry.code == "wrong_hash"
    assert "expected sha256" in entry.error
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
        assert said in entries["mine"].error
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
    with pytest.raises(PackError, match="attributes, mine, motion") as caught:
        PackLibrary([detector[0].parent]).get(name)
    assert caught.value.code == "unknown_pack"


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

    monkeypatch.setattr("models.pack.file_hash", counting)
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
