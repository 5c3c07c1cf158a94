"""Alerts while the disk takes nothing: they wait in memory, and arrive when there is room."""

from __future__ import annotations

from pathlib import Path

from service.sinks import MemorySink
from support.alerts import wait_until
from support.house import House
from support.storage import full_disk


def test_alerts_wait_and_arrive_when_there_is_room(tmp_path: Path) -> None:
    sink = MemorySink(100)
    with House(tmp_path, sinks=[sink]) as house:
        alerts = [house.incident("yard-0")]
        wait_until(lambda: len(sink.recent()) == 2)
        with full_disk(tmp_path, most=2_000):
            alerts += [house.incident(f"yard-{number}") for number in range(1, 4)]
            wait_until(lambda: house.metric("deliveries_total", sink="store", outcome="failed") >= 2)
            assert house.manager.waiting == 3
            assert house.database.trouble is not None
            assert house.database.try_to_write() == house.database.trouble
            assert len(sink.recent()) == 2
        wait_until(lambda: len(sink.recent()) == 8)
        assert [event.id for event in sink.recent()] == [f"{alert}-{number}" for alert in alerts for number in (1, 2)]
        assert house.database.trouble is None
