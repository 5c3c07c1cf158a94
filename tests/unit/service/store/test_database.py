from __future__ import annotations

import logging
import shutil
import sqlite3
import stat
import subprocess
import sys
import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, create_engine, inspect, make_url, text
from sqlalchemy.exc import IntegrityError, OperationalError, SQLAlchemyError

from service.store.database import Database
from service.store.migrations import MIGRATIONS, SchemaTooNew
from service.store.tables import UtcTime, metadata
from support.released import SCHEMAS, restore

NEWEST = "0006"

ADD_COLOUR = """
from alembic import op

revision, down_revision = "c0104", "{before}"


def upgrade():
    op.execute("ALTER TABLE streams ADD COLUMN colour TEXT")
    op.execute("UPDATE streams SET colour = 'grey'")
"""

FAIL_HALF_WAY = """
from alembic import op

revision, down_revision = "ha1f", "c0104"


def upgrade():
    op.execute("CREATE TABLE half (id INTEGER)")
    op.execute("DELETE FROM streams")
    op.execute("SELECT * FROM no_such_table")
"""


def with_more(folder: Path, *revisions: str) -> Path:
    """The migrations, and further ones after them, as a later version of the program would have them."""
    later = folder / "100 % later"
    shutil.copytree(MIGRATIONS, later)
    for number, revision in enumerate(revisions):
        (later / "versions" / f"later{number}.py").write_text(revision.format(before=NEWEST))
    return later


def version(database: Database) -> str:
    with database.reading() as connection:
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one()


DRIVERS = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg"}


def insert_stream(database: Database, stream_id: str = "a") -> None:
    with database.transaction() as connection:
        connection.execute(text("INSERT INTO streams VALUES (:id, '{}', 1, 1)"), {"id": stream_id})


def stream_ids(database: Database) -> list[str]:
    with database.reading() as connection:
        return list(connection.execute(text("SELECT id FROM streams ORDER BY id")).scalars())


def test_migrations_build_what_the_tables_declare(database: Database) -> None:
    found = inspect(database.engine)
    assert set(found.get_table_names()) == {*metadata.tables, "alembic_version"}
    for name, table in metadata.tables.items():
        columns = {column["name"]: column for column in found.get_columns(name)}
        assert list(columns) == [column.name for column in table.columns]
        for column in table.columns:
            if not column.primary_key:
                assert columns[column.name]["nullable"] == column.nullable, (name, column.name)
        keys = {(key["constrained_columns"][0], key["referred_table"]) for key in found.get_foreign_keys(name)}
        assert keys == {(key.parent.name, key.column.table.name) for key in table.foreign_keys}
    assert version(database) == NEWEST


def test_indexes_are_named_after_their_tables(database: Database) -> None:
    found = inspect(database.engine)
    indexes = {str(index["name"]): name for name in metadata.tables for index in found.get_indexes(name)}
    declared = {name: table for name, table in indexes.items() if "_by_" in name}
    assert len(declared) == 9
    for name, table in declared.items():
        assert name.startswith(f"{table}_by_")


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_alembic_finds_nothing_left_to_migrate(database: Database) -> None:
    """Types and constraints too; of SQLite's, which it tells otherwise than they were declared, it cannot say."""
    with database.reading() as connection:
        context = MigrationContext.configure(connection, opts={"include_object": compared})
        assert compare_metadata(context, metadata) == []


def compared(_item: object, _name: str | None, kind: str, reflected: bool, _other: object) -> bool:
    """All but indexes: statements are built without them, so only migrations declare them."""
    return not (kind == "index" and reflected)


def test_opening_again_changes_nothing(database_url: str) -> None:
    for _ in range(2):
        database = Database(database_url)
        insert_stream(database, f"s{len(stream_ids(database))}")
        database.close()
    database = Database(database_url)
    assert stream_ids(database) == ["s0", "s1"]
    database.close()


def test_a_migration_keeps_what_is_there(database_url: str, tmp_path: Path) -> None:
    old = Database(database_url)
    insert_stream(old)
    old.close()
    new = Database(database_url, migrations=with_more(tmp_path, ADD_COLOUR))
    with new.reading() as connection:
        assert connection.execute(text("SELECT id, colour FROM streams")).all() == [("a", "grey")]
    assert version(new) == "c0104"
    new.close()


def test_a_failed_migration_changes_nothing(database_url: str, tmp_path: Path) -> None:
    old = Database(database_url)
    insert_stream(old)
    old.close()
    with pytest.raises(SQLAlchemyError):
        Database(database_url, migrations=with_more(tmp_path, ADD_COLOUR, FAIL_HALF_WAY))
    again = Database(database_url)
    assert version(again) == NEWEST
    assert stream_ids(again) == ["a"]
    assert "half" not in inspect(again.engine).get_table_names()
    assert "colour" not in {column["name"] for column in inspect(again.engine).get_columns("streams")}
    again.close()


