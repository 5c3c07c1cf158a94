"""One live stream: its decoder, rebuilt whenever it fails, and the newest of its prepared frames."""

from __future__ import annotations

import math
import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from models.inputs import FrameWindow
from service.backoff import Backoff
from service.contracts.stream import StreamState
from service.frames import PreparedFrame
from service.ingest.decoding import Decoding
from service.ingest.failures import Cause, SourceFailure
from service.ingest.prepare import Scenery
from service.ingest.source import Source
from service.ingest.states import StateMachine
from service.ingest.supervisor import SHARED, Supervisor
from service.ingest.timeline import FrameTime
from service.metrics import Metrics
from service.settings import Settings

RETURN_CAP_S = 4.0
"""Longest wait where asking leaves nothing behind at the camera (nobody listens, 404, the connection ended),
so that frames flow within 5 s of a camera's return however long it was away. Opening takes 0.35 s."""

STEADY_S = 10.0
"""Frames that flowed for so long say that the trouble is over: waits start anew."""

_BRIEF_ATTEMPTS = 3
"""A source that delivered, but not for long, keeps waits of up to 2^3 first ones."""

_ABANDONED_MAX = 3
"""Decoders of one stream that may hang at once before no more are built."""

_OPENING_LIMIT = 4.0
"""Times the stall time that a first frame may take: connect, describe, find the codec, wait for a key frame."""

_SLOW_FRAMES = 2
"""A decoder that gave no more than this before it fell silent may be of a camera that sends less often: the next one
waits twice as long, up to the time that a first frame may take. FFmpeg wants two pictures of an HTTP stream before it
gives one."""

_LATE_STEPS = 3.0
"""Times the camera's own usual step that a frame may take."""

MAX_PATIENCE_S = 60.0
"""No camera is waited for longer, however seldom it sends."""

_BUSY_JOIN_S = 0.2
"""How long `close` waits for a decoder that waits for its source: it ends by its own time-outs, unheard."""


@dataclass(frozen=True, slots=True)
class IngestStatus:
    """How a stream's source is doing.

    Attributes:
        state: CONNECTING, LIVE (frames flow), STALLED, OFFLINE or FAILED.
        detail: Why, in a sentence without credentials, or None.
        advice: What to do about it, while the source is down; else None.
        since: When the state began, UTC.
        width: Of the source's picture as it is shown, in pixels; None before the first.
        height: The same.
        size_changed_at: When the picture last came in another size than before, UTC; None if it never has.
        damaged_frames: How many frames were lost since ``start``, as far as is known: they never came, or did not
            decode, or not whole.
        reconnects: How often frames flowed again after a failure.
        last_frame_at: Wall clock when the last frame was prepared, UTC.
        cause: What the last attempt failed by, while the source is down; else None.
        next_try_at: Wall clock when a source that is down is tried again, UTC; None while it is being tried, while
            frames flow, and once a file has ended.
        distrust: What is wrong with the source's time stamps, as the end of "its time stamps ..."; None if they are
            believed.
        usual_step: Seconds from one frame of the source to the next, as it usually is; None if it is not known.
    """

    state: StreamState
    detail: str | None
    since: datetime
    width: int | None
    height: int | None
    size_changed_at: datetime | None
    damaged_frames: int
    reconnects: int
    last_frame_at: datetime | None
    cause: Cause | None = None
    advice: str | None = None
    next_try_at: datetime | None = None
    distrust: str | None = None
    usual_step: float | None = None


