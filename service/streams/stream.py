"""One registered stream while the service runs: its ingest, its pipeline context, its picture, what it learns."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from models.observation import SceneChange
from service.alerts.manager import AlertManager
from service.contracts.drift import DriftOut
from service.contracts.enrolment import EnrolmentOut, EnrolmentSpec
from service.contracts.stream import DELIVERING, NotWatching, StreamSpec, StreamState, StreamStatus
from service.delivery.drift import DriftWatch
from service.delivery.feed import ScoreFeed
from service.delivery.picture import LivePicture, Picture
from service.enrolment.stream_profile import EnrolmentServices, StreamProfile, alerts_per_day
from service.errors import WatchwordError
from service.frames import CLEAR, Blindness, PreparedFrame, Sight
from service.ingest.ingest import Ingest, IngestStatus
from service.ingest.source import Source
from service.metrics import Metrics
from service.pipeline.context import Guidance, StreamContext
from service.pipeline.scored import ScoredFrame, display
from service.pipeline.stages import Stages
from service.pipeline.worker import Worker
from service.presentation.message import score_message, scored_objects, scoreless_message
from service.profiles.profile import Profile
from service.settings import Settings
from service.streams.drift import drift_of
from service.streams.notes import drift_notes, source_notes
from service.streams.throughput import Throughput
from service.streams.watching import Standing, clock, not_watching

logger = logging.getLogger(__name__)

FIRST_PICTURE_S = 1.0
"""How long a picture is waited for when a stream has just begun to deliver; a frame takes a tenth of that."""

UNSCORED_S = 5.0
"""Without a score for longer than this, and than a few frames take, a stream is not being watched."""

SLOW_FRAMES = 3
"""Of a slow stream, so many frames."""

RATE_FRAMES = 50
"""The measured rate is of so many last frames."""


@dataclass(frozen=True, slots=True)
class Services:
    """What all streams share.

    Attributes:
        settings: The service's settings.
        metrics: Its metrics.
        worker: Runs the pipeline over all streams.
        feed: Takes score messages.
        alerts: Takes scored frames and the states of sources.
        drift: Counts how unusual each day is.
        enrolment: What their enrolments share.
    """

    settings: Settings
    metrics: Metrics
    worker: Worker
    feed: ScoreFeed
    alerts: AlertManager
    drift: DriftWatch
    enrolment: EnrolmentServices


class LiveStream:
    """Runs one stream from ``start`` to ``close``. Thread-safe."""

    def __init__(
        self,
        stream_id: str,
        spec: StreamSpec,
        source: Source,
        stages: Stages,
        services: Services,
        sequence: Iterator[int],
        guidance: Guidance | None = None,
    ) -> None:
        """Nothing runs before ``start``.

        Args:
            stream_id: Of the registered stream.
            spec: Its settings.
            source: What it reads.
            stages: Its detector, heads and encoder.
            services: What all streams share.
            sequence: Gives every score message its number.
            guidance: Its text rules.
        """
        self.stream_id = stream_id
        self.spec = spec
        self.source = source
        self.stages = stages
        self.picture = LivePicture()
        self.context = StreamContext(stream_id, spec.fps, spec.detection, spec.zones, stages.buffers(), guidance)
        self._services = services
        self._state_lock = threading.Lock()
        self._sequence = sequence
        # Numbers and publishes in one step, so that messages of two threads come in the order of their numbers.
        self._publishing = threading.Lock()
        self._times: deque[float] = deque(maxlen=RATE_FRAMES)
        self._latency_ms: float | None = None
        self._lag_s: float | None = None
        self._waiting = False
        self._closed = False
        self._blind: Blindness | None = None
        self._blind_since: datetime | None = None
        self._moved_since: tuple[datetime, Profile] | None = None
        self._scored_at = -math.inf
        self._shown_at = -math.inf
        self._throughput = Throughput(services.metrics, stream_id)
        self._told: StreamState | None = None
        self._told_at = datetime.now(UTC)
        self.profile = StreamProfile(stream_id, spec, stages, self.context, services.enrolment, self._learning_changed)
        self._ingest = Ingest(
            stream_id,
            source,
            spec.fps,
            services.settings,
            services.metrics,
            services.worker.notify,
            self._source_changed,
            windows=stages.windows,
        )

    # ---- life

    def start(self, pending: EnrolmentSpec | None, other: Profile | None = None) -> None:
        """Take up the profile that was kept, begin what enrolment is due, and let frames flow if enabled.

        Args:
            pending: The enrolment to begin: a new stream's own, or one that a restart interrupted.
            other: The profile to take over, when ``pending.stream`` names one.
        """
        self.profile.take_up(learn_anew=pending is None)
        # A paused stream has no live picture to learn from: that enrolment waits for it to be enabled.
        if pending is not None and (self.spec.enabled or pending.seconds is None):
            self._try_to_enrol(pending, other)
        if self.spec.enabled:
            self._services.worker.add(self)
            # A video file would play out unseen while its normal is still learned from others.
            from_files = pending is not None and pending.seconds is None
            self._waiting = self.source.is_file and from_files and self.profile.running
            if not self._waiting:
                self._ingest.start()
        else:
            self._services.alerts.source_state(self.stream_id, self.spec.name, StreamState.PAUSED)
        self._tell()

    def _try_to_enrol(self, pending: EnrolmentSpec, other: Profile | None) -> None:
        """An enrolment that cannot begin (its files are gone, say) must not cost the camera its picture."""
        try:
            self.enrol(pending, other)
        except WatchwordError as error:
            logger.warning("stream %s (%s): no enrolment: %s", self.stream_id, self.spec.name, error)
            self.profile.fail(str(error))

    def close(self) -> None:
        """Stop everything that belongs to this stream. Idempotent, legal in every state."""
        self._closed = True
        self._services.worker.remove(self.stream_id)
        self._ingest.close()
        self.profile.close()
        self.picture.close()

    def configure(self, spec: StreamSpec) -> None:
        """Take new settings that need no new decoder: name, threshold, zones, detection."""
        self.spec = spec
        self.context.configure(spec.detection, spec.zones)
        self.profile.configure(spec)

    # ---- frames, called by the worker

    def take(self) -> PreparedFrame | None:
        """The newest prepared frame, at most once."""
        return self._ingest.take()

    def scored(self, frame: ScoredFrame) -> None:
        """Take a scored frame: alerts, feed, picture, enrolment."""
        self.profile.watch()
        self.profile.observe(frame)
        now = time.monotonic()
        self._times.append(now)
        self._latency_ms = (now - frame.source.frame.arrived) * 1000
        self._lag_s = now - frame.source.frame.happened
        if frame.surprise is not None:
            self._scored_at = now
        self._throughput.look(now)
        self._see(frame.source.sight)
        scorer = self.context.scorer
        if frame.source.scene_change is SceneChange.MOVED and scorer is not None:
            logger.warning("stream %s (%s): the camera was moved", self.stream_id, self.spec.name)
            self._moved_since = datetime.now(UTC), scorer.profile
        self._tell()
        self._show_watching(now)
        with self._publishing:
            # The worker may still hold a frame when its source has failed: an old picture must not look like a new one.
            state = self.state
            if state not in DELIVERING:
                return
            self._services.metrics.lag_seconds.labels(self.stream_id).set(self._lag_s)
            objects = scored_objects(frame)
            if frame.surprise is None:
                alert_id = self._services.alerts.open_alert(self.stream_id)
            else:
                alert_id = self._services.alerts.observe(frame, objects, self.spec.name)
                self._services.metrics.score.labels(self.stream_id).set(display(frame.surprise))
                self._count_unusual(frame)
            seq = next(self._sequence)
            message = score_message(frame, objects, self.stream_id, seq, state, self._latency_ms, alert_id)
            self._services.feed.publish(message)
            self.picture.show(frame, message)

    def _count_unusual(self, frame: ScoredFrame) -> None:
        """Count a frame of the day; its stream's profile may be another one since it was scored."""
        scorer = self.context.scorer
        if scorer is not None:
            self._services.drift.take(self.stream_id, frame, scorer.profile.created_at, self._zone)

    @property
    def _zone(self) -> tzinfo:
        """By whose clocks the camera's days begin."""
        return UTC if self.spec.timezone is None else ZoneInfo(self.spec.timezone)

    def drift(self) -> DriftOut | None:
        """Whether normal has changed here; None while nothing is learned."""
        scorer = self.context.scorer
        return None if scorer is None else drift_of(self._services.drift, self.stream_id, scorer.profile, self.spec.fps)

    # ---- state

    @property
    def state(self) -> StreamState:
        """Where the stream stands."""
        if not self.spec.enabled:
            return StreamState.PAUSED
        state = self._ingest.status.state
        if state is not StreamState.LIVE:
            return state
        if self._blind is not None:
            return StreamState.BLIND
        return StreamState.ENROLLING if self._learning else state

    @property
    def _learning(self) -> bool:
        """Whether an enrolment has to end before anything can be scored."""
        return not self.profile.enrolled and self.profile.running

    def status(self) -> StreamStatus:
        """What the stream is doing, in full."""
        ingest = self._ingest.status
        state = self.state
        live = state in DELIVERING
        scorer = self.context.scorer
        why = self._not_watching(state, ingest)
        return StreamStatus(
            state=state,
            detail=ingest.detail if why is None else why.message,
            since=self._told_at,
            width=ingest.width,
            height=ingest.height,
            size_changed_at=ingest.size_changed_at,
            damaged_frames=ingest.damaged_frames,
            measured_fps=self._measured_fps() if live else None,
            latency_ms=self._latency_ms if live else None,
            lag_s=None if self._lag_s is None or not live else round(self._lag_s, 3),
            notes=self._notes(ingest) if live else [],
            reconnects=ingest.reconnects,
            last_frame_at=ingest.last_frame_at,
            threshold=None if scorer is None or scorer.threshold is None else display(scorer.threshold),
            alerts_per_day=alerts_per_day(self.spec),
            enrolled=scorer is not None,
            watching=why is None,
            not_watching=why,
            next_try_at=None if state is StreamState.PAUSED else ingest.next_try_at,
        )

    def _notes(self, ingest: IngestStatus) -> list[str]:
        """What somebody should know of it, in sentences."""
        own = source_notes(ingest, self.stages, self._moved())
        return [*own, *self.profile.notes, *drift_notes(self.drift())]

    def _moved(self) -> str | None:
        """When the camera was moved since it learned, in words; None if it was not, or has learned anew."""
        scorer, moved = self.context.scorer, self._moved_since
        if moved is None or scorer is None or scorer.profile is not moved[1]:
            return None
        return clock(moved[0], self._zone)

    def _not_watching(self, state: StreamState, ingest: IngestStatus) -> NotWatching | None:
        now = time.monotonic()
        self._throughput.look(now)
        standing = Standing(
            state=state,
            detail=ingest.detail,
            cause=ingest.cause,
            advice=ingest.advice,
            learning=self.profile.progress if self._learning or self._waiting else None,
            enrolled=self.profile.enrolled,
            misfit=self.profile.problem,
            failed=self.profile.failure,
            blind=self._blind,
            blind_since=self._blind_since,
            lost=self._throughput.lost,
            overloaded=self._throughput.overloaded,
            disturbed=self._throughput.disturbed,
            scoring=now - self._scored_at < UNSCORED_S + SLOW_FRAMES / self.spec.fps,
        )
        return not_watching(standing, self._zone)

    @property
    def frames_per_second(self) -> float:
        """Frames that are scored a second now; 0 while none are."""
        return (self._measured_fps() or 0.0) if self.state in DELIVERING else 0.0

    @property
    def rate(self) -> float:
        """Frames a second that are looked at, as far as is known: what was asked for, or what the source gives."""
        usual = self._ingest.status.usual_step
        return self.spec.fps if not usual else min(self.spec.fps, 1 / usual)

    def _measured_fps(self) -> float | None:
        times = list(self._times)
        if len(times) < 2 or times[-1] == times[0]:
            return None
        return round((len(times) - 1) / (times[-1] - times[0]), 2)

    def _source_changed(self, state: StreamState, detail: str | None) -> None:
        if self._closed:
            return
        logger.info("stream %s (%s): source %s, %s", self.stream_id, self.spec.name, state, detail or "frames flow")
        if state is not StreamState.LIVE:
            with self._publishing:
                self.picture.clear()
            self._times.clear()
            self._lag_s = None
            self._see(CLEAR)
        # A video file that has ended is no camera that went away.
        ended = self.source.is_file and state is StreamState.OFFLINE
        told = StreamState.PAUSED if ended else state
        self._services.alerts.source_state(self.stream_id, self.spec.name, told)
        self._tell()

    def _see(self, sight: Sight) -> None:
        """Take note of whether anything can be seen."""
        if sight.blind is self._blind:
            return
        self._blind_since = None if sight.blind is None else datetime.now(UTC) - timedelta(seconds=sight.for_s)
        self._blind = sight.blind
        if self._ingest.status.state is StreamState.LIVE:
            why = None if sight.blind is None else self.status().not_watching
            self._services.alerts.sight(self.stream_id, self.spec.name, why)

    def retry(self) -> None:
        """Try a source that is down at once. Idempotent, legal in every state."""
        self._ingest.retry()

    def _tell(self) -> None:
        """Publish the state if it is news, with a null score: never 0, never the last value again."""
        with self._state_lock:
            state = self.state
            if state is self._told:
                return
            self._told, self._told_at = state, datetime.now(UTC)
        self._show_watching(math.inf)
        metrics = self._services.metrics
        for possible in StreamState:
            metrics.stream_state.labels(self.stream_id, possible.value).set(possible is state)
        with self._publishing:
            if state is not StreamState.LIVE:
                metrics.score.remove_by_labels({"stream": self.stream_id})
            if state not in DELIVERING:
                metrics.lag_seconds.remove_by_labels({"stream": self.stream_id})
            self._services.feed.publish(scoreless_message(self.stream_id, next(self._sequence), state))

    def _show_watching(self, now: float) -> None:
        """Keep the metric true, about once a second and at every change of state."""
        if now - self._shown_at >= 1.0:
            self._shown_at = time.monotonic()
            self._services.metrics.stream_watching.labels(self.stream_id).set(self.status().watching)

    # ---- pictures

    def newest_picture(self, overlay: bool) -> Picture:
        """The newest picture, with or without boxes.

        Raises:
            Conflict: If the stream is not delivering pictures.
        """
        if self.state in DELIVERING:
            # Frames flow, but the first one may still be with the worker.
            picture = self.picture.wait(overlay, after=0, timeout=FIRST_PICTURE_S)
            if picture is not None:
                return picture
        return self.picture.get(overlay)

    # ---- enrolment

    def enrol(self, spec: EnrolmentSpec, other: Profile | None = None) -> EnrolmentOut:
        """Begin an enrolment; arguments and errors as ``StreamProfile.enrol``."""
        self.profile.enrol(spec, other)
        self._tell()
        return self.enrolment()

    def enrolment(self) -> EnrolmentOut:
        """How far the enrolment is, what the stream has learned, and whether normal has changed since."""
        return self.profile.out().model_copy(update={"drift": self.drift()})

    def forget_enrolment(self) -> None:
        """Give up a running enrolment and delete the profile. Idempotent."""
        self.profile.forget()
        self._tell()

    def _learning_changed(self) -> None:
        if self._waiting and not self.profile.running:
            self._waiting = False
            self._ingest.start()
        self._tell()
