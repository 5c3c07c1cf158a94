"""Files written by released versions of the program; ``tests/fixtures/released/README.md`` describes them."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import make_url

RELEASED = Path(__file__).parents[1] / "fixtures" / "released"
SCHEMAS = (1, 2, 3)


def restore(url: str, schema: int) -> None:
    """Fill an empty database with what a released version left in one."""
    target = make_url(url)
    script = (RELEASED / f"schema{schema}.{target.get_backend_name()}.sql").read_text()
    if target.get_backend_name() == "sqlite":
        connection = sqlite3.connect(str(target.database))
        connection.executescript(script)
        connection.close()
        return
    with psycopg.connect(url) as server:
        server.execute(script.encode())


def told(name: str) -> dict[str, Any]:
    """What the released version itself read in a file, by the file's name without its ending."""
    found: dict[str, Any] = json.loads((RELEASED / f"{name}.json").read_text())
    return found
