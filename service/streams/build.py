"""A stream of its settings: its source, its stages, its rules in words."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from functools import partial

from pydantic import SecretStr

from service.contracts.stream import StreamPatch, StreamSpec
from service.guidance.stream_guidance import StreamGuidance
from service.ingest.source import Source, parse_source, with_login
from service.pipeline.pool import StagesPool
from service.pipeline.track import check_classes
from service.store.feedback import FeedbackStore
from service.store.guidance import GuidanceStore
from service.store.streams import StreamRecord, StreamStore
from service.streams.entry import Entry
from service.streams.stream import LiveStream, Services


class StreamBuilder:
    """Builds what serves a stream; starts nothing. Thread-safe."""

    def __init__(
        self,
        services: Services,
        pool: StagesPool,
        store: StreamStore,
        rules: GuidanceStore,
        feedback: FeedbackStore,
        own_addresses: Collection[tuple[str, int]],
    ) -> None:
        """Hold what all streams are built of.

        Args:
            services: What all streams share while they run.
            pool: Has their stages.
            store: Has their secret URLs.
            rules: Has their rules in words.
            feedback: Has what verdicts taught them.
            own_addresses: Where this service listens, looked up at each use: no stream may show the service to itself.
        """
        self._services = services
        self._settings = services.settings
        self._pool = pool
        self._store = store
        self._rules = rules
        self._feedback = feedback
        self._own_addresses = own_addresses

    def entry(self, record: StreamRecord) -> Entry:
        """An entry of a stream that nothing serves yet."""
        guidance = StreamGuidance(
            record.id,
            self._rules,
            self._feedback,
            record.spec.zones,
            record.spec.timezone,
            max_rules=self._settings.max_rules,
            past_bytes=self._settings.past_bytes,
        )
        return Entry(record, None, guidance)

    def source(self, spec: StreamSpec) -> Source:
        """The source that settings name.

        Raises:
            InvalidSource: If it cannot be one.
        """
        source = parse_source(spec.url, spec.transport, self._settings.media_dir, self._own_addresses)
        return replace(source, own=self._own_addresses)

    def stored_source(self, record: StreamRecord, spec: StreamSpec) -> Source:
        """The source of a stream that is registered, with the credentials that are kept for it.

        Args:
            record: What is stored of the stream.
            spec: Its settings as they shall be, with the URL that is stored.
        """
        secret = self._store.secret_url(record.id)
        url = record.spec.url if secret is None else secret.get_secret_value()
        return replace(parse_source(url, spec.transport, self._settings.media_dir), own=self._own_addresses)

    def changed_source(self, record: StreamRecord, spec: StreamSpec, patch: StreamPatch) -> Source:
        """The source of a registered stream after a change.

        Args:
            record: What is stored of the stream.
            spec: Its settings as they shall be.
            patch: What changes them.

        Raises:
            InvalidSource: If it cannot be one.
        """
        moved = "url" in patch.model_fields_set
        source = self.source(spec) if moved else self.stored_source(record, spec)
        given = patch.credentials
        if given is None:
            return source
        password = None if given.password is None else given.password.get_secret_value()
        url = with_login(source, self.stored_source(record, record.spec), given.user, password)
        return parse_source(url, spec.transport, self._settings.media_dir, self._own_addresses)

    def check(self, spec: StreamSpec) -> None:
        """Load the stages of these settings, and see that the detector knows the classes they name.

        Raises:
            models.packs.PackError: If a pack is unknown or does not verify.
            InvalidInput: If a pack is of another kind, or there is no such class.
        """
        stages = self._pool.get(spec.detector, spec.packs, spec.encoder, spec.pose, spec.appearance)
        check_classes(spec.detection, stages.detector.names)

    def live(self, entry: Entry, spec: StreamSpec, source: Source) -> LiveStream:
        """What serves a stream with these settings; not started.

        Args:
            entry: The stream.
            spec: Its settings as they shall be.
            source: What it reads.

        Raises:
            models.packs.PackError: If a pack is unknown or does not verify.
            InvalidInput: If a pack is of another kind.
        """
        stages = self._pool.get(spec.detector, spec.packs, spec.encoder, spec.pose, spec.appearance)
        return LiveStream(entry.id, spec, source, stages, self._services, entry.sequence, entry.guidance)

    def teach_words(self, live: LiveStream, guidance: StreamGuidance) -> None:
        """Let a stream's rules be read with the language of its stages."""
        stages = live.stages
        encoder = None if stages.encoder is None else stages.encoder.hash
        guidance.understand(partial(self._pool.language, stages), encoder)


def secret_of(source: Source) -> SecretStr | None:
    """The URL to keep apart, of a source with credentials."""
    return SecretStr(source.open_url()) if source.has_credentials else None
