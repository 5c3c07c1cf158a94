"""The table of settings in the docs is that of the service, and no text names a setting that there is not."""

from __future__ import annotations

import re
from pathlib import Path

from service.settings import Settings
from support.settings_table import settings_table, variable

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs/settings.md"
NOT_SETTINGS = {"WATCHWORD_BIND", "WATCHWORD_MEDIA", "WATCHWORD_NAME"}
"""What docker-compose.yml itself reads, and the word for any of them in the help."""


def test_every_setting_is_in_the_table_as_it_is() -> None:
    table = "\n".join(line for line in PAGE.read_text().splitlines() if line.startswith("|"))
    right = settings_table()
    assert table == right, f"expected in docs/settings.md:\n\n{right}\n"


def test_every_setting_is_described_in_a_sentence() -> None:
    for name, field in Settings.model_fields.items():
        assert (field.description or "").endswith("."), name


def test_every_setting_that_is_named_exists() -> None:
    known = {variable(name) for name in Settings.model_fields} | NOT_SETTINGS
    files = [ROOT / "docker-compose.yml", ROOT / "README.md", ROOT / "Makefile"]
    files += [path for folder in ("deploy", "docs", "service") for path in (ROOT / folder).rglob("*") if path.is_file()]
    named = {
        (found.decode(), str(path.relative_to(ROOT)))
        for path in files
        if path.suffix != ".pyc"
        for found in re.findall(rb"WATCHWORD_[A-Z][A-Z_]*[A-Z]", path.read_bytes())
    }
    assert {"WATCHWORD_REDIS_URL", "WATCHWORD_PUBLIC_URL"} <= {name for name, _ in named}
    assert [one for one in sorted(named) if one[0] not in known] == []
