"""One registered stream while the service runs: its ingest, its pipeline context, its picture, its enrolment."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from service.alerts.manager import AlertManager
from service.contracts.enrolment import EnrolmentOut, EnrolmentSpec, EnrolmentState, ProfileOut
from service.contracts.score import ScoreMessage
from service.contracts.stream import StreamSpec, StreamState, StreamStatus
from service.enrolling import Enrolment
from service.errors import Conflict, InvalidSource, WatchwordError
from service.feed import ScoreFeed
from service.ingest.frame import PreparedFrame
from service.ingest.ingest import Ingest, read_all
from service.ingest.source import Source, parse_source
from service.metrics import Metrics
from service.picture import LivePicture
from service.pipeline.context import StreamContext
from service.pipeline.offline import OfflinePipeline
from service.pipeline.profile import DEFAULT_ALERTS_PER_DAY, Profile, ProfileError
from service.pipeline.samples import Samples
from service.pipeline.scored import FULL_SCALE, ScoredFrame, display
from service.pipeline.stages import Stages
from service.pipeline.worker import Worker
from service.settings import Settings

logger = logging.getLogger(__name__)

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
        executor: Reads enrolment files and fits profiles.
        remember: Keeps the enrolment that a stream has begun (or None) over a restart.
    """

    settings: Settings
    metrics: Metrics
    worker: Worker
    feed: ScoreFeed
    alerts: AlertManager
    executor: Executor
    remember: Callable[[str, EnrolmentSpec | None], None]


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
    ) -> None:
        """Nothing runs before ``start``. Args: sequence, gives every score message its number."""
        self.stream_id = stream_id
        self.spec = spec
        self.source = source
        self.stages = stages
        self.picture = LivePicture()
        self.context = StreamContext(stream_id, spec.fps, spec.detection, spec.zones)
        self._services = services
        self._state_lock = threading.Lock()
        # Held while a profile is written; never by the worker.
        self._enrolment_lock = threading.RLock()
        self._sequence = sequence
        # Numbers and publishes in one step, so that messages of two threads come in the order of their numbers.
        self._publishing = threading.Lock()
        self._times: deque[float] = deque(maxlen=RATE_FRAMES)
        self._latency_ms: float | None = None
        self._alert_id: str | None = None
        self._waiting = False
        self._closed = False
        self._enrolment_problem: str | None = None
        self._enrolment: Enrolment | None = None
        self._profile: Profile | None = None
        self._profile_problem: str | None = None
        self._told: StreamState | None = None
        self._told_at = datetime.now(UTC)
        settings = services.settings
        self._ingest = Ingest(
            stream_id, source, spec.fps, settings, services.metrics, services.worker.notify, self._source_changed
        )

    # ---- life

    def start(self, pending: EnrolmentSpec | None, other: Profile | None = None) -> None:
        """Take up the profile that was kept, begin what enrolment is due, and let frames flow if enabled.

        Args:
            pending: The enrolment to begin: a new stream's own, or one that a restart interrupted.
            other: The profile to take over, when ``pending.stream`` names one.
        """
        self._take_up_profile()
        # A paused stream has no live picture to learn from: that enrolment waits for it to be enabled.
        if pending is not None and (self.spec.enabled or pending.seconds is None):
            self._try_to_enrol(pending, other)
        if self.spec.enabled:
            self._services.worker.add(self)
            # A recording would play out unseen while its normal is still learned from others.
            self._waiting = self.source.is_file and self._enrolling and pending is not None and pending.seconds is None
            if not self._waiting:
                self._ingest.start()
        else:
            self._services.alerts.source_state(self.stream_id, self.spec.name, StreamState.PAUSED, time.time())
        self._tell()

    def _try_to_enrol(self, pending: EnrolmentSpec, other: Profile | None) -> None:
        """An enrolment that cannot begin (its files are gone, say) must not cost the camera its picture."""
        try:
            self.enrol(pending, other)
        except (WatchwordError, ProfileError) as error:
            logger.warning("stream %s (%s): no enrolment: %s", self.stream_id, self.spec.name, error)
            self._enrolment_problem = str(error)
            self._services.remember(self.stream_id, None)

    def close(self) -> None:
        """Stop everything that belongs to this stream. Idempotent, legal in every state."""
        self._closed = True
        self._services.worker.remove(self.stream_id)
        self._ingest.close()
        with self._enrolment_lock:
            if self._enrolment is not None:
                self._enrolment.cancel()
        self.picture.close()

    def configure(self, spec: StreamSpec) -> None:
        """Take new settings that need no new decoder: name, threshold, zones, detection."""
        self.spec = spec
        self.context.configure(spec.detection, spec.zones)
        self._set_threshold()

    # ---- frames, called by the worker

    def take(self) -> PreparedFrame | None:
        """The newest prepared frame, at most once."""
        return self._ingest.take()

    def scored(self, frame: ScoredFrame) -> None:
        """Take a scored frame: alerts, feed, picture, enrolment."""
        enrolment = self._enrolment
        if enrolment is not None:
            enrolment.watch()
        now = time.monotonic()
        self._times.append(now)
        self._latency_ms = (now - frame.source.frame.arrived) * 1000
        self._tell()
        with self._publishing:
            # The worker may still hold a frame when its source has failed: an old picture must not look like a new one.
            state = self.state
            if state not in (StreamState.LIVE, StreamState.ENROLLING):
                return
            if frame.surprise is not None:
                self._alert_id = self._services.alerts.observe(frame, self.spec.name)
                self._services.metrics.score.labels(self.stream_id).set(display(frame.surprise))
            seq = next(self._sequence)
            self._services.feed.publish(self._message(seq, frame, state))
            self.picture.show(frame, seq)

    def _message(self, seq: int, frame: ScoredFrame, state: StreamState) -> ScoreMessage:
        clocks = frame.source.frame
        return ScoreMessage(
            stream_id=self.stream_id,
            seq=seq,
            pts=clocks.pts,
            captured_at=clocks.captured_at,
            latency_ms=self._latency_ms,
            state=state,
            score=frame.score,
            raw_score=frame.raw_surprise,
            threshold=None if frame.threshold is None else display(frame.threshold),
            alert_id=self._alert_id,
            heads={name: display(surprise) for name, surprise in frame.heads.items()},
            objects=list(frame.scored),
        )

    # ---- state

    @property
    def state(self) -> StreamState:
        """Where the stream stands."""
        if not self.spec.enabled:
            return StreamState.PAUSED
        state = self._ingest.status.state
        if state is StreamState.LIVE and self._profile is None and self._enrolling:
            return StreamState.ENROLLING
        return state

    def status(self) -> StreamStatus:
        """What the stream is doing, in full."""
        ingest = self._ingest.status
        state = self.state
        live = state in (StreamState.LIVE, StreamState.ENROLLING)
        scorer = self.context.scorer
        return StreamStatus(
            state=state,
            detail=self._detail(state, ingest.detail),
            since=self._told_at,
            width=ingest.width,
            height=ingest.height,
            measured_fps=self._measured_fps() if live else None,
            latency_ms=self._latency_ms if live else None,
            reconnects=ingest.reconnects,
            last_frame_at=ingest.last_frame_at,
            threshold=None if scorer is None or scorer.threshold is None else display(scorer.threshold),
            enrolled=scorer is not None,
        )

    def _detail(self, state: StreamState, source_detail: str | None) -> str | None:
        if state is StreamState.PAUSED:
            return "paused by its settings"
        if self._waiting:
            return f"learns what is normal from other recordings first, {self.enrolment().progress:.0%}"
        if state is StreamState.ENROLLING:
            return f"learning what is normal, {self.enrolment().progress:.0%}"
        if state is StreamState.LIVE and self._profile is None:
            return self._profile_problem or "not enrolled: POST /streams/{id}/enrolment to begin"
        return source_detail

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
        # A recording that has ended is no camera that went away.
        ended = self.source.is_file and state is StreamState.OFFLINE
        told = StreamState.PAUSED if ended else state
        self._services.alerts.source_state(self.stream_id, self.spec.name, told, time.time())
        self._tell()

    def _tell(self) -> None:
        """Publish the state if it is news, with a null score: never 0, never the last value again."""
        with self._state_lock:
            state = self.state
            if state is self._told:
                return
            self._told, self._told_at = state, datetime.now(UTC)
        metrics = self._services.metrics
        for possible in StreamState:
            metrics.stream_state.labels(self.stream_id, possible.value).set(possible is state)
        with self._publishing:
            if state is not StreamState.LIVE:
                metrics.score.remove_by_labels({"stream": self.stream_id})
            self._services.feed.publish(self._scoreless(next(self._sequence), state))

    def _scoreless(self, seq: int, state: StreamState) -> ScoreMessage:
        return ScoreMessage(
            stream_id=self.stream_id,
            seq=seq,
            pts=None,
            captured_at=time.time(),
            latency_ms=None,
            state=state,
            score=None,
            raw_score=None,
            threshold=None,
        )

    # ---- enrolment

    def enrol(self, spec: EnrolmentSpec, other: Profile | None = None) -> EnrolmentOut:
        """Begin an enrolment; the present profile stays in force until the new one is there.

        Args:
            spec: What to learn from.
            other: The profile to take over, when ``spec.stream`` names one.

        Raises:
            Conflict: If one is under way, or there is nothing to extend.
        """
        with self._enrolment_lock:
            if self._enrolling:
                code, msg = "enrolment_running", "expected no enrolment under way; DELETE the running one first"
                raise Conflict(code, msg)
            if other is not None:
                self._keep_profile(replace(other, origin=f"stream {spec.stream}"))
                return self.enrolment()
            self._begin(spec)
        self._tell()
        return self.enrolment()

    def _begin(self, spec: EnrolmentSpec) -> None:
        if spec.seconds is not None and not self.spec.enabled:
            code, msg = "stream_paused", "expected an enabled stream to learn from its live picture; it is paused"
            raise Conflict(code, msg)
        settings = self._services.settings
        clips = [self._clip(file_source(path, settings.media_dir)) for path in spec.sources or ()]
        pipeline = OfflinePipeline(
            self.stages.detector,
            self.stages.heads,
            fps=self.spec.fps,
            detection=self.spec.detection,
            zones=self.spec.zones,
        )
        enrolment = Enrolment(
            spec=spec,
            pipeline=pipeline,
            executor=self._services.executor,
            samples=self._samples_to_extend() if spec.extend else None,
            keep=self._keep_enrolled,
            changed=self._enrolment_changed,
        )
        self._services.remember(self.stream_id, spec)
        self._enrolment = enrolment
        self._enrolment_problem = None
        if spec.sources is None:
            enrolment.learn_live(self.context)
        else:
            enrolment.learn_files(clips)

    def _clip(self, source: Source) -> Callable[[], Iterator[PreparedFrame]]:
        return partial(read_all, self.stream_id, source, self.spec.fps, self._services.settings)

    def _samples_to_extend(self) -> Samples:
        if self._profile is None:
            code, msg = "nothing_to_extend", "expected a profile to extend; this stream has none"
            raise Conflict(code, msg)
        samples = Profile.load(self._profile_path).samples
        if samples is None:
            msg = "a profile file always holds its samples"
            raise AssertionError(msg)
        return samples

    def enrolment(self) -> EnrolmentOut:
        """How far the enrolment is, and what this stream has learned."""
        enrolment, profile = self._enrolment, self._profile
        if enrolment is not None:
            out = enrolment.out()
        elif self._enrolment_problem is not None:
            out = EnrolmentOut(state=EnrolmentState.FAILED, error=self._enrolment_problem)
        elif profile is not None:
            out = EnrolmentOut(
                state=EnrolmentState.READY,
                progress=1.0,
                frames=profile.frames,
                seconds=profile.seconds,
                finished_at=profile.created_at,
            )
        else:
            out = EnrolmentOut(state=EnrolmentState.NONE, error=self._profile_problem)
        return out.model_copy(update={"profiles": self._profiles_out()})

    def _profiles_out(self) -> list[ProfileOut]:
        profile = self._profile
        if profile is None:
            return []
        return [
            ProfileOut(
                pack=name,
                created_at=profile.created_at,
                frames=profile.frames,
                seconds=round(profile.seconds, 2),
                origin=profile.origin,
                summary=self.stages.heads[name].head.summary(head.arrays),
            )
            for name, head in profile.heads.items()
        ]

    def forget_enrolment(self) -> None:
        """Give up a running enrolment and delete the profile. Idempotent."""
        with self._enrolment_lock:
            if self._enrolment is not None:
                self._enrolment.cancel()
                self._enrolment = None
            self._services.remember(self.stream_id, None)
            self._profile_path.unlink(missing_ok=True)
            self._use(None)
            self._profile_problem = self._enrolment_problem = None
        self._tell()

    @property
    def enrolling_files(self) -> bool:
        """Whether recordings are being read for it now."""
        enrolment = self._enrolment
        return self._enrolling and enrolment is not None and enrolment.spec.sources is not None

    @property
    def _enrolling(self) -> bool:
        enrolment = self._enrolment
        return enrolment is not None and enrolment.state in (EnrolmentState.COLLECTING, EnrolmentState.FITTING)

    def _enrolment_changed(self) -> None:
        out = self.enrolment()
        logger.info("stream %s (%s): enrolment %s, %d frames", self.stream_id, self.spec.name, out.state, out.frames)
        if not self._enrolling:
            self._services.remember(self.stream_id, None)
            if self._waiting:
                self._waiting = False
                self._ingest.start()
        self._tell()

    # ---- profile

    @property
    def _profile_path(self) -> Path:
        return profile_path(self._services.settings, self.stream_id)

    def _take_up_profile(self) -> None:
        if not self._profile_path.exists():
            return
        try:
            profile = Profile.load(self._profile_path, samples=False)
            self._check(profile)
        except ProfileError as error:
            self._profile_problem = str(error)
            logger.warning("stream %s: %s", self.stream_id, error)
            return
        self._use(profile)

    def _check(self, profile: Profile) -> None:
        wanted = {name: loaded.pack_hash for name, loaded in self.stages.heads.items()}
        got = {name: head.pack_hash for name, head in profile.heads.items()}
        if wanted != got or profile.detector != self.stages.detector.name:
            msg = (
                f"expected a profile of {', '.join(wanted)} with detector {self.stages.detector.name}, got one of "
                f"{', '.join(got)} with {profile.detector} or of another version: enrol again"
            )
            raise ProfileError(msg)

    def _keep_enrolled(self, enrolment: Enrolment, profile: Profile) -> None:
        with self._enrolment_lock:
            if self._enrolment is enrolment and not enrolment.cancelled:
                self._keep_profile(profile)

    def _keep_profile(self, profile: Profile) -> None:
        self._check(profile)
        profile.save(self._profile_path)
        self._use(replace(profile, samples=None))
        self._profile_problem = None

    def _use(self, profile: Profile | None) -> None:
        self._profile = profile
        self.context.use_profile(profile)
        self._set_threshold()

    def _set_threshold(self) -> None:
        scorer, profile = self.context.scorer, self._profile
        if scorer is None or profile is None:
            return
        scorer.threshold = threshold(self.spec, profile)


def threshold(spec: StreamSpec, profile: Profile) -> float:
    """The surprise at which an alert opens on a stream with these settings and this profile."""
    if spec.threshold is not None:
        return spec.threshold * FULL_SCALE
    return profile.threshold(spec.alerts_per_day or DEFAULT_ALERTS_PER_DAY, spec.fps)


def profile_path(settings: Settings, stream_id: str) -> Path:
    """Where a stream's profile is kept."""
    return settings.data_dir / "profiles" / f"{stream_id}.npz"


def file_source(path: str, media_dir: Path) -> Source:
    """A file to learn from, given as a path under the media folder, with or without ``file:`` before it.

    Raises:
        InvalidSource: If it is not there, or not under the folder.
    """
    if "://" in path:
        # Not repeated: it may be a camera's URL, with its password.
        raise InvalidSource("source_path", "expected a path under the media folder to learn from, got a URL")
    source = parse_source(path if path.startswith("file:") else f"file:{path}", "tcp", media_dir)
    if source.path is None or not source.path.exists():
        raise InvalidSource("source_missing", f"expected a file under the media folder, got {source.url!r}: not there")
    return source
