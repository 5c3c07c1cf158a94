from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import func, select

from service.contracts.alert import AlertState, Verdict
from service.contracts.stream import StreamSpec
from service.store.alerts import AlertStore
from service.store.database import Database
from service.store.feedback import AlertEmbeddings, FeedbackStore
from service.store.streams import StreamStore
from service.store.tables import alert_embeddings
from support.alerts import NOON, make_alert


@pytest.fixture
def streams(database: Database) -> StreamStore:
    return StreamStore(database)


@pytest.fixture
def store(database: Database) -> FeedbackStore:
    return FeedbackStore(database)


@pytest.fixture
def stream(streams: StreamStore) -> str:
    return streams.create(StreamSpec(name="Yard", url="file:yard.mp4"), None).id


def teach(store: FeedbackStore, stream: str, alert_id: str, radius: float = 0.1, count: int = 2, keep: int = 3) -> None:
    database = store._database
    with database.transaction() as connection:
        AlertStore(database, Path()).record(connection, make_alert(alert_id, stream=stream), "opened")
        store.record_embeddings(connection, stream, embeddings(alert_id, count))
    learn(store, stream, alert_id, "false_alarm", radius, keep)


def learn(
    store: FeedbackStore, stream: str, alert_id: str, verdict: Verdict | None, radius: float, keep: int = 3
) -> None:
    with store._database.transaction() as connection:
        store.learn(connection, stream, alert_id, verdict, radius, keep)


def embeddings(alert_id: str, count: int = 2) -> AlertEmbeddings:
    return AlertEmbeddings(alert_id, "hash", np.eye(count, 4, dtype=np.float16))


def test_embeddings_live_as_long_as_their_alert(store: FeedbackStore, database: Database, tmp_path) -> None:
    alerts = AlertStore(database, tmp_path, keep=0)
    with database.transaction() as connection:
        alerts.record(connection, make_alert("a", state=AlertState.CLOSED, closed_at=NOON), "closed")
        store.record_embeddings(connection, "yard", embeddings("a", 1))
        store.record_embeddings(connection, "yard", embeddings("a", 3))

    def kept() -> list[tuple[str, int, int]]:
        columns = alert_embeddings.c.encoder, alert_embeddings.c.dim, func.length(alert_embeddings.c.vectors)
        with database.reading() as connection:
            return [tuple(row) for row in connection.execute(select(*columns))]

    assert kept() == [("hash", 4, 3 * 4 * 2)]
    alerts.prune()
    assert kept() == []


def test_embeddings_of_the_oldest_alerts_go(store: FeedbackStore, database: Database, tmp_path) -> None:
    alerts = AlertStore(database, tmp_path)
    for alert_id in ("a", "b", "c"):
        with database.transaction() as connection:
            alerts.record(connection, make_alert(alert_id), "opened")
            store.record_embeddings(connection, "yard", embeddings(alert_id))
    store.prune(keep=2)
    with database.reading() as connection:
        assert set(connection.execute(select(alert_embeddings.c.alert_id)).scalars()) == {"b", "c"}


def test_what_was_taught_is_kept_and_bounded(store: FeedbackStore, stream: str) -> None:
    for index in range(4):
        teach(store, stream, str(index), index / 10)
    assert [(record.embeddings.alert_id, record.radius) for record in store.list(stream)] == [
        ("1", 0.1),
        ("2", 0.2),
        ("3", 0.3),
    ]
    teach(store, stream, "2", 0.5, count=1)
    for verdict in ("confirmed", None):
        learn(store, stream, "3", verdict, 0.1)
    assert [
        (record.embeddings.alert_id, record.radius, len(record.embeddings.vectors)) for record in store.list(stream)
    ] == [
        ("1", 0.1, 2),
        ("2", 0.5, 1),
    ]
    (kept, _) = store.list(stream)
    assert (kept.embeddings.encoder, kept.embeddings.vectors.dtype) == ("hash", np.dtype(np.float16))
    np.testing.assert_array_equal(kept.embeddings.vectors, np.eye(2, 4))


def test_feedback_goes_with_its_stream(store: FeedbackStore, streams: StreamStore, stream: str) -> None:
    teach(store, stream, "a")
    streams.delete(stream)
    assert store.list(stream) == []
