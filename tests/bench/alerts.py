"""Lists, counts, calendars and searches of a full store of alerts, on SQLite and PostgreSQL.

    python -m tests.bench alerts [--alerts 100000] [--database sqlite|postgresql]

A year and a half of alerts of sixteen streams, two objects each, 1.6 KB a row. Each question is asked eleven times;
the median is of what the store takes, without HTTP. What finds nothing, or only the oldest, is the worst that there
is: every alert is looked at.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import insert, text

from service.contracts.alert import AlertKind, AlertState
from service.contracts.score import Action
from service.store.alert_filter import AlertFilter
from service.store.alert_words import words_of
from service.store.alerts import AlertStore
from service.store.database import Database
from service.store.tables import alert_words, alerts
from support.alerts import NOON, make_alert
from support.postgres import postgres_server

STREAMS = 16
SPAN = timedelta(days=540)
TIMES = 11
AT_ONCE = 2_000


def main() -> None:
    """Fill, measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--alerts", type=int, default=100_000)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    options = parser.parse_args()
    with opened(options.database) as database:
        store = AlertStore(database, Path())
        fill(database, options.alerts)
        print(f"{options.alerts} alerts, {options.database}; ms: median and worst of {TIMES}, processor")
        for name, ask in questions(store).items():
            took, busy = zip(*(timed(ask) for _ in range(TIMES)), strict=True)
            print(
                f"{name:50} {statistics.median(took):7.1f} {max(took):7.1f} {statistics.median(busy):7.1f}", flush=True
            )


@contextmanager
def opened(kind: str) -> Iterator[Database]:
    """An empty database of this kind."""
    if kind == "sqlite":
        with tempfile.TemporaryDirectory() as folder:
            database = Database(f"sqlite:///{folder}/watchword.db")
            yield database
            database.close()
        return
    with postgres_server() as server:
        database = Database(server.url)
        yield database
        database.close()


def fill(database: Database, count: int) -> None:
    """Write so many alerts: one in a hundred is unreviewed, one in a hundred an outage."""
    chance = random.Random(3)
    step = SPAN / count
    for first in range(0, count, AT_ONCE):
        rows = [row(number, step.total_seconds(), chance) for number in range(first, min(first + AT_ONCE, count))]
        words = [
            {
                **{name: each[name] for name in ("opened_at", "id", "stream_id", "kind", "state", "verdict")},
                "words": words_of(each["message"], each["note"], each["stream_name"], each["objects"]),
            }
            for each in rows
        ]
        with database.transaction() as connection:
            connection.execute(insert(alerts), rows)
            connection.execute(insert(alert_words), words)
    with database.transaction() as connection:
        connection.execute(text("ANALYZE"))


def row(number: int, step_s: float, chance: random.Random) -> dict[str, Any]:
    """An alert as it is stored."""
    stream = f"stream{number % STREAMS:02}"
    kind = AlertKind.OFFLINE if number % 100 == 7 else AlertKind.ANOMALY
    person = (
        make_alert("any")
        .objects[0]
        .model_copy(
            update={
                "caption": f"a person riding a bicycle, fast, in zone {number % 7}",
                "terms": {name: round(chance.random() * 9, 3) for name in ("speed", "direction", "size", "appearance")},
                "actions": [Action(text="riding a bicycle", similarity=round(chance.random(), 3), alike=True)] * 5,
            }
        )
    )
    alert = make_alert(
        f"{chance.getrandbits(128):032x}",
        number * step_s,
        stream,
        kind=kind,
        state=AlertState.CLOSED,
        objects=[person, person],
        message=f"Moving unusually fast. Never seen while learning. Number {number}.",
        note="The gardener, every Tuesday." if number % 50 == 0 else None,
    )
    values = alert.model_dump(exclude={"heads", "objects", "taught"})
    values |= alert.model_dump(include={"heads", "objects"}, mode="json")
    return values | {
        "revision": 1,
        "verdict": None if number % 100 == 3 else chance.choice(["confirmed", "false_alarm"]),
    }


def questions(store: AlertStore) -> dict[str, Callable[[], object]]:
    """What is asked, by what is said of it."""
    a_day = AlertFilter(since=NOON + SPAN / 2, until=NOON + SPAN / 2 + timedelta(days=1))
    unreviewed = AlertFilter(verdicts=["none"])
    some = AlertFilter(streams=["stream03", "stream07"], verdicts=["confirmed"], kinds=[AlertKind.ANOMALY])
    common, rare, absent = AlertFilter(text="bicycle"), AlertFilter(text="number 17."), AlertFilter(text="zeppelin")
    middle = store.list(a_day, 1)[0].id
    return {
        "list, newest 100": store.list,
        "list, 100 from the middle": lambda: store.list(cursor=middle),
        "list, one stream": lambda: store.list(AlertFilter(streams=["stream03"])),
        "list, a stream that has none": lambda: store.list(AlertFilter(streams=["gone"])),
        "list, unreviewed (1 in 100)": lambda: store.list(unreviewed),
        "list, outages of two streams that have none": lambda: store.list(
            AlertFilter(streams=["stream01", "stream02"], kinds=[AlertKind.OFFLINE], verdicts=["none"])
        ),
        "list, open ones (none)": lambda: store.list(AlertFilter(state=AlertState.OPEN)),
        "list, a day": lambda: store.list(a_day),
        "list, a common word": lambda: store.list(common),
        "list, words of the oldest alert but 16": lambda: store.list(rare),
        "list, a word that is not there": lambda: store.list(absent),
        "count": store.count,
        "count, unreviewed": lambda: store.count(unreviewed),
        "count, two streams, confirmed, anomalies": lambda: store.count(some),
        "count, a common word": lambda: store.count(common),
        "days, all, Europe/Berlin": lambda: store.days(AlertFilter(), "Europe/Berlin"),
        "days, one stream": lambda: store.days(AlertFilter(streams=["stream03"]), "Europe/Berlin"),
        "days, a common word": lambda: store.days(common, "Europe/Berlin"),
    }


def timed(ask: Callable[[], object]) -> tuple[float, float]:
    """Milliseconds that an answer takes, and those of them that this process computed (SQLite is in it)."""
    began, busy = time.perf_counter(), time.process_time()
    ask()
    return (time.perf_counter() - began) * 1000, (time.process_time() - busy) * 1000
