"""Benchmarks: ``python -m tests.bench`` lists them, ``python -m tests.bench NAME [OPTIONS]`` runs one.

They measure, and judge nothing: how fast a machine is says nothing about whether the code is right. Results that
are to be kept go into docs/performance.md.
"""

from __future__ import annotations

import ast
import importlib
import sys
from pathlib import Path

FOLDER = Path(__file__).parent


def main() -> None:
    """List, or run one."""
    sys.path.insert(0, str(FOLDER.parent))  # tests.support is imported as `support`, as in the tests
    names = sorted(path.stem for path in FOLDER.glob("*.py") if not path.stem.startswith("_"))
    if len(sys.argv) < 2 or sys.argv[1] not in names:
        for name in names:
            print(f"{name:12} {summary(FOLDER / f'{name}.py')}")
        raise SystemExit(0 if len(sys.argv) < 2 else 2)
    sys.argv[:2] = [f"{sys.argv[0]} {sys.argv[1]}"]  # what is left are the benchmark's own options
    importlib.import_module(f"tests.bench.{sys.argv[0].split()[-1]}").main()


def summary(path: Path) -> str:
    """The first line of a file's docstring, without importing what it measures."""
    return (ast.get_docstring(ast.parse(path.read_text())) or "").partition("\n")[0]


if __name__ == "__main__":
    main()
