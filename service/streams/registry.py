"""The registered streams: which there are, what changes them, one change of a stream at a time."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from service.contracts.alert import Alert, AlertKind
from service.contracts.enrolment import EnrolmentOut, EnrolmentSpec
from service.contracts.guidance import PreviewOut, PreviewSpec
from service.contracts.moment import MomentChoice
from service.contracts.patch import patched
from service.contracts.stream import StreamOut, StreamPatch, StreamSpec
from service.enrolment.length import check_length
from service.enrolment.stream_profile import file_source, forget_profile, kept_profile
from service.errors import (
    INVALID_PATCH,
    NEW_TO_EXTEND,
    NO_PROFILE,
    Conflict,
    InvalidInput,
)
from service.guidance.stream_guidance import StreamGuidance
from service.ingest.failures import Cause
from service.ingest.probe import probe as try_source
from service.ingest.source import Source
from service.profiles.profile import Profile
from service.profiles.samples import Choice
from service.store.storage_trouble import StorageTrouble
from service.store.streams import StreamStore
from service.streams.admission import Use, admit
from service.streams.build import StreamBuilder, secret_of
from service.streams.changes import REBUILDING, changes_of
from service.streams.entries import Entries
from service.streams.entry import Entry
from service.streams.hints import Hints
from service.streams.stream import LiveStream, Services

logger = logging.getLogger(__name__)


class StreamRegistry:
    """Owns the registered streams from ``start`` to ``close``. Blocking, thread-safe.

    Raises (from any method that takes an id):
        NotFound: ``stream_not_found``.
    """

    def __init__(self, store: StreamStore, build: StreamBuilder, services: Services) -> None:
        """No stream is known before ``start``.

        Args:
            store: Where streams are kept.
            build: Builds what serves one.
            services: What all streams share.
        """
        self._store = store
        self._build = build
        self._services = services
        self._settings = services.settings
        self._entries = Entries(services.settings.max_streams)
        self._restored = threading.Event()
        self._restorer = threading.Thread(target=self._restore, name="restore", daemon=True)
        self._closing = False

    # ---- life

    def start(self) -> None:
        """Know the streams that are stored, and bring them back in the background."""
        # All are known before the first request and before the first one runs, so that none of them can be missed.
        self._entries.restore(map(self._build.entry, self._store.list()))
        for entry in self._entries.all():
            self._count(entry)
        self._restorer.start()

    def close(self) -> None:
        """Stop all streams; they stay registered. Idempotent."""
        self._closing = True
        if self._restorer.is_alive():
            self._restorer.join()
        for entry in self._entries.all():
            if entry.live is not None:
                entry.live.close()

    @property
    def started(self) -> bool:
        """Whether streams are being brought back, or are back."""
        return self._restorer.ident is not None

    @property
    def restored(self) -> bool:
        """Whether all streams that were registered before the start are back, or say why they are not."""
        return self._restored.is_set()

    def __len__(self) -> int:
        return len(self._entries)

    def _restore(self) -> None:
        for entry in self._entries.all():
            if self._closing:
                return
            with entry.changing:
                if entry.live is None and self._entries.find(entry.id) is entry:
                    self._bring_back(entry)
        self._restored.set()

    def _bring_back(self, entry: Entry) -> None:
        record = entry.record
        try:
            source = self._build.stored_source(record, record.spec)
            if source.url != record.spec.url:
                # It was registered when less was known to be a secret: what was shown then is kept apart now.
                shown = record.spec.model_copy(update={"url": source.url})
                record = entry.record = self._store.update(record.id, shown, secret_of(source))
            self._run(entry, source, self._store.pending(record.id))
        except Exception as error:
            # The camera stays registered: what it needs may come back, or be set otherwise.
            logger.error("stream %s cannot be restored: %s", record.id, error)
            entry.problem = f"cannot be restored: {error}"

    # ---- what waits for the disk

    @property
    def unsaved(self) -> int:
        """Streams whose profile is in force, and could not be written yet."""
        return sum(entry.live is not None and entry.live.profile.trouble is not None for entry in self._entries.all())

    def storage_trouble(self) -> StorageTrouble | None:
        """Why a profile could not be written, if one waits."""
        lives = [entry.live for entry in self._entries.all() if entry.live is not None]
        return next((found for live in lives if (found := live.profile.trouble) is not None), None)

    # ---- looking

    def list(self) -> list[StreamOut]:
        """All streams, oldest first."""
        entries = sorted(self._entries.all(), key=lambda entry: entry.record.created_at)
        hints = Hints.of(entries)
        return [entry.out(hints.about(entry)) for entry in entries]

    def get(self, stream_id: str) -> StreamOut:
        """One stream."""
        return self._out(self._entries.get(stream_id))

    def live(self, stream_id: str) -> LiveStream:
        """What serves a stream now: its picture, what it learned.

        Raises:
            Conflict: ``stream_broken``.
        """
        return self._entries.get(stream_id).running()

    def judged(self, alert: Alert) -> None:
        """Tell a stream what a person said of its alert, if it is there."""
        entry = self._entries.find(alert.stream_id)
        if entry is not None and entry.live is not None:
            entry.live.profile.judged(alert)

    def guidance(self, stream_id: str) -> StreamGuidance:
        """A stream's rules in words; they are there also while the stream cannot run."""
        return self._entries.get(stream_id).guidance

    @contextmanager
    def unchanging(self, stream_id: str) -> Iterator[StreamGuidance | None]:
        """A stream's rules in words while nothing else changes the stream; None if there is no such stream (now)."""
        entry = self._entries.find(stream_id)
        if entry is None:
            yield None
            return
        with entry.changing:
            yield entry.guidance if self._entries.find(stream_id) is entry else None

    # ---- coming, changing, going

    def create(self, spec: StreamSpec, probe: bool = True) -> StreamOut:
        """Register a stream and let its frames flow.

        Args:
            spec: Its settings.
            probe: Refuse a source that delivers no picture now. One that is not tried is not refused for load either:
                it is down and takes nothing. If it is too much once it is back, ``overloaded`` says so.

        Raises:
            InvalidInput: If any setting is not what was expected; nothing has changed then.
            Overloaded: If the machine cannot carry it.
        """
        source = self._build.source(spec)
        self._build.check(spec)
        self._check_enrolment(spec)
        if probe:
            # The address first: a wrong password must read as one on a busy machine too.
            try_source(source, self._settings.probe_timeout_s)
            self._admit(spec)
        record = self._store.create(spec.model_copy(update={"url": source.url}), secret_of(source))
        entry = self._build.entry(record)
        with entry.changing:
            try:
                if spec.enrolment is not None and spec.enrolment.stream is None:
                    self._store.set_pending(record.id, spec.enrolment)
                self._entries.add(entry)
                self._count(entry)
                self._run(entry, source, spec.enrolment)
            except BaseException:
                self._entries.remove(record.id)
                self._services.metrics.forget(record.id)
                self._store.delete(record.id)
                raise
        return self._out(entry)

    def update(self, stream_id: str, patch: StreamPatch, probe: bool = True) -> StreamOut:
        """Change settings; a failed change leaves the stream as it was.

        Args:
            stream_id: Of the stream.
            patch: The settings to change.
            probe: Refuse another source that delivers no picture now.

        Raises:
            InvalidInput: If any setting is not what was expected.
            Overloaded: If the machine cannot carry it.
        """
        with self._entries.changing(stream_id) as entry:
            changes = changes_of(patch)
            spec = patched(entry.record.spec, changes, INVALID_PATCH)
            source = self._build.changed_source(entry.record, spec, patch)
            moved = "url" in changes or patch.credentials is not None
            self._build.check(spec)
            if moved and probe and spec.enabled:
                try_source(source, self._settings.probe_timeout_s)
            if probe and spec.enabled and not entry.record.spec.enabled:
                self._admit(spec)
            rebuild = entry.live is None or moved or bool(REBUILDING & changes.keys())
            self._replace(entry, spec, source, rebuild=rebuild)
        return self._out(entry)

    def delete(self, stream_id: str) -> None:
        """Stop and forget a stream; its alerts stay. Idempotent, and legal in every state."""
        entry = self._entries.find(stream_id)
        if entry is None:
            self._store.delete(stream_id)
            return
        with entry.changing:
            # First in the store: if that fails, the stream runs on, and can be deleted later.
            self._store.delete(stream_id)
            self._entries.remove(stream_id)
            if entry.live is not None:
                entry.live.close()
            self._services.alerts.forget(stream_id)
            self._services.feed.forget(stream_id)
            self._services.drift.forget(stream_id)
            self._services.metrics.forget(stream_id)
            self._services.metrics.streams.set(len(self._entries))
            forget_profile(self._settings, stream_id)

    def retry(self, stream_id: str) -> None:
        """Try a source that is down at once, and bring back a stream that could not be. Idempotent."""
        with self._entries.changing(stream_id) as entry:
            if entry.live is not None:
                entry.live.retry()
            else:
                self._bring_back(entry)

    # ---- enrolment and rules

    def enrol(self, stream_id: str, spec: EnrolmentSpec) -> EnrolmentOut:
        """Begin to learn what is normal.

        Args:
            stream_id: Of the stream.
            spec: What to learn from.

        Raises:
            Conflict: If an enrolment is under way, or there is nothing to extend or to take over.
            InvalidInput: If a source cannot be used, or so many seconds are too few frames.
        """
        with self._entries.changing(stream_id) as entry:
            if spec.seconds is not None and not spec.extend:
                check_length(spec.seconds, entry.running().rate)
            return entry.running().enrol(spec, None if spec.stream is None else self._profile_of(spec.stream))

    def forget_enrolment(self, stream_id: str) -> None:
        """Give up a running enrolment and delete the profile. Idempotent."""
        with self._entries.changing(stream_id) as entry:
            if entry.live is not None:
                entry.live.forget_enrolment()
                return
            self._store.set_pending(stream_id, None)
            forget_profile(self._settings, stream_id)

    def choose_moment(self, stream_id: str, moment_id: str, choice: MomentChoice | None) -> EnrolmentOut:
        """Leave a moment out of what a stream has learned, or keep it, and learn anew; as ``StreamProfile.choose``."""
        with self._entries.changing(stream_id) as entry:
            live = entry.running()
            live.profile.choose(moment_id, None if choice is None else Choice(choice))
            return live.enrolment()

    def preview_rule(self, stream_id: str, spec: PreviewSpec) -> PreviewOut:
        """What a rule that is not saved would have done to the last minutes.

        Args:
            stream_id: Of the stream.
            spec: The rule, and how far to look back.

        Raises:
            Conflict: ``no_profile``, if the stream is not enrolled: there are no scores to change.
        """
        entry = self._entries.get(stream_id)
        scorer = entry.running().context.scorer
        if scorer is None or scorer.threshold is None:
            raise Conflict(
                NO_PROFILE, "This camera has not learned what is normal yet, so a rule has no scores to change."
            )
        return entry.guidance.preview(spec, scorer.profile.fused, scorer.threshold)

    # ---- inside

    def _out(self, entry: Entry) -> StreamOut:
        return entry.out(Hints.of(self._entries.all()).about(entry))

    def _run(self, entry: Entry, source: Source, pending: EnrolmentSpec | None) -> None:
        """Build and start what serves a stream; called with ``entry.changing`` held."""
        other = None
        if pending is not None and pending.stream is not None:
            other = self._profile_of(pending.stream)
        live = self._build.live(entry, entry.record.spec, source)
        self._build.teach_words(live, entry.guidance)
        try:
            live.start(pending, other)
        except BaseException:
            live.close()
            raise
        entry.live, entry.problem = live, None
        self._services.metrics.streams.set(len(self._entries))

    def _replace(self, entry: Entry, spec: StreamSpec, source: Source, *, rebuild: bool) -> None:
        stored = spec.model_copy(update={"url": source.url})
        live = self._build.live(entry, stored, source) if rebuild else None
        entry.record = self._store.update(entry.id, stored, secret_of(source))
        self._count(entry)
        entry.guidance.configure(stored.zones, stored.timezone)
        if live is None:
            entry.running().configure(stored)
            return
        if entry.live is not None:
            entry.live.close()
        # Not before the old one has stopped: its clips may be another encoder's.
        self._build.teach_words(live, entry.guidance)
        entry.live, entry.problem = live, None
        live.start(self._store.pending(entry.id))

    def _count(self, entry: Entry) -> None:
        """Let metrics know the stream under its present name."""
        self._services.metrics.know_stream(entry.id, entry.record.spec.name, AlertKind, Cause)

    def _check_enrolment(self, spec: StreamSpec) -> None:
        enrolment = spec.enrolment
        if enrolment is None:
            return
        if enrolment.extend:
            msg = "A new stream has learned nothing yet that could be extended. Leave extend out."
            raise InvalidInput(NEW_TO_EXTEND, msg)
        if enrolment.seconds is not None:
            check_length(enrolment.seconds, spec.fps)
        for path in enrolment.sources or ():
            file_source(path, self._settings.media_dir)
        if enrolment.stream is not None:
            self._profile_of(enrolment.stream)

    def _admit(self, spec: StreamSpec) -> None:
        if not spec.enabled:
            return
        worker, running = self._services.worker, [entry.live for entry in self._entries.all() if entry.live is not None]
        frames, now = worker.frames_per_second, sum(live.frames_per_second for live in running)
        uses = [Use(worker.load, frames, now)]
        # Reading files and fitting take what the cores have left, so that their use says nothing meanwhile.
        if not any(live.profile.computing for live in running):
            uses.append(Use(worker.processor_load, frames, now))
        admit(tuple(uses), spec.fps, self._settings.max_load)

    def _profile_of(self, stream_id: str) -> Profile:
        entry = self._entries.get(stream_id)
        if entry.live is not None and entry.live.profile.trouble is not None:
            return entry.live.profile.kept()  # of which the file knows nothing yet
        return kept_profile(self._settings, entry.id)
