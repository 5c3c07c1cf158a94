"""Folders of packs that tests write, and damage."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from models.packs import Pack, PackError


def described(path: Path, file: str | None = None) -> dict[str, Any]:
    content = path.read_bytes()
    return {"file": file or path.name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def common(kind: str, name: str = "mine") -> dict[str, Any]:
    return {
        "format": 1,
        "name": name,
        "kind": kind,
        "version": "1",
        "description": "A test's.",
        "licence": "Apache-2.0",
        "provenance": "Made by a test.",
    }


def write(folder: Path, manifest: object) -> Path:
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def refused(folder: Path) -> PackError:
    with pytest.raises(PackError) as caught:
        Pack.load(folder)
    return caught.value