@pytest.mark.parametrize("schema", SCHEMAS)
def test_a_failed_take_over_changes_nothing(database_url: str, tmp_path: Path, schema: int) -> None:
    restore(database_url, schema)
    before = tables_of(database_url)
    with pytest.raises(SQLAlchemyError):
        Database(database_url, migrations=with_more(tmp_path, ADD_COLOUR, FAIL_HALF_WAY))
    assert tables_of(database_url) == before
    assert "schema_version" in before


@pytest.mark.parametrize("schema", SCHEMAS)
def test_the_old_count_is_read_once(database_url: str, schema: int) -> None:
    restore(database_url, schema)
    for _ in range(2):
        database = Database(database_url)
        assert version(database) == NEWEST
        database.close()
        assert tables_of(database_url) == {*metadata.tables, "alembic_version"}


def tables_of(url: str) -> set[str]:
    """Of a database as it lies there, with nothing migrated."""
    engine = connect(url)
    found = set(inspect(engine).get_table_names())
    engine.dispose()
    return found


def connect(url: str) -> Engine:
    address = make_url(url)
    return create_engine(address.set(drivername=DRIVERS[address.get_backend_name()]))


def test_a_database_that_was_only_begun_is_taken_over(database_url: str) -> None:
    before = Database(database_url)
    with before.transaction() as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(text(f"DROP TABLE {table.name}"))
        connection.execute(text("DROP TABLE alembic_version"))
        connection.execute(text("CREATE TABLE schema_version (version INTEGER NOT NULL)"))
        connection.execute(text("INSERT INTO schema_version VALUES (0)"))
    before.close()
    database = Database(database_url)
    assert version(database) == NEWEST
    database.close()


def test_a_newer_schema_is_refused(database_url: str, tmp_path: Path) -> None:
    Database(database_url, migrations=with_more(tmp_path, ADD_COLOUR)).close()
    with pytest.raises(SchemaTooNew, match=f"version {NEWEST} or older, got c0104: start the newer program"):
        Database(database_url)


def test_a_count_that_was_never_released_is_refused(database_url: str) -> None:
    restore(database_url, 3)
    engine = connect(database_url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE schema_version SET version = 4"))
    engine.dispose()
    with pytest.raises(SchemaTooNew, match="version 0003 or older, got 0004"):
        Database(database_url)
    assert "schema_version" in tables_of(database_url)


@pytest.mark.parametrize("schema", [None, 1])
def test_threads_that_start_at_once_migrate_once(database_url: str, schema: int | None) -> None:
    if schema is not None:
        restore(database_url, schema)
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
    assert version(database) == NEWEST  # of one row
    database.close()


def test_the_opening_waits_while_another_process_changes_a_new_file(tmp_path: Path) -> None:
    file = tmp_path / "watchword.db"
    opened: list[Database] = []
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")  # the file keeps no write-ahead log yet
        thread = threading.Thread(target=lambda: opened.append(Database(f"sqlite:///{file}", busy_timeout_s=0.01)))
        thread.start()
        thread.join(0.5)
        assert thread.is_alive()
        other.execute("COMMIT")
        thread.join()
    assert len(opened) == 1
    opened[0].close()


def test_processes_that_start_at_once_migrate_once(database_url: str) -> None:
    restore(database_url, 2)
    code = (
        "import sys; from service.store.database import Database\n"
        "print('ready', flush=True); sys.stdin.read(); Database(sys.argv[1]).close()"
    )
    started = [
        subprocess.Popen(
            [sys.executable, "-c", code, database_url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    for process in started:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in started:
        assert process.stdin is not None
        process.stdin.close()
    assert [process.wait(60) for process in started] == [0, 0, 0]
    for process in started:
        assert process.stdout is not None
        process.stdout.close()
    assert tables_of(database_url) == {*metadata.tables, "alembic_version"}


def test_a_migration_leaves_logging_and_the_folder_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    root, ours = logging.getLogger(), logging.getLogger("service.store")
    before = (root.level, list(root.handlers), ours.disabled)
    Database("sqlite:///watchword.db").close()
    assert (root.level, root.handlers, ours.disabled) == before
    assert Path.cwd() == tmp_path
    assert {path.name for path in tmp_path.iterdir()} == {"watchword.db"}
    assert capsys.readouterr() == ("", "")


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
    assert UtcTime().process_bind_param(moment, database.engine.dialect) == stored
    assert UtcTime().process_result_value(stored, database.engine.dialect) == moment


def test_a_moment_needs_a_zone(database: Database) -> None:
    with pytest.raises(ValueError, match="expected a time with a zone"):
        UtcTime().process_bind_param(datetime(2026, 1, 1), database.engine.dialect)
