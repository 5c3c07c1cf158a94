"""Alerts in a real PostgreSQL that is killed under them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from service.sinks import MemorySink
from support.alerts import wait_until
from support.house import House
from support.postgres import Postgres, postgres_server


@pytest.fixture
def postgres() -> Iterator[Postgres]:
    with postgres_server() as server:
        yield server


def test_a_database_that_is_killed_and_comes_back_misses_nothing(postgres: Postgres, tmp_path: Path) -> None:
    sink = MemorySink(100)
    with House(tmp_path, sinks=[sink], database_url=SecretStr(postgres.url)) as house:
        alerts = [house.incident("yard-0")]
        wait_until(lambda: len(sink.recent()) == 2)
        postgres.kill()
        alerts += [house.incident(f"yard-{number}") for number in range(1, 4)]
        wait_until(lambda: house.metric("deliveries_total", sink="store", outcome="failed") >= 2)
        assert house.metric("outbox_depth", sink="store") == 3
        postgres.start()
        wait_until(lambda: len(sink.recent()) == 8)
        assert [event.id for event in sink.recent()] == [f"{alert}-{number}" for alert in alerts for number in (1, 2)]
        assert sorted(alert.id for alert in house.store.list()) == sorted(alerts)
