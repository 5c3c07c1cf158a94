"""Who may import whom."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ALLOWED = {
    "models": {"models"},
    "export": {"export", "models"},
    "training": {"training", "models", "export", "service"},
    "service": {"service", "models"},
}
OURS = frozenset(ALLOWED)


def modules(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(path: Path, *, anywhere: bool) -> Iterator[str]:
    """Names of the modules that a file imports: at its top level, or in functions too."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree) if anywhere else _at_run_time(tree.body):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def _at_run_time(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for node in body:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        yield node


@pytest.mark.parametrize("path", [path for package in sorted(OURS) for path in modules(package)], ids=name_of)
def test_arrows(path: Path) -> None:
    package = name_of(path).partition(".")[0]
    command_line = path.is_relative_to(ROOT / "service" / "cli")
    # The command line may reach training and export, but only when a command runs.
    allowed = OURS if command_line else ALLOWED[package]
    if path.is_relative_to(ROOT / "export" / "cli"):
        allowed = allowed | {"service"}
    assert {name.partition(".")[0] for name in imported(path, anywhere=True)} & OURS <= allowed
    if command_line:
        assert {name.partition(".")[0] for name in imported(path, anywhere=False)} & OURS <= ALLOWED["service"]


def test_nothing_that_the_service_imports_is_heavy() -> None:
    names = [name_of(path) for package in ("service", "models") for path in modules(package)]
    runtime = [name for name in names if not name.startswith("models.networks")]
    code = (
        f"import importlib, sys\nfor name in {runtime!r}: importlib.import_module(name)\n"
        "print(*sorted({'torch', 'ultralytics', 'sklearn', 'training', 'export'} & set(sys.modules)))"
    )
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert loaded.stdout.split() == []
