from __future__ import annotations

import stat
import threading
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import inspect, text
from sqlalchemy.exc import IntegrityError, OperationalError, SQLAlchemyError

from service.store.database import Database
from service.store.migrations import MIGRATIONS, SchemaTooNew
from service.store.tables import Moment, metadata


def version(database: Database) -> int:
    with database.reading() as connection:
        return connection.execute(text("SELECT version FROM schema_version")).scalar_one()


def add_colour(connection) -> None:
    connection.execute(text("ALTER TABLE streams ADD COLUMN colour TEXT"))
    connection.execute(text("UPDATE streams SET colour = 'grey'"))


def fail_half_way(connection) -> None:
    connection.execute(text("CREATE TABLE half (id INTEGER)"))
    connection.execute(text("DELETE FROM streams"))
    connection.execute(text("SELECT * FROM no_such_table"))


def insert_stream(database: Database, stream_id: str = "a") -> None:
    with database.transaction() as connection:
        connection.execute(text("INSERT INTO streams VALUES (:id, '{}', 1, 1)"), {"id": stream_id})


def stream_ids(database: Database) -> list[str]:
    with database.reading() as connection:
        return list(connection.execute(text("SELECT id FROM streams ORDER BY id")).scalars())


def test_migrations_build_what_the_tables_declare(database: Database) -> None:
    found = inspect(database.engine)
    assert set(found.get_table_names()) == {*metadata.tables, "schema_version"}
    for name, table in metadata.tables.items():
        columns = {column["name"]: column for column in found.get_columns(name)}
        assert list(columns) == [column.name for column in table.columns]
        for column in table.columns:
            if not column.primary_key:
                assert columns[column.name]["nullable"] == column.nullable, (name, column.name)
        keys = {(key["constrained_columns"][0], key["referred_table"]) for key in found.get_foreign_keys(name)}
        assert keys == {(key.parent.name, key.column.table.name) for key in table.foreign_keys}
    assert version(database) == len(MIGRATIONS)


def test_opening_again_changes_nothing(database_url: str) -> None:
    for _ in range(2):
        database = Database(database_url)
        insert_stream(database, f"s{len(stream_ids(database))}")
        database.close()
    database = Database(database_url)
    assert stream_ids(database) == ["s0", "s1"]
    database.close()


def test_a_migration_keeps_what_is_there(database_url: str) -> None:
    old = Database(database_url)
    insert_stream(old)
    old.close()
    new = Database(database_url, migrations=(*MIGRATIONS, add_colour))
    with new.reading() as connection:
        assert connection.execute(text("SELECT id, colour FROM streams")).all() == [("a", "grey")]
    assert version(new) == len(MIGRATIONS) + 1
    new.close()


def test_a_failed_migration_changes_nothing(database_url: str) -> None:
    old = Database(database_url)
    insert_stream(old)
    old.close()
    with pytest.raises(SQLAlchemyError):
        Database(database_url, migrations=(*MIGRATIONS, add_colour, fail_half_way))
    again = Database(database_url)
    assert version(again) == len(MIGRATIONS)
    assert stream_ids(again) == ["a"]
    assert "half" not in inspect(again.engine).get_table_names()
    assert "colour" not in {column["name"] for column in inspect(again.engine).get_columns("streams")}
    again.close()


def test_a_newer_schema_is_refused(database_url: str) -> None:
    Database(database_url, migrations=(*MIGRATIONS, add_colour)).close()
    with pytest.raises(SchemaTooNew, match=rf"version {len(MIGRATIONS)} or older, got {len(MIGRATIONS) + 1}"):
        Database(database_url)


def test_two_that_start_at_once_migrate_once(database_url: str) -> None:
    errors: list[BaseException] = []
    barrier = threading.Barrier(4)

    def start() -> None:
        barrier.wait()
        try:
            Database(database_url).close()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    database = Database(database_url)
    with database.reading() as connection:
        assert connection.execute(text("SELECT count(*) FROM schema_version")).scalar_one() == 1
    database.close()


def test_an_exception_rolls_back(database: Database) -> None:
    def insert_and_fail() -> None:
        with database.transaction() as connection:
            connection.execute(text("INSERT INTO streams VALUES ('a', '{}', 1, 1)"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        insert_and_fail()
    assert stream_ids(database) == []


def test_foreign_keys_hold(database: Database) -> None:
    with pytest.raises(IntegrityError), database.transaction() as connection:
        connection.execute(text("INSERT INTO secrets VALUES ('nobody', 'rtsp://a:b@c/d')"))


def test_a_reader_does_not_wait_for_the_writer(database: Database) -> None:
    insert_stream(database)
    with database.transaction() as connection:
        connection.execute(text("DELETE FROM streams"))
        assert stream_ids(database) == ["a"]
    assert stream_ids(database) == []


def test_writers_of_many_threads_wait_for_each_other(database: Database) -> None:
    insert_stream(database)

    def count_up() -> None:
        for _ in range(10):
            with database.transaction() as connection:
                # PostgreSQL lets both read the old value unless the row is locked; SQLite locks the whole file.
                lock = "" if connection.dialect.name == "sqlite" else " FOR UPDATE"
                seen = connection.execute(text(f"SELECT updated_at FROM streams{lock}")).scalar_one()
                connection.execute(text("UPDATE streams SET updated_at = :now"), {"now": seen + 1})

    threads = [threading.Thread(target=count_up) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.reading() as connection:
        assert connection.execute(text("SELECT updated_at FROM streams")).scalar_one() == 41


def test_files_of_sqlite_are_the_owners_only(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "data"
    database = Database(f"sqlite:///{folder / 'watchword.db'}")
    insert_stream(database)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    database.close()
    assert modes == dict.fromkeys(["watchword.db", "watchword.db-wal", "watchword.db-shm"], 0o600)


def test_a_file_that_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    path = tmp_path / "watchword.db"
    path.touch(0o644)
    path.chmod(0o644)
    Database(f"sqlite:///{path}").close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_sqlite_runs_as_it_should(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'watchword.db'}")
    with database.reading() as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "secure_delete")
        }
    database.close()
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "secure_delete": 1}


def test_a_lock_is_waited_for_and_then_told_of(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'watchword.db'}"
    one, other = Database(url), Database(url, busy_timeout_s=0.05)
    with one.transaction(), pytest.raises(OperationalError, match="locked"), other.transaction():
        pass
    with other.transaction():
        pass
    one.close()
    other.close()


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "mysql://somewhere/else"])
def test_other_databases_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match="expected a database URL"):
        Database(url)


MOMENTS = [
    (datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC), 1_767_323_045_678_901),
    (datetime(1970, 1, 1, 2, tzinfo=timezone(timedelta(hours=2))), 0),
    (datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC), -1),
    (None, None),
]


@pytest.mark.parametrize(("moment", "stored"), MOMENTS)
def test_moments_are_exact(database: Database, moment: datetime | None, stored: int | None) -> None:
    assert Moment().process_bind_param(moment, database.engine.dialect) == stored
    assert Moment().process_result_value(stored, database.engine.dialect) == moment


def test_a_moment_needs_a_zone(database: Database) -> None:
    with pytest.raises(ValueError, match="expected a time with a zone"):
        Moment().process_bind_param(datetime(2026, 1, 1), database.engine.dialect)
