from __future__ import annotations

import errno
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from service.store.database import Database
from service.store.storage_trouble import storage_trouble
from support.storage import full_disk


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.ENOSPC, "full"),
        (errno.EDQUOT, "full"),
        (errno.EFBIG, "full"),
        (errno.EROFS, "read_only"),
        (errno.EIO, "failing"),
        (errno.ENOENT, None),
        (errno.ECONNREFUSED, None),
    ],
)
def test_errors_of_the_file_system(number: int, kind: str | None) -> None:
    found = storage_trouble(OSError(number, "x"))
    assert (None if found is None else found.kind) == kind


def test_a_file_that_may_not_grow_is_a_full_disk(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'watchword.db'}")
    with full_disk(tmp_path), pytest.raises(OperationalError) as caught, database.transaction() as connection:
        connection.execute(text("INSERT INTO streams VALUES ('a', :spec, 1, 1)"), {"spec": "x" * 2_000_000})
    found = storage_trouble(caught.value)
    assert found is not None
    assert found.kind == "full"
    assert found.detail.startswith("The disk of the data folder is full.")
    with database.transaction() as connection:
        connection.execute(text("INSERT INTO streams VALUES ('a', 'x', 1, 1)"))
    database.close()


def test_a_database_that_may_only_be_read(tmp_path: Path) -> None:
    path = tmp_path / "watchword.db"
    Database(f"sqlite:///{path}").close()
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    with pytest.raises(sqlite3.OperationalError) as caught:
        connection.execute("INSERT INTO streams VALUES ('a', 'x', 1, 1)")
    connection.close()
    found = storage_trouble(caught.value)
    assert found is not None
    assert found.kind == "read_only"


class Refusal(Exception):
    def __init__(self, sqlstate: str) -> None:
        self.sqlstate = sqlstate


@pytest.mark.parametrize(("state", "kind"), [("53100", "full"), ("25006", "read_only"), ("40001", None)])
def test_states_of_postgresql(state: str, kind: str | None) -> None:
    found = storage_trouble(OperationalError("INSERT", {}, Refusal(state)))
    assert (None if found is None else found.kind) == kind


def test_other_errors_say_nothing_of_the_disk(tmp_path: Path) -> None:
    assert storage_trouble(ValueError("x")) is None
    assert storage_trouble(sqlite3.OperationalError("no such table")) is None
