from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from service.alerts import recorder as module
from service.alerts.compose import AlertEvidence
from service.alerts.recorder import MAX_PICTURES, Record, Recorder
from service.alerts.snapshots import SnapshotFolder
from service.alerts.stores import AlertStores
from service.contracts.alert import Alert, AlertEvent, AlertState
from service.metrics import Metrics
from service.store.alerts import AlertStore
from service.store.database import Database
from service.store.feedback import FeedbackStore
from service.store.outbox import Outbox
from support.alerts import make_alert

PICTURE = AlertEvidence(np.zeros((4, 4, 3), np.uint8), 0.0, (), {}, 0.6)


def record(events: str, peak: float = 0.7, picture: bool = False) -> Record:
    alerts = {event: make_alert("a", peak_score=peak) for event in events.split()}
    return Record("a", "yard", alerts, PICTURE if picture else None)


MERGES = [
    ("opened", "updated", "opened updated"),
    ("opened updated", "updated", "opened updated"),
    ("opened updated", "closed", "opened closed"),
    ("opened", "closed", "opened closed"),
    ("updated", "closed", "closed"),
    ("updated", "updated", "updated"),
]


@pytest.mark.parametrize(("earlier", "later", "expected"), MERGES)
def test_changes_of_an_alert_are_told_in_order_and_at_most_once_each(earlier: str, later: str, expected: str) -> None:
    merged = record(earlier, 0.7).then(record(later, 0.9))
    assert " ".join(merged.events) == expected
    newest = later.rsplit(maxsplit=1)[-1]
    assert merged.events[newest].peak_score == 0.9
    if "opened" in merged.events:
        assert merged.events["opened"].peak_score == 0.7


def test_the_newest_picture_is_the_one_to_store() -> None:
    assert record("opened", picture=True).then(record("closed")).evidence is PICTURE
    other = AlertEvidence(None, 0.0, (), {}, 0.6)
    later = Record("a", "yard", {}, other)
    assert record("opened", picture=True).then(later).evidence is other


class Stopped:
    """A recorder that was not started yet: everything waits."""

    def __init__(self, folder: Path, keep: int = 1000) -> None:
        self.database = Database(f"sqlite:///{folder / 'watchword.db'}")
        self.metrics = Metrics()
        self.told: list[AlertEvent] = []
        self.snapshots = folder / "snapshots"
        self.store = AlertStore(self.database, self.snapshots, keep)
        self.outbox = Outbox(self.database)
        pictures = SnapshotFolder(self.snapshots, 1_000_000)
        stores = AlertStores(self.database, self.store, FeedbackStore(self.database), self.outbox, pictures)
        self.recorder = Recorder(stores, ["redis"], self.metrics, self.told.extend)

    def put(self, alert: Alert, event: str) -> None:
        self.recorder.put(Record(alert.id, "yard", {event: alert}, PICTURE))

    def finish(self) -> None:
        self.recorder.start()
        self.recorder.close(timeout=30)

    def lost(self) -> float | None:
        labels = {"stream": "yard", "cause": "lost"}
        return self.metrics.registry.get_sample_value("watchword_alerts_suppressed_total", labels)


@pytest.fixture
def build(tmp_path: Path) -> Iterator[Callable[..., Stopped]]:
    built: list[Stopped] = []

    def make(**arguments: int) -> Stopped:
        built.append(Stopped(tmp_path, **arguments))
        return built[-1]

    yield make
    for stopped in built:
        stopped.database.close()


def test_what_waits_is_bounded_and_the_oldest_are_lost_loudly(
    build: Callable[..., Stopped], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_WAITING", 40)
    stopped = build()
    for number in range(43):
        stopped.put(make_alert(f"a{number}", number), "opened")
    assert [word for word in ("a0", "a1", "a2", "a3") if f"LOST alert {word} " in caplog.text] == ["a0", "a1", "a2"]
    assert stopped.lost() == 3
    assert stopped.metrics.registry.get_sample_value("watchword_outbox_depth", {"sink": "store"}) == 40
    stopped.finish()
    assert [event.alert.id for event in stopped.told] == [f"a{number}" for number in range(3, 43)]
    pictured = [event.alert.id for event in stopped.told if event.alert.snapshot is not None]
    assert pictured == [f"a{number}" for number in range(43 - MAX_PICTURES, 43)]
    assert stopped.outbox.depth("redis") == 40


def test_old_alerts_are_pruned_with_their_pictures(
    build: Callable[..., Stopped], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PRUNE_EVERY", 4)
    stopped = build(keep=2)
    for number in range(4):
        stopped.put(make_alert(f"a{number}", number, state=AlertState.CLOSED), "closed")
    stopped.finish()
    assert [alert.id for alert in stopped.store.list()] == ["a3", "a2"]
    assert sorted(path.stem for path in stopped.snapshots.iterdir()) == ["a2", "a3"]


def test_an_alert_that_cannot_be_stored_at_all_holds_up_no_other(
    build: Callable[..., Stopped], caplog: pytest.LogCaptureFixture
) -> None:
    stopped = build()
    zoneless = make_alert("a").model_copy(update={"opened_at": datetime(2026, 1, 1)})
    stopped.put(zoneless, "opened")
    stopped.put(make_alert("b"), "opened")
    stopped.finish()
    assert [event.alert.id for event in stopped.told] == ["b"]
    assert "alert a cannot be stored" in caplog.text
    assert stopped.lost() == 1


def test_an_alert_whose_picture_cannot_be_drawn_is_stored_without_it(
    build: Callable[..., Stopped], caplog: pytest.LogCaptureFixture
) -> None:
    stopped = build()
    undrawable = replace(PICTURE, image=np.zeros((0, 4, 3), np.uint8))
    stopped.recorder.put(Record("a", "yard", {"opened": make_alert("a")}, undrawable))
    stopped.finish()
    assert [(event.alert.id, event.alert.snapshot) for event in stopped.told] == [("a", None)]
    assert "alert a stays without its picture: " in caplog.text
