"""Folders of packs that tests write, and damage."""

from __future__ import annotations

import hashlib
import json

import pytest

from models.packs import Pack, PackError


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


def refused(folder):
    with pytest.raises(PackError) as caught:
        Pack.load(folder)
    return caught.value
