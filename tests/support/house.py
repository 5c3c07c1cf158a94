"""Alerts with all that belongs to them, in a folder that outlives them."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any, Self

from service.alerts.incident_machine import IncidentRules
from service.alerts.manager import AlertManager
from service.alerts.outage_machine import OutageRules
from service.alerts.snapshots import SnapshotFolder
from service.alerts.stores import AlertStores
from service.metrics import Metrics
from service.pipeline.scored import ScoredFrame
from service.presentation.message import scored_objects
from service.settings import Settings
from service.sinks import Sink, open_sinks
from service.store.alerts import AlertStore
from service.store.database import Database
from service.store.feedback import FeedbackStore
from service.store.outbox import Outbox
from support.alerts import scored_frame

CALM, UNUSUAL, EXTREME = 1.0, 5.0, 7.0
"""Surprises below the threshold, above it, and enough above it to break a cooldown."""


class House:
    """A manager with its store, started and closed by the context."""

    def __init__(
        self,
        folder: Path,
        rules: IncidentRules | None = None,
        sinks: list[Sink] | None = None,
        busy_timeout_s: float = 5.0,
        **settings: Any,
    ) -> None:
        self.settings = Settings(**{"data_dir": folder, "offline_grace_s": 0.3, **settings})
        self.metrics = Metrics()
        self.database = Database(self.settings.database, busy_timeout_s)
        self.store = AlertStore(self.database, folder / "snapshots")
        self.sinks = open_sinks(self.settings) if sinks is None else sinks
        self.manager = AlertManager(
            AlertStores(
                self.database,
                self.store,
                FeedbackStore(self.database),
                Outbox(self.database),
                SnapshotFolder(self.store.snapshots, self.settings.snapshot_bytes),
            ),
            self.sinks,
            self.metrics,
            OutageRules(self.settings.offline_grace_s),
            rules,
        )
        self.second = 0.0

    def watch(self, surprise: float | None, seconds: float, stream: str = "yard", **fields: Any) -> str | None:
        """Observe so many seconds at ten frames a second, all at once; return the open alert's id."""
        alert_id = None
        for _ in range(round(seconds * 10)):
            alert_id = self.observe(scored_frame(self.second, surprise, stream, **fields), stream.title())
            self.second += 0.1
        return alert_id

    def observe(self, frame: ScoredFrame, stream_name: str) -> str | None:
        """Hand a frame to the manager, as its stream would; return the open alert's id."""
        return self.manager.observe(frame, scored_objects(frame), stream_name)

    def incident(self, stream: str = "yard") -> str:
        """An incident from opening to closing; return its alert's id."""
        alert_id = self.watch(UNUSUAL, 1, stream)
        self.watch(CALM, 4, stream)
        return str(alert_id)

    def metric(self, name: str, **labels: str) -> float:
        """The value of ``watchword_NAME``, 0 where there is none yet."""
        return self.metrics.registry.get_sample_value(f"watchword_{name}", labels) or 0.0

    def close(self) -> None:
        """Close everything. Idempotent."""
        self.manager.close()
        self.database.close()

    def __enter__(self) -> Self:
        self.manager.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
