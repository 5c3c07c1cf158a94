"""A process that is killed loses no alert that it has committed, and tells nobody of one that it has not."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
from collections import defaultdict
from contextlib import closing
from pathlib import Path

from pydantic import SecretStr

from service.contracts.alert import AlertState
from service.sinks.redis import STREAM
from service.store.outbox import Outbox
from support.alerts import wait_until
from support.house import House
from support.valkey import Valkey, valkey

__all__ = ["valkey"]

TESTS = Path(__file__).parents[2]

BUSY_PROCESS = textwrap.dedent("""
    import itertools, sys, time
    from pathlib import Path
    from pydantic import SecretStr
    from support.house import CALM, UNUSUAL, House

    with House(Path(sys.argv[1]), redis_url=SecretStr(sys.argv[2])) as house:
        print("started", flush=True)
        for number in itertools.count():
            stream = f"{sys.argv[3]}-{number}"
            house.watch(UNUSUAL, 1, stream)
            if number % 2:
                house.watch(CALM, 4, stream)
            time.sleep(0.01)
""")


def run_and_kill(folder: Path, server: Valkey, name: str, after: int) -> None:
    """Kill the process once it has committed so many alerts, in the middle of whatever it does then."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), str(TESTS.parent)])}
    command = [sys.executable, "-c", BUSY_PROCESS, str(folder), server.url, name]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"started\n"
        wait_until(lambda: committed(folder, name) >= after, timeout=60)
        process.send_signal(signal.SIGKILL)


def committed(folder: Path, name: str) -> int:
    """Alerts of a process that are in the store by now."""
    with closing(sqlite3.connect(f"file:{folder / 'watchword.db'}?mode=ro", uri=True)) as connection:
        (count,) = connection.execute("SELECT count(*) FROM alerts WHERE stream_id LIKE ?", [f"{name}-%"]).fetchone()
    return int(count)


def test_killed_in_the_middle_again_and_again(valkey: Valkey, tmp_path: Path) -> None:
    for number, after in enumerate((9, 17, 26)):
        run_and_kill(tmp_path, valkey, f"run{number}", after)
    with House(tmp_path, redis_url=SecretStr(valkey.url)) as house:
        wait_until(lambda: Outbox(house.database).depth("redis") == 0)
        alerts = house.store.list(limit=100_000)
    with valkey.client() as client:
        events: dict[str, list[str]] = defaultdict(list)
        seen = set()
        for _, fields in client.xrange(STREAM):
            if fields["id"] not in seen:
                seen.add(fields["id"])
                events[fields["id"].split("-")[0]].append(fields["event"])
    assert len(alerts) > 30
    assert {alert.stream_id.split("-")[0] for alert in alerts} == {"run0", "run1", "run2"}
    assert {alert.state for alert in alerts} == {AlertState.CLOSED}
    assert events.keys() == {alert.id for alert in alerts}
    assert {tuple(kinds) for kinds in events.values()} == {("opened", "closed")}
    restarted = [alert for alert in alerts if "restarted" in alert.message]
    assert 10 < len(restarted) < len(alerts)
