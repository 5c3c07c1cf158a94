"""Who may import whom: the contracts in pyproject.toml, and what a process really loads."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def run(code: str, *, check: bool) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=check
    )


def modules(package: str) -> list[str]:
    return [name_of(path) for path in sorted((ROOT / package).rglob("*.py"))]


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def test_the_contracts_hold() -> None:
    linted = run(
        "from importlinter.cli import lint_imports; raise SystemExit(lint_imports(no_cache=True, no_logo=True))",
        check=False,
    )
    assert linted.returncode == 0, linted.stdout + linted.stderr
    assert "0 broken" in linted.stdout


def test_nothing_that_the_service_imports_is_heavy() -> None:
    runtime = [name for name in modules("service") + modules("models") if not name.startswith("models.networks")]
    code = (
        f"import importlib, sys\nfor name in {runtime!r}: importlib.import_module(name)\n"
        "print(*sorted({'torch', 'ultralytics', 'sklearn', 'training', 'export'} & set(sys.modules)))"
    )
    assert run(code, check=True).stdout.split() == []
