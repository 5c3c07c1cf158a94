from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from service.errors import InvalidInput
from service.store.opening import lock_database, naming_database, open_database
from support.ports import free_port
from support.storage import full_disk


def url(folder: Path) -> str:
    return f"sqlite:///{folder / 'watchword.db'}"


def filled(folder: Path, alerts: int = 400) -> Path:
    """A database of a few dozen pages."""
    database = open_database(url(folder))
    with database.transaction() as connection:
        for number in range(alerts):
            connection.execute(
                text("INSERT INTO streams VALUES (:id, :spec, 1, 1)"), {"id": f"s{number}", "spec": "x" * 500}
            )
    database.close()
    return folder / "watchword.db"


def refused(folder: Path) -> str:
    with pytest.raises(InvalidInput) as caught:
        open_database(url(folder))
    assert caught.value.code == "database_unusable"
    assert str(folder / "watchword.db") in str(caught.value)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_file_that_is_no_database_is_damaged(tmp_path: Path) -> None:
    (tmp_path / "watchword.db").write_bytes(b"no database at all, " * 500)
    assert "is damaged (file is not a database). Restore it from a backup" in refused(tmp_path)


def test_a_file_that_is_damaged_in_the_middle_is_found_at_the_start(tmp_path: Path) -> None:
    file = filled(tmp_path)
    content = bytearray(file.read_bytes())
    content[20_000:60_000] = bytes(40_000)
    file.write_bytes(content)
    assert "is damaged (" in refused(tmp_path)


def test_a_file_that_ends_early_is_damaged(tmp_path: Path) -> None:
    file = filled(tmp_path)
    with file.open("r+b") as opened:
        opened.truncate(30_000)
    assert "is damaged (" in refused(tmp_path)


def test_a_database_in_whose_place_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / "watchword.db").mkdir()
    assert "cannot be opened: Is a directory." in refused(tmp_path)


def test_a_database_of_a_newer_version(tmp_path: Path) -> None:
    file = filled(tmp_path, 0)
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    assert "is of a newer version: expected a database of schema version" in refused(tmp_path)


@pytest.mark.parametrize("statement", ["DROP TABLE alembic_version", "DELETE FROM alembic_version"])
def test_a_database_whose_version_is_kept_in_another_way_is_newer_too(tmp_path: Path, statement: str) -> None:
    """As an older program meets a database of this one: without a version it looks like an empty one."""
    file = filled(tmp_path, 3)
    with closing(sqlite3.connect(file)) as connection:
        connection.execute(statement)
        connection.commit()
    said = refused(tmp_path)
    assert "is of a newer version: " in said
    assert "already exists" not in said
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("SELECT count(*) FROM streams").fetchone() == (3,)


def test_a_full_disk_is_no_damage(tmp_path: Path) -> None:
    filled(tmp_path, 1)
    database = open_database(url(tmp_path))
    with (
        full_disk(tmp_path),
        pytest.raises(InvalidInput, match=r"cannot be written: The disk of the data folder is full\.$"),
        naming_database(url(tmp_path)),
        database.transaction() as connection,
    ):
        connection.execute(text("INSERT INTO streams VALUES ('a', :spec, 1, 1)"), {"spec": "x" * 2_000_000})
    database.close()


def test_a_server_that_is_not_there_is_named_without_its_password() -> None:
    port = free_port()
    with pytest.raises(InvalidInput, match=rf"The database postgresql://.*@127\.0\.0\.1:{port}/ww cannot be") as caught:
        open_database(f"postgresql://ann:pa55@127.0.0.1:{port}/ww")
    assert "pa55" not in str(caught.value)


@pytest.mark.parametrize("bad", ["mysql://ann:pa55@somewhere/else", "sqlite://", "pa55"])
def test_a_url_that_names_no_database_is_refused(bad: str) -> None:
    with pytest.raises(InvalidInput, match="cannot be") as caught:
        open_database(bad)
    assert "pa55" not in str(caught.value)


def test_a_database_that_another_program_keeps_locked_is_told_of(tmp_path: Path) -> None:
    filled(tmp_path, 1)
    engine = create_engine(url(tmp_path), connect_args={"timeout": 0.05})
    with (
        closing(sqlite3.connect(tmp_path / "watchword.db", isolation_level=None)) as other,
        engine.connect() as connection,
    ):
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(InvalidInput, match="is in use by another program"), naming_database(url(tmp_path)):
            connection.exec_driver_sql("BEGIN IMMEDIATE")
    engine.dispose()


def test_a_file_of_sqlite_belongs_to_one_service_whatever_link_leads_to_it(tmp_path: Path) -> None:
    (tmp_path / "way").symlink_to(tmp_path / "shared")
    first = lock_database(url(tmp_path / "shared"))
    assert first is not None
    with pytest.raises(
        InvalidInput, match=r"shared/watchword\.db is in use by another Watchword: process \d+ on "
    ) as caught:
        lock_database(url(tmp_path / "way"))
    assert caught.value.code == "database_unusable"
    assert "(WATCHWORD_DATABASE_URL)" in caught.value.message
    first.close()
    again = lock_database(url(tmp_path / "way"))
    assert again is not None
    again.close()


@pytest.mark.parametrize("other", ["postgresql://h/n", "sqlite://", "sqlite:///:memory:", "no URL", "mysql://h/n"])
def test_only_files_are_locked(other: str) -> None:
    assert lock_database(other) is None


def test_a_lock_that_cannot_be_made_names_the_database(tmp_path: Path) -> None:
    (tmp_path / "watchword.db.lock").mkdir()
    with pytest.raises(InvalidInput, match=r"^The database .*/watchword\.db "):
        lock_database(url(tmp_path))
