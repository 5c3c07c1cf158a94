"""The alerts: one row for each, for as long as there is room."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, delete, func, insert, or_, select, update

from service.contracts.alert import Alert, AlertEvent, AlertKind, AlertState, Teaching, Verdict
from service.errors import ALERT_NOT_FOUND, INVALID_CURSOR, SNAPSHOT_NOT_FOUND, InvalidInput, NotFound
from service.store.database import Database
from service.store.tables import alert_embeddings, alerts, feedback, streams

MAX_ALERTS = 100_000
"""Closed alerts kept; the oldest go beyond that, but for those that taught something, at most a hundred a stream: who
wants to take that back does it by their verdict. At 1 to 2 KB a row this is below 200 MB, and it is years of a
calibrated camera: 256 streams of one alert a day fill it in 13 months."""

_PRUNE_AT_ONCE = 5_000
"""SQLite takes at most 32,766 parameters in a statement."""

_NUMBER_BYTES = 2
"""Of one number of an embedding, as it is stored."""

_OWNED_ELSEWHERE = {"verdict", "clip"}
"""Columns that `record` leaves alone in a row that exists: people and the clip writer set them meanwhile."""


class AlertStore:
    """Reads and changes alerts. Thread-safe."""

    def __init__(self, database: Database, snapshots: Path, keep: int = MAX_ALERTS) -> None:
        """Nothing is read yet.

        Args:
            database: Where they are kept.
            snapshots: The folder with their pictures, ``ID.jpg``.
            keep: Closed alerts to keep.
        """
        self.database = database
        self.snapshots = snapshots
        self._keep = keep

    def get(self, alert_id: str) -> Alert:
        """One alert.

        Raises:
            NotFound: ``alert_not_found``.
        """
        with self.database.reading() as connection:
            return _get(connection, alert_id)

    def list(
        self,
        stream: str | None = None,
        since: datetime | None = None,
        state: AlertState | None = None,
        limit: int = 100,
        before: str | None = None,
    ) -> list[Alert]:
        """Alerts, the newest opened first; those opened at the same moment by id.

        Args:
            stream: Only of this stream; a deleted one's alerts are still there.
            since: Only opened at or after this moment; it must have a zone.
            state: Only open or only closed ones.
            limit: At most so many, at least 1.
            before: Id of the last alert of the previous page: only what comes after it in this order.

        Raises:
            InvalidInput: ``invalid_cursor``, if ``before`` is no alert's id.
        """
        wanted: list[ColumnElement[bool]] = []
        if stream is not None:
            wanted.append(alerts.c.stream_id == stream)
        if since is not None:
            wanted.append(alerts.c.opened_at >= since)
        if state is not None:
            wanted.append(alerts.c.state == state.value)
        with self.database.reading() as connection:
            if before is not None:
                wanted.append(_older_than(connection, before))
            newest_first = (alerts.c.opened_at.desc(), alerts.c.id.desc())
            rows = connection.execute(_select().where(*wanted).order_by(*newest_first).limit(max(1, limit))).all()
        return [_alert(row) for row in rows]

    def set_verdict(self, alert_id: str, verdict: Verdict | None) -> None:
        """Note what a person says of an alert; None takes it back.

        Raises:
            NotFound: ``alert_not_found``.
        """
        with self.database.transaction() as connection:
            set_verdict(connection, alert_id, verdict)

    def snapshot_path(self, alert_id: str) -> Path:
        """The file with the picture at an alert's peak.

        Raises:
            NotFound: ``alert_not_found``, or ``snapshot_not_found`` if it has no picture (any more).
        """
        alert = self.get(alert_id)
        path = self.snapshots / f"{alert.id}.jpg"
        if alert.snapshot is None or not path.is_file():
            msg = f"expected an alert with a picture; {alert_id!r} has none, or its picture was the oldest"
            raise NotFound(SNAPSHOT_NOT_FOUND, msg, alert_id=alert_id)
        return path

    def record(self, connection: Connection, alert: Alert, event: str) -> AlertEvent:
        """Store an alert as it now stands, in the caller's transaction, and return the event to publish.

        The event's id is the alert's with a number that counts its changes: the same however often the event
        is delivered, and in the order in which they happened.
        """
        values = alert.model_dump(exclude={"heads", "objects", "taught"})
        values |= alert.model_dump(include={"heads", "objects"}, mode="json")
        keep = _OWNED_ELSEWHERE | ({"snapshot"} if alert.snapshot is None else set())
        changed = connection.execute(
            update(alerts)
            .where(alerts.c.id == alert.id)
            .values({name: value for name, value in values.items() if name not in keep})
            .values(revision=alerts.c.revision + 1)
        ).rowcount
        if not changed:
            connection.execute(insert(alerts).values(**values, revision=1))
        row = connection.execute(_select().where(alerts.c.id == alert.id)).one()
        return AlertEvent.model_validate({"id": f"{alert.id}-{row.revision}", "event": event, "alert": _alert(row)})

    def still_open(self, connection: Connection) -> Sequence[Alert]:
        """Every alert that is open, oldest first."""
        query = _select().where(alerts.c.state == AlertState.OPEN.value)
        return [_alert(row) for row in connection.execute(query.order_by(alerts.c.opened_at, alerts.c.id))]

    def forget_snapshots(self, connection: Connection, alert_ids: Sequence[str]) -> None:
        """Note, in the caller's transaction, that the pictures of these alerts are gone."""
        if alert_ids:
            connection.execute(update(alerts).where(alerts.c.id.in_(alert_ids)).values(snapshot=None))

    def prune(self) -> Sequence[str]:
        """Delete the oldest closed alerts beyond those to keep that taught nothing, and return their ids."""
        with self.database.transaction() as connection:
            excess = connection.execute(select(func.count()).select_from(alerts)).scalar_one() - self._keep
            if excess <= 0:
                return []
            teach = alerts.c.id.in_(select(feedback.c.alert_id))
            closed = select(alerts.c.id).where(alerts.c.state == AlertState.CLOSED.value, ~teach)
            first = closed.order_by(alerts.c.opened_at, alerts.c.id).limit(min(excess, _PRUNE_AT_ONCE))
            oldest = connection.execute(first).scalars().all()
            connection.execute(delete(alerts).where(alerts.c.id.in_(oldest)))
        return oldest


