"""What is installed to check the page is pinned by version and content, and comes from any registry."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent


def read(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((FOLDER / name).read_text())
    return content


def test_versions_are_exact_and_the_locks_own() -> None:
    wanted = read("package.json")["devDependencies"]
    assert wanted == read("package-lock.json")["packages"][""]["devDependencies"]
    for name, version in wanted.items():
        assert re.fullmatch(r"\d+\.\d+\.\d+", version), name


def test_every_package_has_a_hash_and_no_host() -> None:
    packages = {name: package for name, package in read("package-lock.json")["packages"].items() if name != ""}
    assert packages
    for name, package in packages.items():
        assert package["integrity"].startswith("sha512-"), name
        assert "resolved" not in package, name
