"""The outbox: alert events that wait for delivery, a queue for each sink, in the alerts' own database."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pydantic import ValidationError
from sqlalchemy import ColumnElement, Connection, Subquery, delete, func, insert, or_, select, update

from service.contracts.alert import AlertEvent
from service.store.database import Database
from service.store.tables import outbox

_GIVEN_UP = -1
"""``attempts`` of a row that is no event, but says that its sink never heard of this alert and is to hear no more."""

MAX_GIVEN_UP = 10_000
"""Such rows kept for a sink, the newest ones: an alert is reviewed within days, not after ten thousand others."""

MAX_POSTPONED = timedelta(minutes=2)
"""An event that waits for longer than this was postponed before the clock was set back: it is due at once."""

MAX_PENDING = 10_000
"""Events kept for a sink that does not take them; the oldest go beyond that. It is what the Redis stream keeps
for replay by default, so a consumer that comes back later would not see older ones either."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event on its way to a sink."""

    id: int
    event: AlertEvent
    attempts: int


class EventUnreadable(Exception):
    """What lies in the outbox is no event, or one of another version of the program.

    Attributes:
        row_id: Its place in the outbox.
        event_id: Of the event.
        alert_id: Of its alert.
    """

    def __init__(self, row_id: int, event_id: str, alert_id: str) -> None:
        super().__init__(f"event {event_id} cannot be read")
        self.row_id = row_id
        self.event_id = event_id
        self.alert_id = alert_id


