from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from sqlalchemy.exc import IntegrityError

from service.contracts.alert import AlertEvent
from service.store import outbox as module
from service.store.database import Database
from service.store.outbox import MAX_POSTPONED, Outbox
from support.alerts import NOON, make_alert

SECOND = timedelta(seconds=1)


@pytest.fixture
def outbox(database: Database) -> Outbox:
    return Outbox(database)


def add(
    outbox: Outbox, database: Database, events: str, sinks: Sequence[str] = ("redis",), now: datetime = NOON
) -> None:
    """Queue events written as alert and number, such as ``a1 b1 a2``."""
    with database.transaction() as connection:
        for name in events.split():
            event = AlertEvent(id=f"{name[0]}-{name[1:]}", event="updated", alert=make_alert(name[0]))
            outbox.add(connection, event, sinks, now)


def drain(outbox: Outbox, sink: str = "redis", now: datetime = NOON) -> str:
    order = []
    while delivery := outbox.due(sink, now):
        order.append(delivery.event.id.replace("-", ""))
        outbox.remove(delivery)
    return " ".join(order)


def test_events_come_out_as_they_went_in_for_each_sink(outbox: Outbox, database: Database) -> None:
    add(outbox, database, "a1 b1 a2", ["redis", "hook"])
    assert (outbox.depth("redis"), outbox.depth("hook"), outbox.depth("other")) == (3, 3, 0)
    first = outbox.due("redis", NOON)
    assert first is not None
    assert first.event == AlertEvent(id="a-1", event="updated", alert=make_alert("a"))
    assert drain(outbox) == "a1 b1 a2"
    assert (outbox.depth("redis"), outbox.depth("hook")) == (0, 3)


def test_nothing_waits_where_there_is_no_sink(outbox: Outbox, database: Database) -> None:
    add(outbox, database, "a1", [])
    assert outbox.due("redis", NOON) is None
    assert outbox.next_due("redis") is None


def test_an_event_that_fails_holds_up_its_own_alert_only(outbox: Outbox, database: Database) -> None:
    add(outbox, database, "a1 a2 b1")
    poison = outbox.due("redis", NOON)
    assert poison is not None
    outbox.postpone(poison, NOON + 10 * SECOND)
    assert drain(outbox) == "b1"
    assert outbox.next_due("redis") == NOON + 10 * SECOND
    again = outbox.due("redis", NOON + 10 * SECOND)
    assert again is not None
    assert (again.id, again.attempts) == (poison.id, 1)
    assert drain(outbox, now=NOON + 10 * SECOND) == "a1 a2"


def test_a_clock_that_was_set_back_delays_nothing(outbox: Outbox, database: Database) -> None:
    add(outbox, database, "a1", now=NOON + timedelta(days=1))
    assert drain(outbox) == "a1"
    add(outbox, database, "b1", now=NOON + MAX_POSTPONED)
    assert drain(outbox) == ""


def test_an_event_is_queued_once(outbox: Outbox, database: Database) -> None:
    add(outbox, database, "a1")
    with pytest.raises(IntegrityError):
        add(outbox, database, "b1 a1")
    assert drain(outbox) == "a1"


def test_what_waits_is_bounded(outbox: Outbox, database: Database) -> None:
    add(outbox, database, "a1 b1 c1 d1 e1", ["redis", "hook"])
    assert outbox.trim("redis", keep=5) == 0
    assert outbox.trim("redis", keep=2) == 3
    assert drain(outbox) == "d1 e1"
    assert outbox.trim("redis", keep=2) == 0
    assert outbox.depth("hook") == 5


def opened(outbox: Outbox, database: Database, alerts: str, sinks: Sequence[str] = ("redis",)) -> None:
    """Queue the openings of these alerts."""
    with database.transaction() as connection:
        for name in alerts.split():
            event = AlertEvent(id=f"{name}-1", event="opened", alert=make_alert(name))
            outbox.add(connection, event, sinks, NOON)


def test_a_sink_hears_of_no_alert_whose_opening_was_given_up(outbox: Outbox, database: Database) -> None:
    opened(outbox, database, "a b", ["redis", "hook"])
    add(outbox, database, "a2", ["redis", "hook"])
    delivery = outbox.due("redis", NOON)
    assert delivery is not None
    assert outbox.give_up("redis", delivery) == 2
    add(outbox, database, "a3 b2", ["redis", "hook"])
    assert (outbox.depth("redis"), outbox.depth("hook")) == (2, 5)
    assert drain(outbox) == "b1 b2"
    assert outbox.next_due("redis") is None
    assert drain(outbox, "hook") == "a1 b1 a2 a3 b2"


def test_a_later_event_that_is_given_up_goes_alone(outbox: Outbox, database: Database) -> None:
    add(outbox, database, "a2 a3")
    delivery = outbox.due("redis", NOON)
    assert delivery is not None
    assert outbox.give_up("redis", delivery) == 1
    assert drain(outbox) == "a3"


def test_what_has_no_room_takes_all_of_its_alert_with_it(outbox: Outbox, database: Database) -> None:
    opened(outbox, database, "a b c")
    add(outbox, database, "a2 c2")
    assert outbox.trim("redis", keep=3) == 3  # the openings of a and b, and a2 with them
    add(outbox, database, "a3 b2")
    assert drain(outbox) == "c1 c2"


def test_who_heard_of_which_alert_is_remembered_in_bounds(
    outbox: Outbox, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_GIVEN_UP", 2)
    opened(outbox, database, "a b c d")
    assert outbox.trim("redis", keep=0) == 4
    add(outbox, database, "a2 b2 c2 d2")
    assert drain(outbox) == "a2 b2"  # of the two newest it is known


def test_a_sink_that_is_gone_keeps_nothing(outbox: Outbox, database: Database) -> None:
    add(outbox, database, "a1 a2", ["redis", "hook"])
    assert outbox.retain(["redis", "new"]) == 2
    assert outbox.retain(["redis", "new"]) == 0
    assert (outbox.depth("redis"), outbox.depth("hook")) == (2, 0)


def test_an_event_and_its_alert_are_queued_together_or_not_at_all(outbox: Outbox, database: Database) -> None:
    def fail() -> None:
        with database.transaction() as connection:
            outbox.add(connection, AlertEvent(id="a-1", event="opened", alert=make_alert("a")), ["redis"], NOON)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert outbox.depth("redis") == 0
