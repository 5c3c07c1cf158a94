from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import text

from service.contracts.enrolment import EnrolmentSpec
from service.contracts.stream import StreamSpec
from service.errors import NotFound
from service.store.database import Database
from service.store.streams import StreamStore

SPEC = StreamSpec(
    name="Yard", url="rtsp://camera.example/1", zones=[{"name": "tree", "polygon": [(0, 0), (1, 0), (0, 1)]}]
)
SECRET = SecretStr("rtsp://root:t0psecret@camera.example/1")


@pytest.fixture
def store(database: Database) -> StreamStore:
    return StreamStore(database)


def test_a_stream_comes_back_as_it_was(store: StreamStore) -> None:
    made = store.create(SPEC, SECRET)
    assert store.get(made.id) == made
    assert made.spec == SPEC
    assert made.has_credentials
    assert made.created_at == made.updated_at
    secret = store.secret_url(made.id)
    assert secret is not None
    assert secret.get_secret_value() == SECRET.get_secret_value()


def test_streams_are_listed_in_their_order(store: StreamStore) -> None:
    made = [store.create(SPEC, SECRET if number % 2 else None) for number in range(5)]
    assert store.list() == made
    assert [record.has_credentials for record in store.list()] == [False, True, False, True, False]


@pytest.mark.parametrize("before", [None, SECRET])
@pytest.mark.parametrize("after", [None, SecretStr("rtsp://other:pass@camera.example/2")])
def test_an_update_replaces_settings_and_secret(store: StreamStore, before, after) -> None:
    made = store.create(SPEC, before)
    renamed = SPEC.model_copy(update={"name": "Gate", "enabled": False})
    changed = store.update(made.id, renamed, after)
    assert store.get(made.id) == changed
    assert changed.spec == renamed
    assert changed.created_at == made.created_at
    assert changed.updated_at >= made.updated_at
    assert changed.has_credentials == (after is not None)
    assert store.secret_url(made.id) == after


def test_an_update_of_nothing_changes_nothing(store: StreamStore) -> None:
    with pytest.raises(NotFound, match="There is no stream 'ghost'") as caught:
        store.update("ghost", SPEC, SECRET)
    assert caught.value.code == "stream_not_found"
    assert store.list() == []


def test_a_deleted_stream_leaves_nothing(store: StreamStore, database: Database) -> None:
    made = store.create(SPEC, SECRET)
    store.set_pending(made.id, EnrolmentSpec(seconds=60))
    assert store.delete(made.id)
    assert not store.delete(made.id)
    with pytest.raises(NotFound):
        store.get(made.id)
    for table in ("streams", "secrets", "pending_enrolments"):
        with database.reading() as connection:
            assert connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one() == 0


def test_a_pending_enrolment_is_remembered_until_it_ends(store: StreamStore) -> None:
    made = store.create(SPEC, None)
    assert store.pending(made.id) is None
    for spec in (EnrolmentSpec(seconds=60), EnrolmentSpec(sources=["a.mp4"], extend=True), None, None):
        store.set_pending(made.id, spec)
        assert store.pending(made.id) == spec


def test_an_enrolment_may_end_after_its_stream(store: StreamStore) -> None:
    for spec in (EnrolmentSpec(seconds=60), None):
        store.set_pending("ghost", spec)
    assert store.pending("ghost") is None


@pytest.mark.parametrize("url", ["rtsp://root:pw@camera/1", "rtsp://root@camera/1", "http://:pw@camera/1"])
def test_credentials_in_a_spec_are_refused(store: StreamStore, url: str) -> None:
    with pytest.raises(ValueError, match="credentials were split off"):
        store.create(SPEC.model_copy(update={"url": url}), None)
    made = store.create(SPEC, None)
    with pytest.raises(ValueError, match="credentials were split off"):
        store.update(made.id, SPEC.model_copy(update={"url": url}), None)
    assert store.list() == [made]


def test_a_deleted_secret_is_gone_from_the_file(tmp_path: Path) -> None:
    path = tmp_path / "watchword.db"
    database = Database(f"sqlite:///{path}")
    store = StreamStore(database)
    made = store.create(SPEC, SECRET)
    database.close()  # the last connection to close writes the WAL back
    assert b"t0psecret" in path.read_bytes()
    database = Database(f"sqlite:///{path}")
    StreamStore(database).delete(made.id)
    database.close()
    assert b"t0psecret" not in path.read_bytes()
