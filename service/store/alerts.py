"""The alerts: one row for each, for as long as there is room."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    Table,
    and_,
    delete,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)

from service.contracts.alert import Alert, AlertCount, AlertDay, AlertEvent, AlertKind, AlertState, Teaching
from service.errors import ALERT_NOT_FOUND, INVALID_CURSOR, SNAPSHOT_NOT_FOUND, InvalidInput, NotFound
from service.store.alert_days import local_day
from service.store.alert_filter import AlertFilter
from service.store.alert_words import keep_words
from service.store.database import Database
from service.store.tables import UtcTime, alert_embeddings, alerts, feedback, streams

MAX_ALERTS = 100_000
"""Closed alerts kept; the oldest go beyond that, but for those that taught something, at most a hundred a stream: who
wants to take that back does it by their verdict. At 1 to 2 KB a row this is below 200 MB, and it is years of a
calibrated camera: 256 streams of one alert a day fill it in 13 months."""

_PRUNE_AT_ONCE = 5_000
"""SQLite takes at most 32,766 parameters in a statement."""

_NUMBER_BYTES = 2
"""Of one number of an embedding, as it is stored."""

_EVERY_ALERT = AlertFilter()

_CURSOR = re.compile(r"(?P<at>-?\d{1,18})~(?P<id>[A-Za-z0-9_.-]{1,64})")
"""Where a page ends: microseconds since 1970 and an id. It holds when that alert is gone."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

_OWNED_ELSEWHERE = {"verdict", "reviewed_at", "note", "clip"}
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

    def list(self, wanted: AlertFilter = _EVERY_ALERT, limit: int = 100, cursor: str | None = None) -> Sequence[Alert]:
        """Alerts, the newest opened first; those opened at the same moment by id.

        Args:
            wanted: What they must have.
            limit: At most so many, at least 1.
            cursor: Where the page before ended, as `cursor_after` says, or the id of its last alert: only what comes
                after it in this order.

        Raises:
            InvalidInput: ``invalid_cursor``, if it is neither a cursor nor an alert's id.
        """
        table, conditions = wanted.table, wanted.conditions()
        with self.database.reading() as connection:
            if cursor is not None:
                conditions.append(_older_than(connection, table, cursor))
            newest_first = (table.c.opened_at.desc(), table.c.id.desc())
            found = select(table.c.id).where(*conditions).order_by(*newest_first).limit(max(1, limit))
            return _get_all(connection, connection.execute(found).scalars().all())

    def count(self, wanted: AlertFilter = _EVERY_ALERT) -> AlertCount:
        """How many alerts there are, and how many of them have no verdict."""
        table = wanted.table
        with self.database.reading() as connection:
            query = select(func.count(), func.count(table.c.verdict)).select_from(table).where(*wanted.conditions())
            every, reviewed = connection.execute(query).one()
        return AlertCount(alerts=every, unreviewed=every - reviewed)

    def days(self, wanted: AlertFilter, timezone: str) -> Sequence[AlertDay]:
        """On how many alerts opened on each day that has any, the newest day first.

        Args:
            wanted: What they must have.
            timezone: IANA name of that by whose clocks a day begins and ends.
        """
        table, conditions = wanted.table, wanted.conditions()
        opened_at = table.c.opened_at
        with self.database.reading() as connection:
            # Two queries, because both databases take the ends of an index for one each, and read it for both.
            first, last = (connection.execute(select(end(opened_at))).scalar() for end in (func.min, func.max))
            if first is None or last is None:
                return []
            day = local_day(opened_at, ZoneInfo(timezone), first, last).label("day")
            counts = select(day, func.count(), func.count(table.c.verdict)).where(*conditions)
            rows = connection.execute(counts.group_by(day).order_by(day.desc())).all()
        return [
            AlertDay(day=date.fromordinal(number), alerts=every, unreviewed=every - reviewed)
            for number, every, reviewed in rows
        ]

    def review(self, connection: Connection, alert_id: str, changes: Mapping[str, str | None], at: datetime) -> bool:
        """Note, in the caller's transaction, what a person says of an alert.

        Args:
            connection: In that transaction.
            alert_id: The alert.
            changes: The new ``verdict``, the new ``note``, or both; None takes back what there is.
            at: Now.

        Returns:
            Whether it had said otherwise before.

        Raises:
            NotFound: ``alert_not_found``.
        """
        row = connection.execute(select(alerts).where(alerts.c.id == alert_id).with_for_update()).first()
        if row is None:
            raise _not_found(alert_id)
        new: dict[str, object] = {name: said for name, said in changes.items() if row._mapping[name] != said}
        if not new:
            return False
        if "verdict" in new:
            new["reviewed_at"] = None if new["verdict"] is None else at
        connection.execute(update(alerts).where(alerts.c.id == alert_id).values(new))
        keep_words(connection, connection.execute(select(alerts).where(alerts.c.id == alert_id)).one())
        return True

    def event(self, connection: Connection, alert_id: str, event: str) -> AlertEvent:
        """Count a change of an alert's row, in the caller's transaction, and return the event to publish.

        Its id is the alert's with the number of the change: the same however often the event is delivered, and in
        the order in which they happened.
        """
        count = update(alerts).where(alerts.c.id == alert_id).values(revision=alerts.c.revision + 1)
        connection.execute(count)
        row = connection.execute(_select().where(alerts.c.id == alert_id)).one()
        said = {"id": f"{alert_id}-{row.revision}", "at": datetime.now(UTC), "event": event, "alert": _alert(row)}
        return AlertEvent.model_validate(said)

    def get_all(self, connection: Connection, alert_ids: Sequence[str]) -> Sequence[Alert]:
        """These alerts, in this order, in the caller's transaction; without those that are not there."""
        return _get_all(connection, alert_ids)

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
        """Store an alert as it now stands, in the caller's transaction, and return the event to publish."""
        values = alert.model_dump(exclude={"heads", "objects", "taught"})
        values |= alert.model_dump(include={"heads", "objects"}, mode="json")
        keep = _OWNED_ELSEWHERE | ({"snapshot"} if alert.snapshot is None else set())
        changed = connection.execute(
            update(alerts)
            .where(alerts.c.id == alert.id)
            .values({name: value for name, value in values.items() if name not in keep})
        ).rowcount
        if not changed:
            connection.execute(insert(alerts).values(**values, revision=0))
        keep_words(connection, connection.execute(select(alerts).where(alerts.c.id == alert.id)).one())
        return self.event(connection, alert.id, event)

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


