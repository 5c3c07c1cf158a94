"""What alerts' objects looked like, and what verdicts on them taught their streams."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Row, delete, insert, select

from service.contracts.alert import Verdict
from service.store.database import Database
from service.store.tables import alert_embeddings, feedback

EMBEDDINGS_KEPT = 10_000
"""Alerts whose objects' embeddings are kept, in all; the oldest go beyond that. 768 bytes an object, and at most ten
objects an alert, bound them to 77 MB. A false alarm is told within days, not after ten thousand others."""

FEEDBACK_KEPT = 100
"""Alerts of one stream that teach it something; the oldest go beyond that. Who has taught a hundred should enrol
again."""


@dataclass(frozen=True, slots=True)
class AlertEmbeddings:
    """What an alert's objects looked like.

    Attributes:
        alert_id: The alert.
        encoder: Hash of the encoder pack they were made with; under another they say nothing.
        vectors: ``(N, D)`` float16 of unit length, one an object.
    """

    alert_id: str
    encoder: str
    vectors: NDArray[np.float16]


@dataclass(frozen=True, slots=True)
class FeedbackRecord:
    """What a false alarm taught, as it is stored.

    Attributes:
        embeddings: Of its objects.
        radius: Cosine distance within which an object is the same.
        taught_at: When a person said so.
    """

    embeddings: AlertEmbeddings
    radius: float
    taught_at: datetime


class FeedbackStore:
    """Keeps embeddings of alerts' objects, and those that false alarms taught. Thread-safe."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record_embeddings(self, connection: Connection, stream_id: str, embeddings: AlertEmbeddings) -> None:
        """Keep, in the transaction that stores an alert, what its objects looked like."""
        mine = alert_embeddings.c.alert_id == embeddings.alert_id
        connection.execute(delete(alert_embeddings).where(mine))
        values = _columns(embeddings) | {"stream_id": stream_id, "recorded_at": datetime.now(UTC)}
        connection.execute(insert(alert_embeddings).values(values))

    def prune(self, keep: int = EMBEDDINGS_KEPT) -> None:
        """Forget the embeddings of the oldest alerts beyond those to keep."""
        order = (alert_embeddings.c.recorded_at.desc(), alert_embeddings.c.alert_id)
        kept = select(alert_embeddings.c.alert_id).order_by(*order).limit(keep)
        with self._database.transaction() as connection:
            connection.execute(delete(alert_embeddings).where(alert_embeddings.c.alert_id.not_in(kept)))

    def learn(
        self,
        connection: Connection,
        stream_id: str,
        alert_id: str,
        verdict: Verdict | None,
        radius: float,
        keep: int = FEEDBACK_KEPT,
    ) -> None:
        """Learn of what a person says of a stream's alert, in the transaction that notes it.

        Args:
            connection: In that transaction.
            stream_id: The alert's stream, which must be registered.
            alert_id: The alert.
            verdict: ``false_alarm`` teaches what is kept of its objects' looks; anything else takes that back.
            radius: Cosine distance within which an object is the same.
            keep: Alerts that teach the stream something; the oldest go beyond that.

        Raises:
            sqlalchemy.exc.IntegrityError: If there is no such stream.
        """
        connection.execute(delete(feedback).where(feedback.c.alert_id == alert_id))
        row = connection.execute(select(alert_embeddings).where(alert_embeddings.c.alert_id == alert_id)).first()
        if verdict == "false_alarm" and row is not None:
            _teach(connection, stream_id, FeedbackRecord(_embeddings(row), radius, datetime.now(UTC)), keep)

    def list(self, stream_id: str) -> Sequence[FeedbackRecord]:
        """What false alarms taught a stream, oldest first."""
        query = (
            select(feedback)
            .where(feedback.c.stream_id == stream_id)
            .order_by(feedback.c.taught_at, feedback.c.alert_id)
        )
        with self._database.reading() as connection:
            return [FeedbackRecord(_embeddings(row), row.radius, row.taught_at) for row in connection.execute(query)]


def _teach(connection: Connection, stream_id: str, record: FeedbackRecord, keep: int) -> None:
    values = _columns(record.embeddings) | {"radius": record.radius, "taught_at": record.taught_at}
    connection.execute(insert(feedback).values(stream_id=stream_id, **values))
    order = (feedback.c.taught_at.desc(), feedback.c.alert_id)
    excess = select(feedback.c.alert_id).where(feedback.c.stream_id == stream_id).order_by(*order).offset(keep)
    ids = connection.execute(excess.limit(FEEDBACK_KEPT)).scalars().all()
    connection.execute(delete(feedback).where(feedback.c.alert_id.in_(ids)))


def _columns(embeddings: AlertEmbeddings) -> dict[str, Any]:
    vectors = np.ascontiguousarray(embeddings.vectors, np.float16)
    return {
        "alert_id": embeddings.alert_id,
        "encoder": embeddings.encoder,
        "dim": vectors.shape[1],
        "vectors": vectors.astype("<f2").tobytes(),
    }


def _embeddings(row: Row[Any]) -> AlertEmbeddings:
    vectors = np.frombuffer(row.vectors, "<f2").reshape(-1, row.dim).astype(np.float16)
    return AlertEmbeddings(row.alert_id, row.encoder, vectors)