def set_verdict(connection: Connection, alert_id: str, verdict: Verdict | None) -> None:
    """Note, in the caller's transaction, what a person says of an alert; None takes it back.

    Raises:
        NotFound: ``alert_not_found``.
    """
    if not connection.execute(update(alerts).where(alerts.c.id == alert_id).values(verdict=verdict)).rowcount:
        raise _not_found(alert_id)


def _get(connection: Connection, alert_id: str) -> Alert:
    row = connection.execute(_select().where(alerts.c.id == alert_id)).first()
    if row is None:
        raise _not_found(alert_id)
    return _alert(row)


def _not_found(alert_id: str) -> NotFound:
    return NotFound(ALERT_NOT_FOUND, f"expected an alert's id, got {alert_id!r}", alert_id=alert_id)


def _select() -> Select[Any]:
    """Alerts, and what there is of each to learn from."""
    return (
        select(
            alerts,
            streams.c.id.label("taught_stream"),
            alert_embeddings.c.alert_id.label("known"),
            feedback.c.dim.label("taught_dim"),
            func.length(feedback.c.vectors).label("taught_bytes"),
        )
        .outerjoin(streams, streams.c.id == alerts.c.stream_id)
        .outerjoin(alert_embeddings, alert_embeddings.c.alert_id == alerts.c.id)
        .outerjoin(feedback, feedback.c.alert_id == alerts.c.id)
    )


def _older_than(connection: Connection, alert_id: str) -> ColumnElement[bool]:
    cursor = connection.execute(select(alerts.c.opened_at).where(alerts.c.id == alert_id)).scalar()
    if cursor is None:
        raise InvalidInput(INVALID_CURSOR, f"expected `before` to be an alert's id, got {alert_id!r}")
    return or_(alerts.c.opened_at < cursor, and_(alerts.c.opened_at == cursor, alerts.c.id < alert_id))


def _alert(row: Row[Any]) -> Alert:
    stored = {name: row._mapping[name] for name in Alert.model_fields if name != "taught"}
    return Alert.model_validate({**stored, "taught": _teaching(row)})


def _teaching(row: Row[Any]) -> Teaching | None:
    if row.verdict != "false_alarm":
        return None
    if row.taught_dim is not None:
        objects = row.taught_bytes // (row.taught_dim * _NUMBER_BYTES)
        return Teaching(
            objects=objects,
            detail=f"What looks and moves like {'its object' if objects == 1 else f'one of its {objects} objects'} "
            "counts as normal there.",
        )
    if row.kind != AlertKind.ANOMALY:
        why = "it is about the camera, and has no objects"
    elif row.taught_stream is None:
        why = "the stream is deleted"
    elif row.known is not None:
        why = "newer false alarms have taken its place"
    else:
        why = (
            "what its objects look like is not known; it is of those that were followed for about a second, on a "
            "stream with an encoder, and is kept for the newest alerts only"
        )
    return Teaching(objects=0, detail=f"Nothing was learned: {why}.")
