"""The service as one object: what the API, the command line and tests talk to. Blocking, thread-safe."""

from __future__ import annotations

import itertools
import logging
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial

from pydantic import SecretStr, ValidationError

from models.pack import PackLibrary
from service.alerts.manager import AlertManager
from service.contracts.alert import Alert, Verdict
from service.contracts.enrolment import EnrolmentOut, EnrolmentSpec
from service.contracts.guidance import GuidanceAudit, PreviewOut, PreviewSpec
from service.contracts.stream import StreamOut, StreamPatch, StreamSpec, StreamState, StreamStatus
from service.delivery.feed import ScoreFeed
from service.delivery.picture import Picture
from service.engine.engine_queue import EngineQueue
from service.enrolment.stream_profile import Learner, file_source, profile_path
from service.errors import (
    INVALID_PATCH,
    NEW_TO_EXTEND,
    NO_PROFILE,
    STREAM_BROKEN,
    STREAM_NOT_FOUND,
    TOO_MANY_STREAMS,
    Conflict,
    InvalidInput,
    NotFound,
    Overloaded,
)
from service.guidance.stream_guidance import StreamGuidance
from service.ingest.probe import probe as try_source
from service.ingest.source import Source, parse_source
from service.metrics import Metrics
from service.pipeline.pool import StagesPool
from service.pipeline.stages import Stages
from service.pipeline.track import check_classes
from service.pipeline.worker import Worker
from service.profiles.profile import Profile, ProfileError
from service.settings import Settings
from service.store.alerts import AlertStore
from service.store.database import Database
from service.store.guidance import GuidanceStore
from service.store.streams import StreamRecord, StreamStore
from service.streams.admission import RETRY_AFTER_S, admit
from service.streams.stream import LiveStream, Services

logger = logging.getLogger(__name__)

REBUILDING = {"url", "transport", "fps", "detector", "packs", "encoder", "enabled"}
"""Settings that a stream is stopped and started for; the others are changed while it runs."""


FIRST_PICTURE_S = 1.0
"""How long a picture is waited for when a stream has just begun to deliver; a frame takes a tenth of that."""

ENROLMENTS = 4
"""Enrolments that read files or fit at the same time: one of two hundred files must not hold up the others."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether the service can serve, and how far it is.

    Attributes:
        ready: Whether all streams that were registered before the start are running again.
        packs: Each pack's name and ``ready``, or why it cannot be used.
        detail: In a sentence. Engines that are still being built are told of, and hold nothing up: ONNX Runtime
            serves until they are there.
    """

    ready: bool
    packs: dict[str, str]
    detail: str


@dataclass(slots=True)
class _Entry:
    """A registered stream.

    ``live`` is None when what it needs is gone (a pack, a file), and ``problem`` says what. ``sequence`` numbers its
    score messages, also over a rebuild of ``live``: a ``seq`` never comes again.
    """

    record: StreamRecord
    live: LiveStream | None
    guidance: StreamGuidance
    sequence: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    problem: str | None = None
    changing: threading.Lock = field(default_factory=threading.Lock)


