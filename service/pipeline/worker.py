"""The worker: one thread that takes at most one due frame of every stream and runs the stages on all of them.

So batching across cameras needs no queues and no timers, and latency stays bounded under load: a slow tick just
makes the next batch larger, while ingest keeps only each stream's newest frame.
"""

from __future__ import annotations

import logging
import math
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

from service.frames import PreparedFrame
from service.metrics import Metrics
from service.pipeline.context import StreamContext
from service.pipeline.scored import ScoredFrame
from service.pipeline.stages import Stages

logger = logging.getLogger(__name__)

LOAD_WINDOW_S = 30.0
"""Load is measured over so many seconds: long enough to see past bursts of frames and the start of a stream."""

ALONE_S = 10.0
"""After a batch has failed, streams run in batches of one for so long."""

IDLE_WAIT_S = 0.5
"""The worker looks around this often even if no frame is announced."""


class ScoredStream(Protocol):
    """What the worker needs of a stream."""

    stream_id: str
    context: StreamContext
    stages: Stages

    def take(self) -> PreparedFrame | None:
        """The newest prepared frame, at most once."""
        ...

    def scored(self, frame: ScoredFrame) -> None:
        """Take a scored frame: alerts, feed, picture. Must not block."""
        ...


class Worker:
    """Owns the thread. ``add``, ``remove`` and ``notify`` may be called from any thread."""

    def __init__(self, metrics: Metrics, staleness_s: float) -> None:
        self._metrics = metrics
        self._staleness_s = staleness_s
        self._streams: dict[str, ScoredStream] = {}
        self._wake = threading.Condition()
        self._notified = False
        self._closing = False
        self._ticking = threading.Lock()
        self._alone_until = 0.0
        self._busy: deque[tuple[float, float, int]] = deque()
        self._processor: deque[tuple[float, float]] = deque()
        self._thread = threading.Thread(target=self._run, name="worker", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def close(self, timeout: float = 5.0) -> None:
        """Finish the tick under way and end the thread. Idempotent."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        if self._thread.is_alive():
            self._thread.join(timeout)

    def add(self, stream: ScoredStream) -> None:
        """Serve this stream from the next tick on."""
        with self._wake:
            self._streams[stream.stream_id] = stream

    def remove(self, stream_id: str) -> None:
        """Serve it no more; when this returns, no tick holds a frame of it."""
        with self._wake:
            self._streams.pop(stream_id, None)
        if threading.current_thread() is not self._thread:
            with self._ticking:
                pass

    def notify(self) -> None:
        """Say that some stream has a new frame."""
        with self._wake:
            self._notified = True
            self._wake.notify()

    @property
    def load(self) -> float:
        """Share of the last seconds that the worker was busy, in [0, 1]."""
        return sum(end - start for start, end, _ in self._recent()) / self._span

    @property
    def frames_per_second(self) -> float:
        """Frames of all streams together that were processed a second, over the same time."""
        return sum(frames for _, _, frames in self._recent()) / self._span

    def _recent(self) -> list[tuple[float, float, int]]:
        since = time.monotonic() - LOAD_WINDOW_S
        return [tick for tick in list(self._busy) if tick[1] > since]

    @property
    def _span(self) -> float:
        """Seconds that ticks are counted over: since the first of them, but not over too few to tell."""
        first = next((start for start, _, _ in self._recent()), -math.inf)
        return min(LOAD_WINDOW_S, max(LOAD_WINDOW_S / 4, time.monotonic() - first))

    @property
    def processor_load(self) -> float:
        """Share of all cores that this process used over the last seconds, in [0, 1]."""
        samples = list(self._processor)
        if len(samples) < 2 or samples[-1][0] - samples[0][0] < LOAD_WINDOW_S / 4:
            return 0.0
        (began, used_before), (ended, used) = samples[0], samples[-1]
        return (used - used_before) / (ended - began) / (os.cpu_count() or 1)

    def _run(self) -> None:
        while True:
            with self._wake:
                if not self._notified and not self._closing:
                    self._wake.wait(IDLE_WAIT_S)
                self._notified = False
                if self._closing:
                    return
                streams = list(self._streams.values())
            with self._ticking:
                self._tick(streams)

    def _tick(self, streams: Sequence[ScoredStream]) -> None:
        start = time.monotonic()
        due = [(stream, frame) for stream in streams if (frame := self._take(stream)) is not None]
        if not due:
            return
        self._metrics.batch_frames.observe(len(due))
        if start < self._alone_until:
            for stream, frame in due:
                self._process(stream.stages, [(stream, frame)])
        else:
            for stages in {id(stream.stages): stream.stages for stream, _ in due}.values():
                self._process(stages, [(stream, frame) for stream, frame in due if stream.stages is stages])
        self._busy.append((start, time.monotonic(), len(due)))
        while self._busy[0][1] < start - LOAD_WINDOW_S:
            self._busy.popleft()
        self._processor.append((start, time.process_time()))
        while self._processor[0][0] < start - LOAD_WINDOW_S:
            self._processor.popleft()

    def _take(self, stream: ScoredStream) -> PreparedFrame | None:
        frame = stream.take()
        if frame is None:
            return None
        if time.monotonic() - frame.frame.arrived > self._staleness_s:
            self._metrics.frames.labels(stream.stream_id, "stale").inc()
            return None
        return frame

    def _process(self, stages: Stages, batch: Sequence[tuple[ScoredStream, PreparedFrame]]) -> None:
        try:
            scored = stages.process([(stream.context, frame) for stream, frame in batch])
        except Exception:
            # Nothing is run twice: trackers and smoothing have seen these frames. The streams run alone for a while,
            # so that the one at fault costs the others one frame in that time.
            if len(batch) > 1:
                self._alone_until = time.monotonic() + ALONE_S
            logger.exception("frames of %s could not be scored", ", ".join(stream.stream_id for stream, _ in batch))
            for stream, _ in batch:
                self._metrics.frames.labels(stream.stream_id, "error").inc()
            return
        start = time.perf_counter()
        for (stream, _), result in zip(batch, scored, strict=True):
            self._deliver(stream.scored, stream.stream_id, result)
        self._metrics.stage_seconds.labels("alerts").observe(time.perf_counter() - start)

    def _deliver(self, deliver: Callable[[ScoredFrame], None], stream_id: str, result: ScoredFrame) -> None:
        try:
            deliver(result)
        except Exception:
            logger.exception("stream %s: a score could not be delivered", stream_id)
            self._metrics.frames.labels(stream_id, "error").inc()
            return
        self._metrics.frames.labels(stream_id, _outcome(result)).inc()
        self._metrics.latency_seconds.labels(stream_id).observe(time.monotonic() - result.source.frame.arrived)


def _outcome(result: ScoredFrame) -> str:
    """What became of a frame that passed all stages, one of ``service.metrics.OUTCOMES``."""
    source = result.source
    if source.sight.blind is not None:
        return "blind"
    if source.motion is not None and source.motion.disturbed:
        return "disturbed"
    return "enrolled" if result.surprise is None else "scored"