class Outbox:
    """Holds events from the commit of their alert until a sink has taken them. Thread-safe.

    Events of one alert are handed out in their order, one at a time; events of different alerts do not wait
    for each other, so one that a sink cannot digest holds up nothing but its own alert. A sink hears of an alert's
    opening or of nothing of it: when that event goes, so do the alert's others, and those that are still to come.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, connection: Connection, event: AlertEvent, sinks: Sequence[str], now: datetime) -> None:
        """Queue an event for these sinks, in the transaction that stores its alert.

        Those that never heard of the alert, because it was given up for them, do not get it.
        """
        given_up = select(outbox.c.sink).where(outbox.c.alert_id == event.alert.id, outbox.c.attempts == _GIVEN_UP)
        deaf = set(connection.execute(given_up).scalars())
        text = event.model_dump_json()
        rows = [
            {
                "sink": sink,
                "alert_id": event.alert.id,
                "event_id": event.id,
                "event": text,
                "attempts": 0,
                "next_at": now,
            }
            for sink in sinks
            if sink not in deaf
        ]
        if rows:
            connection.execute(insert(outbox), rows)

    def due(self, sink: str, now: datetime) -> Delivery | None:
        """The oldest event that may be tried now, or None.

        Raises:
            EventUnreadable: If it cannot be read; it stays the oldest one until ``discard``.
        """
        ripe = or_(outbox.c.next_at <= now, outbox.c.next_at > now + MAX_POSTPONED)
        query = select(outbox).where(outbox.c.id.in_(select(_heads(sink).c.id)), ripe)
        with self._database.reading() as connection:
            row = connection.execute(query.order_by(outbox.c.id).limit(1)).first()
        if row is None:
            return None
        try:
            event = AlertEvent.model_validate_json(row.event)
        except ValidationError:
            raise EventUnreadable(row.id, row.event_id, row.alert_id) from None
        return Delivery(row.id, event, row.attempts)

    def next_due(self, sink: str) -> datetime | None:
        """When the next event may be tried, or None when nothing waits."""
        query = select(outbox.c.next_at).where(outbox.c.id.in_(select(_heads(sink).c.id)))
        with self._database.reading() as connection:
            return connection.execute(query.order_by(outbox.c.next_at).limit(1)).scalar()

    def remove(self, delivery: Delivery) -> None:
        """Forget an event: its sink has it."""
        with self._database.transaction() as connection:
            connection.execute(delete(outbox).where(outbox.c.id == delivery.id))

    def give_up(self, sink: str, delivery: Delivery) -> int:
        """Forget an event that its sink did not take, and return how many events are gone by it.

        With an alert's opening go all of its events, for this sink also those to come.
        """
        with self._database.transaction() as connection:
            if delivery.event.event == "opened":
                return _forget_alerts(connection, sink, [delivery.event.alert.id])
            return connection.execute(delete(outbox).where(outbox.c.id == delivery.id)).rowcount

    def discard(self, sink: str, unreadable: EventUnreadable) -> int:
        """Forget an event that cannot be read, as ``give_up`` one that can, and return how many events are gone."""
        this = outbox.c.id == unreadable.row_id
        with self._database.transaction() as connection:
            event = connection.execute(select(outbox.c.event).where(this)).scalar()
            if event is not None and _is_opening(event):
                return _forget_alerts(connection, sink, [unreadable.alert_id])
            return connection.execute(delete(outbox).where(this)).rowcount

    def postpone(self, delivery: Delivery, until: datetime) -> None:
        """Note a failed attempt, and when to try again: within `MAX_POSTPONED` from now."""
        change = update(outbox).where(outbox.c.id == delivery.id)
        with self._database.transaction() as connection:
            connection.execute(change.values(attempts=outbox.c.attempts + 1, next_at=until))

    def depth(self, sink: str) -> int:
        """How many events wait for a sink."""
        query = select(func.count()).select_from(outbox).where(*_waiting(sink))
        with self._database.reading() as connection:
            return connection.execute(query).scalar_one()

    def trim(self, sink: str, keep: int = MAX_PENDING) -> int:
        """Delete the oldest events of a sink beyond ``keep``, and what ``give_up`` would with them; return how many."""
        ids = select(outbox.c.id).where(*_waiting(sink)).order_by(outbox.c.id.desc()).offset(keep).limit(1)
        with self._database.transaction() as connection:
            newest_excess = connection.execute(ids).scalar()
            if newest_excess is None:
                return 0
            old = [*_waiting(sink), outbox.c.id <= newest_excess]
            rows = connection.execute(select(outbox.c.alert_id, outbox.c.event).where(*old)).all()
            unheard = [row.alert_id for row in rows if _is_opening(row.event)]
            removed = connection.execute(delete(outbox).where(*old)).rowcount
            return removed + _forget_alerts(connection, sink, unheard)

    def retain(self, sinks: Sequence[str]) -> int:
        """Delete what waits for any other sink (they are no longer in the settings), and return how much."""
        with self._database.transaction() as connection:
            return connection.execute(delete(outbox).where(outbox.c.sink.not_in(sinks))).rowcount


def _waiting(sink: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """What makes a row an event that waits for this sink."""
    return outbox.c.sink == sink, outbox.c.attempts != _GIVEN_UP


def _heads(sink: str) -> Subquery:
    """The oldest event of each alert that waits for a sink."""
    oldest = func.min(outbox.c.id).label("id")
    return select(oldest).where(*_waiting(sink)).group_by(outbox.c.alert_id).subquery()


def _is_opening(event: str) -> bool:
    """Whether it is an alert's first event. What cannot be read at all may be one: a sink must not hear half."""
    try:
        said = json.loads(event)
    except ValueError:
        return True
    return not isinstance(said, dict) or said.get("event", "opened") == "opened"


def _forget_alerts(connection: Connection, sink: str, alert_ids: Sequence[str]) -> int:
    """Delete what waits of these alerts for a sink, remember that it heard of none of them; how many events went."""
    removed = 0
    for alert_id in alert_ids:
        mine = (*_waiting(sink), outbox.c.alert_id == alert_id)
        removed += connection.execute(delete(outbox).where(*mine)).rowcount
        row = {"sink": sink, "alert_id": alert_id, "event_id": f"{alert_id}-0", "event": "", "attempts": _GIVEN_UP}
        connection.execute(insert(outbox).values(**row, next_at=datetime.now(UTC)))
    given_up = (outbox.c.sink == sink, outbox.c.attempts == _GIVEN_UP)
    newest_excess = select(outbox.c.id).where(*given_up).order_by(outbox.c.id.desc()).offset(MAX_GIVEN_UP).limit(1)
    found = connection.execute(newest_excess).scalar()
    if found is not None:
        connection.execute(delete(outbox).where(*given_up, outbox.c.id <= found))
    return removed