def cursor_after(alert: Alert) -> str:
    """Where a page ends whose last alert is this one; it stays good when the alert is gone."""
    return f"{(alert.opened_at - _EPOCH) // _MICROSECOND}~{alert.id}"


def _get(connection: Connection, alert_id: str) -> Alert:
    row = connection.execute(_select().where(alerts.c.id == alert_id)).first()
    if row is None:
        raise _not_found(alert_id)
    return _alert(row)


def _not_found(alert_id: str) -> NotFound:
    return NotFound(ALERT_NOT_FOUND, f"There is no alert {alert_id!r}.", alert_id=alert_id)


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


def _get_all(connection: Connection, alert_ids: Sequence[str]) -> Sequence[Alert]:
    rows = connection.execute(_select().where(alerts.c.id.in_(alert_ids))).all()
    found = {row.id: _alert(row) for row in rows}
    return [found[alert_id] for alert_id in alert_ids if alert_id in found]


def _older_than(connection: Connection, table: Table, cursor: str) -> ColumnElement[bool]:
    place = _CURSOR.fullmatch(cursor)
    if place is None:
        alert_id = cursor
        opened_at = connection.execute(select(alerts.c.opened_at).where(alerts.c.id == alert_id)).scalar()
    else:
        alert_id, opened_at = place["id"], _moment(int(place["at"]))
    if opened_at is None:
        msg = f"There is no such page: {cursor[:100]!r} is neither a cursor that `Link` gave nor the id of an alert."
        raise InvalidInput(INVALID_CURSOR, msg)
    at = literal(opened_at, UtcTime)
    return or_(table.c.opened_at < at, and_(table.c.opened_at == at, table.c.id < alert_id))


def _moment(microseconds: int) -> datetime | None:
    try:
        return _EPOCH + microseconds * _MICROSECOND
    except OverflowError:  # a cursor that somebody made up
        return None


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
        why = "its camera is no longer registered"
    elif row.known is not None:
        why = "newer false alarms have taken its place"
    else:
        why = (
            "what its objects look like is not known; it is of those that were followed for about a second, on a "
            "stream with an encoder, and is kept for the newest alerts only"
        )
    return Teaching(objects=0, detail=f"Nothing was learned: {why}.")