class Ingest:
    """Runs one stream's source from ``start`` to ``close``. Thread-safe.

    States are decided by the supervisor's thread alone, outside the decode thread. A decoder that gives no
    frame for ``settings.stall_s`` is abandoned: it may deliver nothing more, closes itself when its read gives
    up, and a new one is built from nothing, with the size and rate that the source then has.
    """

    def __init__(
        self,
        stream_id: str,
        source: Source,
        fps: float,
        settings: Settings,
        metrics: Metrics,
        on_frame: Callable[[], None],
        on_state: Callable[[StreamState, str | None], None],
        supervisor: Supervisor = SHARED,
        windows: Sequence[FrameWindow] = (),
    ) -> None:
        """Prepare to run; nothing is opened before ``start``.

        Args:
            stream_id: Names the stream in frames and metrics.
            source: What to open.
            fps: Frames to prepare per second, at most.
            settings: Time-outs, sizes and waits.
            metrics: Where frames, decoders and reconnects are counted.
            on_frame: Called in the decode thread when there is something to ``take``; must be quick.
            on_state: Called in the supervisor's thread with each new state or detail; must be quick. One that
                is under way while ``close`` runs may still end after it.
            supervisor: Whose thread watches this stream.
            windows: Windows of frames to be gathered beside, for heads that look at them.
        """
        self._stream_id = stream_id
        self._source = source
        self._fps = fps
        self._settings = settings
        self._metrics = metrics
        self._on_frame = on_frame
        self._on_state = on_state
        self._supervisor = supervisor
        self._windows = windows
        self._lock = threading.Lock()
        self._machine = StateMachine()
        self._backoff = Backoff(settings.backoff_first_s)
        self._decoding: Decoding | None = None
        self._abandoned: list[Decoding] = []
        self._newest: PreparedFrame | None = None
        self._last: FrameTime | None = None
        self._scenery = Scenery()
        self._retry_at = -math.inf
        self._stalled_at = math.inf
        self._failed_by: Cause | None = None
        self._cause: Cause | None = None
        self._advice: str | None = None
        self._size: tuple[int, int] | None = None
        self._size_changed_at: datetime | None = None
        self._damaged_before = 0  # by the decoders that have ended
        self._reconnects = 0
        self._last_frame_at: datetime | None = None
        self._patience_s = settings.stall_s
        self._closed = False

    # ---- life

    def start(self) -> None:
        """Begin to connect. Returns at once."""
        self._supervisor.add(self)

    def close(self, timeout: float = 5.0) -> None:
        """Stop, whatever the state. Idempotent.

        No frame can be taken and no state is reported afterwards. A decoder that delivers ends within
        ``timeout``; one that waits for a silent source is left to its own time-outs, so that closing never
        takes as long as the camera pleases.
        """
        with self._lock:
            self._closed = True
            self._newest = None
            decoding, self._decoding = self._decoding, None
        self._supervisor.remove(self)
        if decoding is not None:
            decoding.stop()
            waits = time.monotonic() - decoding.progress_at > _BUSY_JOIN_S or not decoding.frames
            decoding.join(min(timeout, _BUSY_JOIN_S) if waits else timeout)

    # ---- frames

    def take(self) -> PreparedFrame | None:
        """The newest prepared frame, at most once; None if there is none that is fresh."""
        with self._lock:
            frame, self._newest = self._newest, None
        if frame is not None and time.monotonic() - frame.frame.arrived > self._settings.staleness_s:
            self._metrics.frames.labels(self._stream_id, "stale").inc()
            return None
        return frame

    def _deliver(self, decoding: Decoding, frame: PreparedFrame) -> None:
        with self._lock:
            if decoding is not self._decoding:
                return  # abandoned: a newer decoder speaks for this stream
            superseded = self._newest is not None
            if self._newest is not None and frame.scene_change is None:
                # What became of the picture is said of one frame, and must not be lost with it.
                frame = replace(frame, scene_change=self._newest.scene_change)
            self._newest = frame
            self._last_frame_at = datetime.now(UTC)
        if superseded:
            self._metrics.frames.labels(self._stream_id, "superseded").inc()
        self._on_frame()

    # ---- state

    @property
    def status(self) -> IngestStatus:
        """How the source is doing, as one consistent picture."""
        with self._lock:
            machine = self._machine
            width, height = self._size or (None, None)
            decoding = self._decoding
            last = self._last if decoding is None else decoding.last
            return IngestStatus(
                machine.state,
                machine.detail,
                machine.since,
                width,
                height,
                self._size_changed_at,
                self._damaged_before + (0 if self._decoding is None else self._decoding.damaged),
                self._reconnects,
                self._last_frame_at,
                self._cause,
                self._advice,
                self._next_try_at(),
                None if last is None else last.distrust,
                None if decoding is None else decoding.usual_step,
            )

    def _next_try_at(self) -> datetime | None:
        if self._decoding is not None or self._closed or not math.isfinite(self._retry_at):
            return None
        return datetime.now(UTC) + timedelta(seconds=max(0.0, self._retry_at - time.monotonic()))

    def retry(self) -> None:
        """Try a source that is down at once. Idempotent; one that delivers, is being tried or has ended goes on."""
        with self._lock:
            if self._decoding is not None or not math.isfinite(self._retry_at):
                return
            self._retry_at = -math.inf
            self._backoff.ease()
        self._supervisor.wake()

    def supervise(self, now: float) -> float:
        """What the supervisor calls: take note of what the decoder did, and start or abandon it when due."""
        with self._lock:
            if self._closed:
                return math.inf
            changed = self._step(now)
            state, detail = self._machine.state, self._machine.detail
            deadline = self._deadline()
        if changed and not self._closed:
            self._on_state(state, detail)
        return deadline

    def _step(self, now: float) -> bool:
        decoding = self._decoding
        if decoding is None:
            if now >= self._retry_at:
                self._connect(now)
        elif decoding.ended:
            return self._fail(decoding, decoding.failure, now)
        elif now >= self._overdue_at(decoding):
            decoding.stop()
            self._abandoned.append(decoding)
            self._scenery = Scenery()  # the one that hangs may still write to its own
            return self._fail(decoding, self._silence(decoding), now)
        elif decoding.frames:
            self._measure(decoding)
            if self._machine.state is not StreamState.LIVE:
                return self._live()
        if now >= self._stalled_at + self._settings.offline_grace_s:
            self._stalled_at = math.inf
            return self._machine.move(StreamState.OFFLINE, self._machine.detail)
        return False

    def _deadline(self) -> float:
        due_at = self._retry_at if self._decoding is None else self._overdue_at(self._decoding)
        return min(due_at, self._stalled_at + self._settings.offline_grace_s)

    def _overdue_at(self, decoding: Decoding) -> float:
        if decoding.frames:
            return decoding.progress_at + self._patience(decoding)
        return decoding.began_at + _OPENING_LIMIT * self._settings.stall_s

    def _patience(self, decoding: Decoding) -> float:
        """How long a next frame may take: longer for a camera that is known to send seldom."""
        if decoding.usual_step is None or decoding.frames <= _SLOW_FRAMES:
            return decoding.patience_s
        return max(self._settings.stall_s, min(_LATE_STEPS * decoding.usual_step, MAX_PATIENCE_S))

    def _connect(self, now: float) -> None:
        self._abandoned = [decoding for decoding in self._abandoned if decoding.alive]
        if len(self._abandoned) >= _ABANDONED_MAX:
            self._retry_at = now + self._settings.stall_s
            return
        self._decoding = Decoding(
            self._stream_id,
            self._source,
            self._fps,
            self._settings,
            self._metrics,
            self._last,
            self._deliver,
            self._supervisor.wake,
            self._windows,
            self._patience_s,
            self._scenery,
        )
        self._decoding.start()

    def _measure(self, decoding: Decoding) -> None:
        """Take note of the size of the decoder's pictures, and whether it is another than before."""
        if decoding.info is None:
            return
        size = decoding.info.width, decoding.info.height
        if self._size is not None and size != self._size:
            self._size_changed_at = datetime.now(UTC)
        self._size = size

    def _live(self) -> bool:
        self._stalled_at = math.inf
        if self._failed_by is not None:
            self._reconnects += 1
            self._metrics.reconnects.labels(self._stream_id, self._failed_by.value).inc()
            self._failed_by = None
        self._cause = self._advice = None
        return self._machine.move(StreamState.LIVE)

    def _silence(self, decoding: Decoding) -> SourceFailure:
        if decoding.frames:
            detail = f"{{it}} has sent no picture for {self._patience(decoding):g} s."
            return SourceFailure(Cause.STALLED, self._source, detail)
        limit = _OPENING_LIMIT * self._settings.stall_s
        return SourceFailure(Cause.TIMEOUT, self._source, f"{{it}} sent no picture within {limit:g} s.")

    def _fail(self, decoding: Decoding, failure: SourceFailure | None, now: float) -> bool:
        if failure is None:
            msg = "a decoder ended that nobody stopped"
            raise AssertionError(msg)
        self._decoding = None
        self._damaged_before += decoding.damaged
        self._last = decoding.last
        self._learn_patience(decoding, failure)
        self._failed_by = self._failed_by or failure.cause  # what began it, not what attempts then met
        self._cause, self._advice = failure.cause, failure.advice
        if failure.cause is Cause.FINISHED:
            self._retry_at = math.inf
            return self._machine.move(StreamState.OFFLINE, failure.detail)
        if failure.lasting:
            # Never sooner than asked for: cameras lock accounts after a few wrong passwords.
            self._retry_at = now + self._settings.refused_retry_s * random.uniform(1.0, 1.2)
            self._stalled_at = math.inf
            return self._machine.move(StreamState.FAILED, failure.detail)
        self._retry_at = now + self._next_wait(decoding, failure, now)
        if self._machine.state is StreamState.LIVE:
            self._stalled_at = now
            return self._machine.move(StreamState.STALLED, failure.detail)
        if self._machine.state is StreamState.STALLED:
            return self._machine.move(StreamState.STALLED, failure.detail)
        return self._machine.move(StreamState.OFFLINE, failure.detail)

    def _learn_patience(self, decoding: Decoding, failure: SourceFailure) -> None:
        """A camera that sends less often than it is waited for must not be called stalled at every frame."""
        if decoding.frames > _SLOW_FRAMES:
            self._patience_s = self._patience(decoding)
        elif failure.cause is Cause.STALLED and (decoding.frames or self._source.scheme.startswith("http")):
            self._patience_s = min(2 * self._patience_s, _OPENING_LIMIT * self._settings.stall_s)

    def _next_wait(self, decoding: Decoding, failure: SourceFailure, now: float) -> float:
        if decoding.frames:
            self._backoff.ease(0 if now - decoding.began_at >= STEADY_S else _BRIEF_ATTEMPTS)
        longest = self._settings.backoff_max_s
        return self._backoff.wait(longest if failure.costly else min(longest, RETURN_CAP_S))
