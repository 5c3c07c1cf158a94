"""The service, composed: every part is built here, handed to those that need it, started and closed in order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from models.packs import PackLibrary
from service.alerts.manager import AlertManager
from service.alerts.outage_machine import OutageRules
from service.alerts.snapshots import SnapshotFolder
from service.alerts.stores import AlertStores
from service.contracts.alert import Alert
from service.contracts.sensitivity import SensitivityPreview, SensitivitySpec
from service.delivery.drift import DriftWatch
from service.delivery.feed import ScoreFeed
from service.delivery.minutes import ScoreMinutes
from service.engine.engine_queue import EngineQueue
from service.enrolment.stream_profile import EnrolmentServices
from service.metrics import Metrics
from service.pipeline.pool import StagesPool
from service.pipeline.worker import Worker
from service.settings import Settings
from service.sinks import open_sinks
from service.store.alerts import AlertStore
from service.store.data_folder import DataFolder
from service.store.drift import DriftStore
from service.store.feedback import FeedbackStore
from service.store.guidance import GuidanceStore
from service.store.opening import lock_database, naming_database, open_database
from service.store.outbox import Outbox
from service.store.score_minutes import ScoreMinuteStore
from service.store.storage_trouble import StorageTrouble, folder_trouble
from service.store.streams import StreamStore
from service.streams.build import StreamBuilder
from service.streams.registry import StreamRegistry
from service.streams.reviews import review
from service.streams.sensitivity import Past, alerts_known, rehearse, wished
from service.streams.stream import Services

ENROLMENTS = 4
"""Enrolments that read files or fit at the same time: one of two hundred files must not hold up the others."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether the service can serve, and how far it is.

    Attributes:
        ready: Whether all streams that were registered before the start are running again, and the disk takes what is
            to be kept.
        packs: Each pack's name and ``ready``, or why it cannot be used.
        detail: In a sentence. Engines that are still being built are told of, and hold nothing up: ONNX Runtime
            serves until they are there.
    """

    ready: bool
    packs: dict[str, str]
    detail: str


class Application:
    """Owns every part of the service from ``start`` to ``close``.

    Attributes:
        settings: What the operator set.
        metrics: Of the whole service.
        library: The packs.
        feed: Score messages, past and new ones.
        minutes: The highest score of every minute, for a month.
        drift: How unusual every day was, for a month.
        streams: The registered streams.
        alerts: The alerts that are kept.
        rules: The rules in words that are kept, and who edited them.
        own_addresses: Where the service listens; whoever binds a socket adds to it.
    """

    def __init__(self, settings: Settings, engines: EngineQueue | None = None) -> None:
        """Compose the service; nothing runs before ``start``.

        Args:
            settings: What the operator set.
            engines: Builds TensorRT engines; closed with the service.

        Raises:
            InvalidInput: If the settings hold a Redis or webhook URL that cannot be one, or the data folder or the
                database cannot be used; in words that name it.
        """
        self.settings = settings
        self._engines = engines
        self.metrics = Metrics()
        self.library = PackLibrary([settings.packs_path])
        self.own_addresses: set[tuple[str, int]] = {(settings.host, settings.port)}
        with ExitStack() as undone:
            self._folder = DataFolder(settings.data_dir)
            undone.callback(self._folder.close)
            self._database_lock = lock_database(settings.database)
            if self._database_lock is not None:
                undone.callback(self._database_lock.close)
            self._database = open_database(settings.database)
            undone.callback(self._database.close)
            self._compose()
            undone.pop_all()

    def _compose(self) -> None:
        settings = self.settings
        self.minutes = ScoreMinutes(ScoreMinuteStore(self._database))
        self.feed = ScoreFeed(settings.score_history, settings.client_queue, self.metrics, self.minutes)
        self.drift = DriftWatch(DriftStore(self._database), self.metrics)
        self.alerts = AlertStore(self._database, settings.data_dir / "snapshots")
        self.rules = GuidanceStore(self._database)
        self._feedback = FeedbackStore(self._database)
        self._manager = self._alert_manager()
        self._pool = StagesPool(self.library, self.metrics, settings, self._engines)
        self._worker = Worker(self.metrics, settings.staleness_s)
        self._executor = ThreadPoolExecutor(ENROLMENTS, thread_name_prefix="enrolment")
        self.streams = self._stream_registry()

    def _alert_manager(self) -> AlertManager:
        settings = self.settings
        snapshots = SnapshotFolder(self.alerts.snapshots, settings.snapshot_bytes)
        stores = AlertStores(self._database, self.alerts, self._feedback, Outbox(self._database), snapshots)
        outages, blindness = OutageRules(settings.offline_grace_s), OutageRules(settings.blind_grace_s)
        return AlertManager(stores, open_sinks(settings), self.metrics, outages, blindness=blindness)

    def _stream_registry(self) -> StreamRegistry:
        store = StreamStore(self._database)
        enrolment = EnrolmentServices(self.settings, self._executor, store.set_pending)
        services = Services(self.settings, self.metrics, self._worker, self.feed, self._manager, self.drift, enrolment)
        build = StreamBuilder(services, self._pool, store, self.rules, self._feedback, self.own_addresses)
        return StreamRegistry(store, build, services)

    def review(self, alert_ids: Sequence[str], changes: Mapping[str, str | None]) -> Sequence[Alert]:
        """Note what a person says of alerts; as ``service.streams.reviews.review``."""
        return review(self.streams, self._manager, alert_ids, changes)

    def preview_sensitivity(self, stream_id: str, spec: SensitivitySpec) -> SensitivityPreview:
        """How many alerts another sensitivity would have raised on a stream; changes nothing.

        Raises:
            NotFound: ``stream_not_found``.
            Conflict: ``stream_broken``, or ``no_profile`` if it has learned nothing.
        """
        live, now = self.streams.live(stream_id), datetime.now(UTC)
        since = now - timedelta(days=spec.days)
        past = Past.of(self.feed, self.minutes, stream_id, since.timestamp(), now.timestamp())
        scorer = live.context.scorer
        return rehearse(
            live.profile.promised(wished(spec, live.spec)),
            None if scorer is None else scorer.threshold,
            past,
            self.streams.guidance(stream_id).history.frames(),
            alerts_known(self.alerts, stream_id, since),
        )

    def start(self) -> None:
        """Start the worker and the alerts, and bring back the registered streams in the background.

        Raises:
            InvalidInput: ``database_unusable``.
        """
        with naming_database(self.settings.database):
            self.minutes.start()
            self.drift.start()
            self._manager.start()
            self._worker.start()
            self.streams.start()

    def close(self) -> None:
        """Stop everything that was started. Idempotent."""
        self.streams.close()
        self._executor.shutdown(cancel_futures=True)
        self._worker.close()
        self._manager.close()
        self.minutes.close()
        self.drift.close()
        if self._engines is not None:
            self._engines.close()
        self._pool.close()
        self._database.close()
        if self._database_lock is not None:
            self._database_lock.close()
        self._folder.close()

    def readiness(self) -> Readiness:
        """Whether the service can serve, and how far it is."""
        packs = {entry.name: str(entry.error or "ready") for entry in self.library.list()}
        ready = self.streams.restored
        detail = "ready" if ready else f"bringing back streams, {len(self.streams)} so far"
        if (trouble := self._storage_trouble()) is not None:
            ready, detail = False, f"Nothing can be stored now. {trouble.detail} {self._kept_back()}".rstrip()
        engines = None if self._engines is None else self._engines.progress()
        if engines is not None and engines.total > 0:
            detail = f"{detail}; {engines}"
        return Readiness(ready, packs, detail)

    def _storage_trouble(self) -> StorageTrouble | None:
        """Why nothing can be stored: what was seen of it is looked at again, so that it ends by itself."""
        trouble = folder_trouble(self._folder.path) or self.streams.storage_trouble()
        if trouble is None and self._database.trouble is not None:
            trouble = self._database.try_to_write()
        return trouble

    def _kept_back(self) -> str:
        """What waits in memory meanwhile."""
        counts = {"profile": self.streams.unsaved, "alert": self._manager.waiting}
        said = [f"{count} {what}{'' if count == 1 else 's'}" for what, count in counts.items() if count]
        return f"In memory until then: {' and '.join(said)}." if said else ""