class Application:
    """Owns every part of the service from ``start`` to ``close``.

    Raises (from any method that takes an id):
        NotFound: If there is no such stream.
    """

    def __init__(self, settings: Settings, engines: EngineQueue | None = None) -> None:
        """Compose the service.

        Args:
            settings: What the operator set.
            engines: Builds TensorRT engines; closed with the service.
        """
        self.settings = settings
        self._engines = engines
        self.metrics = Metrics()
        self.library = PackLibrary([settings.packs_path])
        self.feed = ScoreFeed(settings.score_history, settings.client_queue, self.metrics)
        self.own_addresses: set[tuple[str, int]] = {(settings.host, settings.port)}
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        self._database = Database(settings.database)
        self._store = StreamStore(self._database)
        self.alerts = AlertStore(self._database, settings.data_dir / "snapshots")
        self._rules = GuidanceStore(self._database)
        self._manager = AlertManager(settings, self._database, self.alerts, self.metrics)
        self._pool = StagesPool(self.library, self.metrics, settings, engines)
        self._worker = Worker(self.metrics, settings.staleness_s)
        self._executor = ThreadPoolExecutor(ENROLMENTS, thread_name_prefix="enrolment")
        learner = Learner(settings, self._executor, self._store.set_pending)
        self._services = Services(settings, self.metrics, self._worker, self.feed, self._manager, learner)
        self._lock = threading.Lock()
        self._entries: dict[str, _Entry] = {}
        self._restored = threading.Event()
        self._restorer = threading.Thread(target=self._restore, name="restore", daemon=True)
        self._closing = False

    # ---- life

    def start(self) -> None:
        """Start the worker and the alerts, and bring back the registered streams in the background."""
        self._manager.start()
        self._worker.start()
        # All are known before the first request and before the first one runs, so that none of them can be missed.
        self._entries = {record.id: _Entry(record, None, self._new_guidance(record)) for record in self._store.list()}
        self._restorer.start()

    def close(self) -> None:
        """Stop everything that was started. Idempotent."""
        self._closing = True
        if self._restorer.is_alive():
            self._restorer.join()
        with self._lock:
            entries = list(self._entries.values())
        for entry in entries:
            if entry.live is not None:
                entry.live.close()
        self._executor.shutdown(cancel_futures=True)
        self._worker.close()
        self._manager.close()
        if self._engines is not None:
            self._engines.close()
        self._pool.close()
        self._database.close()

    def _restore(self) -> None:
        with self._lock:
            entries = list(self._entries.values())
        for entry in entries:
            if self._closing:
                return
            with entry.changing:
                if entry.live is None and self._entries.get(entry.record.id) is entry:
                    self._bring_back(entry)
        self._restored.set()

    def _bring_back(self, entry: _Entry) -> None:
        record = entry.record
        try:
            self._run(entry, self._stored_source(record, record.spec), self._store.pending(record.id))
        except Exception as error:
            # The camera stays registered: what it needs may come back, or be set otherwise.
            logger.error("stream %s cannot be restored: %s", record.id, error)
            entry.problem = f"cannot be restored: {error}"

    def readiness(self) -> Readiness:
        """Whether the service can serve, and how far it is."""
        packs = {entry.name: str(entry.error or "ready") for entry in self.library.list()}
        ready = self._restored.is_set()
        detail = "ready" if ready else f"bringing back streams, {len(self._entries)} so far"
        engines = None if self._engines is None else self._engines.progress()
        if engines is not None and engines.total > 0:
            detail = f"{detail}; {engines}"
        return Readiness(ready, packs, detail)

    # ---- streams

    def create_stream(self, spec: StreamSpec, probe: bool = True) -> StreamOut:
        """Register a stream and let its frames flow.

        Args:
            spec: Its settings.
            probe: Refuse a source that delivers no picture now.

        Raises:
            InvalidInput: If any setting is not what was expected; nothing has changed then.
            Overloaded: If the machine cannot carry it.
        """
        source = self._source(spec)
        self._check(spec)
        self._check_enrolment(spec)
        self._admit(spec)
        if probe:
            try_source(source, self.settings.probe_timeout_s)
        record = self._store.create(spec.model_copy(update={"url": source.url}), _secret(source))
        if spec.enrolment is not None and spec.enrolment.stream is None:
            self._store.set_pending(record.id, spec.enrolment)
        entry = _Entry(record, None, self._new_guidance(record))
        with entry.changing:
            try:
                self._register(entry)
                self._run(entry, source, spec.enrolment)
            except BaseException:
                with self._lock:
                    self._entries.pop(record.id, None)
                self._store.delete(record.id)
                raise
        return self._out(entry)

    def streams(self) -> list[StreamOut]:
        """All streams, oldest first."""
        with self._lock:
            entries = list(self._entries.values())
        return [self._out(entry) for entry in sorted(entries, key=lambda entry: entry.record.created_at)]

    def stream(self, stream_id: str) -> StreamOut:
        """One stream."""
        return self._out(self._entry(stream_id))

    def update_stream(self, stream_id: str, patch: StreamPatch, probe: bool = True) -> StreamOut:
        """Change settings; a failed change leaves the stream as it was.

        Raises:
            InvalidInput: If any setting is not what was expected.
            Overloaded: If the machine cannot carry it.
        """
        entry = self._entry(stream_id)
        with self._changing(entry):
            changes = {name: getattr(patch, name) for name in patch.model_fields_set}
            changes = _exclusive_threshold(changes)
            spec = _revalidated(entry.record.spec, changes)
            source = self._source(spec) if "url" in changes else self._stored_source(entry.record, spec)
            self._check(spec)
            if spec.enabled and not entry.record.spec.enabled:
                self._admit(spec)
            if "url" in changes and probe and spec.enabled:
                try_source(source, self.settings.probe_timeout_s)
            self._replace(entry, spec, source, rebuild=entry.live is None or bool(REBUILDING & changes.keys()))
        return self._out(entry)

    def delete_stream(self, stream_id: str) -> None:
        """Stop and forget a stream; its alerts stay. Idempotent, and legal in every state."""
        with self._lock:
            entry = self._entries.get(stream_id)
        if entry is None:
            self._store.delete(stream_id)
            return
        with entry.changing:
            # First in the store: if that fails, the stream runs on, and can be deleted later.
            self._store.delete(stream_id)
            with self._lock:
                self._entries.pop(stream_id, None)
            if entry.live is not None:
                entry.live.close()
            self._manager.forget(stream_id)
            self.feed.forget(stream_id)
            self.metrics.forget(stream_id)
            self.metrics.streams.set(len(self._entries))
            profile_path(self.settings, stream_id).unlink(missing_ok=True)

    # ---- enrolment

    def enrol(self, stream_id: str, spec: EnrolmentSpec) -> EnrolmentOut:
        """Begin to learn what is normal.

        Raises:
            Conflict: If an enrolment is under way, or there is nothing to extend or to take over.
            InvalidInput: If a source cannot be used.
        """
        entry = self._entry(stream_id)
        with self._changing(entry):
            return _live(entry).enrol(spec, None if spec.stream is None else self._profile_of(spec.stream))

    def enrolment(self, stream_id: str) -> EnrolmentOut:
        """How far it is, and what has been learned."""
        return _live(self._entry(stream_id)).learning.out()

    def forget_enrolment(self, stream_id: str) -> None:
        """Give up a running enrolment and delete the profile. Idempotent."""
        entry = self._entry(stream_id)
        with self._changing(entry):
            if entry.live is not None:
                entry.live.forget_enrolment()
                return
            self._store.set_pending(stream_id, None)
            profile_path(self.settings, stream_id).unlink(missing_ok=True)

    def _profile_of(self, stream_id: str) -> Profile:
        self._entry(stream_id)
        path = profile_path(self.settings, stream_id)
        if not path.exists():
            msg = f"expected a stream with a profile to take over, got {stream_id} with none"
            raise Conflict(NO_PROFILE, msg)
        try:
            return Profile.load(path)
        except ProfileError as error:
            raise Conflict(NO_PROFILE, str(error)) from error

    # ---- guidance

    def guidance(self, stream_id: str) -> StreamGuidance:
        """A stream's rules in words; they are there also while the stream cannot run."""
        return self._entry(stream_id).guidance

    def preview_rule(self, stream_id: str, spec: PreviewSpec) -> PreviewOut:
        """What a rule that is not saved would have done to the last minutes.

        Raises:
            Conflict: If the stream is not enrolled: there are no scores to change.
        """
        entry = self._entry(stream_id)
        scorer = _live(entry).context.scorer
        if scorer is None or scorer.threshold is None:
            raise Conflict(NO_PROFILE, "expected an enrolled stream to try a rule on, got one without a profile")
        return entry.guidance.preview(spec, scorer.profile.fused, scorer.threshold)

    def guidance_audit(self, stream_id: str, limit: int, before: int | None) -> list[GuidanceAudit]:
        """Edits of a stream's rules, the newest first; those of a deleted stream are still there."""
        found = self._rules.audit(stream_id, limit, before)
        if not found:
            self._entry(stream_id)
        return list(found)

    def set_verdict(self, alert_id: str, verdict: Verdict | None) -> Alert:
        """Note what a person says of an alert. A false alarm teaches its stream; anything else takes that back.

        Raises:
            NotFound: ``alert_not_found``.
        """
        stream_id = self.alerts.get(alert_id).stream_id
        with self._lock:
            entry = self._entries.get(stream_id)
        with nullcontext() if entry is None else entry.changing:
            if entry is not None and self._entries.get(stream_id) is entry:
                entry.guidance.judge_alert(alert_id, verdict)
            else:  # Deleted: there is nobody to teach.
                self.alerts.set_verdict(alert_id, verdict)
        return self.alerts.get(alert_id)

    def _new_guidance(self, record: StreamRecord) -> StreamGuidance:
        spec, settings = record.spec, self.settings
        return StreamGuidance(
            record.id,
            self._rules,
            spec.zones,
            spec.timezone,
            max_rules=settings.max_rules,
            past_bytes=settings.past_bytes,
        )

    # ---- pictures

    def picture(self, stream_id: str, overlay: bool) -> Picture:
        """The newest picture.

        Raises:
            Conflict: If the stream is not delivering pictures.
        """
        live = _live(self._entry(stream_id))
        if live.state in (StreamState.LIVE, StreamState.ENROLLING):
            # Frames flow, but the first one may still be with the worker.
            picture = live.picture.wait(overlay, after=0, timeout=FIRST_PICTURE_S)
            if picture is not None:
                return picture
        return live.picture.get(overlay)

    def wait_picture(self, stream_id: str, overlay: bool, after: int, timeout: float) -> Picture | None:
        """The newest picture with a seq above ``after``; None if none came within ``timeout`` seconds."""
        return _live(self._entry(stream_id)).picture.wait(overlay, after, timeout)

    # ---- inside

    def _entry(self, stream_id: str) -> _Entry:
        with self._lock:
            entry = self._entries.get(stream_id)
        if entry is None:
            raise _not_found(stream_id)
        return entry

    @contextmanager
    def _changing(self, entry: _Entry) -> Iterator[None]:
        """One change of a stream at a time, and none after it was deleted."""
        with entry.changing:
            if self._entry(entry.record.id) is not entry:
                raise _not_found(entry.record.id)
            yield

    def _register(self, entry: _Entry) -> None:
        limit = self.settings.max_streams
        with self._lock:
            if len(self._entries) >= limit:
                msg = f"expected fewer than {limit} streams (WATCHWORD_MAX_STREAMS), got {len(self._entries)}"
                raise Overloaded(TOO_MANY_STREAMS, msg, RETRY_AFTER_S, streams=len(self._entries), limit=limit)
            self._entries[entry.record.id] = entry

    def _run(self, entry: _Entry, source: Source, pending: EnrolmentSpec | None) -> None:
        """Build and start what serves a stream; called with ``entry.changing`` held."""
        other = None
        if pending is not None and pending.stream is not None:
            other = self._profile_of(pending.stream)
        live = self._build(entry, entry.record.spec, source)
        self._teach_words(entry.guidance, live.stages)
        try:
            live.start(pending, other)
        except BaseException:
            live.close()
            raise
        entry.live, entry.problem = live, None
        self.metrics.streams.set(len(self._entries))

    def _build(self, entry: _Entry, spec: StreamSpec, source: Source) -> LiveStream:
        stages = self._stages(spec)
        return LiveStream(entry.record.id, spec, source, stages, self._services, entry.sequence, entry.guidance)

    def _replace(self, entry: _Entry, spec: StreamSpec, source: Source, *, rebuild: bool) -> None:
        stored = spec.model_copy(update={"url": source.url})
        live = self._build(entry, stored, source) if rebuild else None
        entry.record = self._store.update(entry.record.id, stored, _secret(source))
        entry.guidance.configure(stored.zones, stored.timezone)
        if live is None:
            _live(entry).configure(stored)
            return
        if entry.live is not None:
            entry.live.close()
        # Not before the old one has stopped: its clips may be another encoder's.
        self._teach_words(entry.guidance, live.stages)
        entry.live, entry.problem = live, None
        live.start(self._store.pending(entry.record.id))

    def _source(self, spec: StreamSpec) -> Source:
        return parse_source(spec.url, spec.transport, self.settings.media_dir, self.own_addresses)

    def _stored_source(self, record: StreamRecord, spec: StreamSpec) -> Source:
        secret = self._store.secret_url(record.id)
        url = record.spec.url if secret is None else secret.get_secret_value()
        return parse_source(url, spec.transport, self.settings.media_dir)

    def _stages(self, spec: StreamSpec) -> Stages:
        return self._pool.get(spec.detector, spec.packs, spec.encoder)

    def _teach_words(self, guidance: StreamGuidance, stages: Stages) -> None:
        encoder = None if stages.encoder is None else stages.encoder.hash
        guidance.understand(partial(self._pool.language, stages), encoder)

    def _check(self, spec: StreamSpec) -> None:
        check_classes(spec.detection, self._stages(spec).detector.names)

    def _check_enrolment(self, spec: StreamSpec) -> None:
        if spec.enrolment is not None:
            if spec.enrolment.extend:
                msg = "expected an enrolment that does not extend: a new stream has nothing to extend yet"
                raise InvalidInput(NEW_TO_EXTEND, msg)
            for path in spec.enrolment.sources or ():
                file_source(path, self.settings.media_dir)
            if spec.enrolment.stream is not None:
                self._profile_of(spec.enrolment.stream)

    def _admit(self, spec: StreamSpec) -> None:
        if spec.enabled:
            with self._lock:
                running = sum(entry.record.spec.enabled for entry in self._entries.values())
                files = any(
                    entry.live is not None and entry.live.learning.reading_files for entry in self._entries.values()
                )
            admit(self._worker, running, enrolling_files=files)

    def _out(self, entry: _Entry) -> StreamOut:
        record = entry.record
        return StreamOut(
            **record.spec.model_dump(),
            id=record.id,
            has_credentials=record.has_credentials,
            created_at=record.created_at,
            updated_at=record.updated_at,
            status=_status(entry),
        )


