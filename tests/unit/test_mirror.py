"""Tests lie where what they test lies: ``tests/unit/<path>/test_<file>.py`` is of ``<path>/<file>.py``."""

from __future__ import annotations

from pathlib import Path

UNIT = Path(__file__).parent
ROOT = UNIT.parents[1]

OF_NO_MODULE = {
    "test_imports.py": "of all packages: who may import whom",
    "test_names.py": "of all packages: one word, one meaning",
    "test_mirror.py": "of the tests",
    "deploy/test_compose.py": "of docker-compose.yml and the Dockerfile",
    "deploy/test_queries.py": "of the dashboard and the alerting rules",
    "docs/test_event_schema.py": "of docs/alert-event.schema.json and docs/events.md",
    "docs/test_links.py": "of the documentation",
    "docs/test_settings_table.py": "of docs/settings.md",
    "export/test_tensorrt_types.py": "of two modules, export/tensorrt.py and service/engine/tensorrt.py",
    "export/test_wordpiece.py": "of the `tokenizers` library, against the algorithm as it was published",
}


def is_mirrored(test: Path) -> bool:
    """Whether the module or package that the file is named after is at the same path."""
    module = ROOT / test.parent / test.stem.removeprefix("test_")
    return module.with_suffix(".py").is_file() or (module / "__init__.py").is_file()


def test_each_file_is_named_after_what_it_tests() -> None:
    tests = {test.relative_to(UNIT) for test in UNIT.rglob("test_*.py")}
    assert tests > {Path("service/test_errors.py")}
    assert sorted(str(test) for test in tests if not is_mirrored(test)) == sorted(OF_NO_MODULE)
