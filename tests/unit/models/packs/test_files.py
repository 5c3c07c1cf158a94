"""The files of a pack: missing, damaged, linked, or outside it."""

from __future__ import annotations

import os

import pytest

from models.packs import (
    Pack,
)
from support.pack_folders import refused, write


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