def _not_found(stream_id: str) -> NotFound:
    return NotFound(STREAM_NOT_FOUND, f"expected the id of a registered stream, got {stream_id[:40]!r}")


def _live(entry: _Entry) -> LiveStream:
    if entry.live is None:
        raise Conflict(STREAM_BROKEN, f"expected a stream that can run; this one {entry.problem or 'is being started'}")
    return entry.live


def _status(entry: _Entry) -> StreamStatus:
    if entry.live is None:
        state = StreamState.CONNECTING if entry.problem is None else StreamState.FAILED
        detail = entry.problem or "the service is starting"
        return StreamStatus(state=state, detail=detail, since=entry.record.updated_at)
    return entry.live.status()


def _secret(source: Source) -> SecretStr | None:
    return SecretStr(source.open_url()) if source.has_credentials else None


def _exclusive_threshold(changes: dict[str, object]) -> dict[str, object]:
    """Setting one of ``threshold`` and ``alerts_per_day`` takes the other back."""
    for given, other in (("threshold", "alerts_per_day"), ("alerts_per_day", "threshold")):
        if changes.get(given) is not None and other not in changes:
            return {**changes, other: None}
    return changes


def _revalidated(spec: StreamSpec, changes: dict[str, object]) -> StreamSpec:
    """The spec with these changes, checked as a whole: a patch must not pass what a new stream would not."""
    try:
        return StreamSpec.model_validate({**spec.model_dump(), **changes})
    except ValidationError as error:
        problems = error.errors(include_url=False, include_input=False)
        msg = "; ".join(f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}".lstrip(": ") for problem in problems)
        raise InvalidInput(INVALID_PATCH, msg) from error
