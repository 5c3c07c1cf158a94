"""One attempt at a live source, in a thread of its own: open, decode, prepare, until it fails or is stopped."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from models.inputs import FrameWindow
from service.frames import PreparedFrame
from service.ingest.failures import Cause, SourceFailure
from service.ingest.reader import Decoded, Reader, SourceInfo, open_reader
from service.ingest.sampler import Sampler
from service.ingest.source import IMAGE_RATE, Source
from service.ingest.timeline import Backlog, FrameTime, Timeline
from service.metrics import Metrics
from service.redact import redact
from service.settings import Settings

logger = logging.getLogger(__name__)

_MAX_PAUSE_S = 10.0
"""A file whose PTS leap further ahead is not waited for."""


class Pacer:
    """Gives frames that come in bursts or all at once (files, segments over HTTP) back their own pace."""

    def __init__(self, *, catch_up: bool) -> None:
        """Begin with the next frame.

        Args:
            catch_up: Whether time that was lost is to be made good (a file) or let go (a network).
        """
        self._catch_up = catch_up
        self._origin: float | None = None  # monotonic time of PTS 0

    def delay(self, pts: float, now: float) -> float:
        """Seconds until the frame is due; negative when it is late."""
        if self._origin is None:
            self._origin = now - pts
        delay = self._origin + pts - now
        if abs(delay) > _MAX_PAUSE_S or (delay < 0 and not self._catch_up):
            self._origin = now - pts
            return 0.0
        return delay


class Decoding:
    """A decoder and the thread that opens, drives and closes it. Read its attributes from any thread.

    Attributes:
        info: What the source gives, once open; its size is that of the pictures really decoded.
        frames: Decoded so far.
        damaged: Frames left out so far because they did not decode, or not whole.
        began_at: Monotonic time of ``start``.
        progress_at: Monotonic time of the last sign of life.
        last: Of the last frame that had a place in time.
        failure: Why it ended, None while it runs and after ``stop``.
        ended: Whether the decoder is closed and the thread about to end.
    """

    def __init__(
        self,
        stream_id: str,
        source: Source,
        fps: float,
        settings: Settings,
        metrics: Metrics,
        previous: FrameTime | None,
        deliver: Callable[[Decoding, PreparedFrame], None],
        news: Callable[[], None],
        windows: Sequence[FrameWindow] = (),
    ) -> None:
        """Open nothing before ``start``.

        Args:
            stream_id: Names the stream in frames and metrics.
            source: What to open.
            fps: Frames to prepare per second, at most.
            settings: Time-outs, sizes and waits.
            metrics: Where frames and decoders are counted.
            previous: The last frame of the decoder before.
            deliver: Takes each prepared frame, in this thread.
            news: Called at the first frame and at the end, in this thread.
            windows: What is to be gathered beside.
        """
        self._stream_id = stream_id
        self._source = source
        self._fps = fps
        self._settings = settings
        self._metrics = metrics
        self._deliver = deliver
        self._news = news
        self._windows = windows
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"decode {stream_id}", daemon=True)
        self.info: SourceInfo | None = None
        self.frames = 0
        self.damaged = 0
        self.began_at = self.progress_at = time.monotonic()
        self.last = previous
        self.failure: SourceFailure | None = None
        self.ended = False

    def start(self) -> None:
        """Begin, once."""
        self._thread.start()

    def stop(self) -> None:
        """Ask it to end: at the next frame, or when the present read gives up. Returns at once."""
        self._stop.set()

    def join(self, timeout: float) -> None:
        """Wait until its thread has ended, at most so many seconds."""
        if self._thread is not threading.current_thread() and self._thread.ident is not None:
            self._thread.join(timeout)

    @property
    def alive(self) -> bool:
        """Whether its thread still runs."""
        return self._thread.is_alive()

    def _run(self) -> None:
        try:
            self._decode()
        except SourceFailure as failure:
            self.failure = failure
        except Exception as error:
            logger.exception("stream %s: decoding broke", self._stream_id)
            detail = redact(f"{type(error).__name__} while decoding: {error}")
            self.failure = SourceFailure(Cause.INTERNAL, self._source, detail)
        finally:
            self.ended = True
            self._news()

    def _decode(self) -> None:
        while not self._stop.is_set():
            before = self.frames
            timeouts = self._settings.stall_s, self._settings.stall_s
            with open_reader(self._source, *timeouts) as reader, self._counted():
                live = reader.info.live
                self._read(reader)
            if self._stop.is_set():
                return
            if self.frames == before:
                raise SourceFailure(Cause.UNREADABLE, self._source, "expected frames, got a stream without any")
            if live:
                raise SourceFailure(Cause.ENDED, self._source, "expected a next frame, got the end of the stream")
            if not self._source.loop:
                raise SourceFailure(Cause.FINISHED, self._source, "end of file")
            self._pause(self._last_frame_lasts())

    def _last_frame_lasts(self) -> float:
        """Seconds before a file starts again: one frame of its rate, so that a single picture does not spin."""
        fps = None if self.info is None else self.info.fps
        return min(_MAX_PAUSE_S, 1.0 / (fps or IMAGE_RATE))

    @contextmanager
    def _counted(self) -> Iterator[None]:
        self._metrics.decoders.inc()
        try:
            yield
        finally:
            self._metrics.decoders.dec()

    def _read(self, reader: Reader) -> None:
        self.info = reader.info
        rtsp = self._source.scheme.startswith("rtsp")
        pacer = None if rtsp else Pacer(catch_up=not reader.info.live)
        timeline = Timeline(self.last, live=reader.info.live)
        sampler = Sampler(self._stream_id, self._fps, self._settings, timeline, self._metrics, self._windows)
        backlog = Backlog()
        errors = 0
        for decoded in reader:
            self._leave_out(sampler, reader.decode_errors - errors)
            errors = reader.decode_errors
            arrived, captured_at, late = self._pace(decoded, pacer)
            if self._stop.is_set():
                return
            if decoded.corrupt:
                self._leave_out(sampler)
                continue
            epoch = self.last.epoch if self.last is not None else -1
            moment = sampler.stamp(decoded.pts, arrived)
            if moment is None:
                continue
            if moment.epoch != epoch:
                backlog = Backlog()
            if pacer is None:
                late = backlog.lag(moment.pts, arrived, decoded.waited)
            self._progress(decoded, moment)
            prepared = sampler.prepare(decoded, moment, captured_at, late=late > self._settings.staleness_s)
            self.progress_at = max(self.progress_at, time.monotonic())
            if prepared is not None:
                self._deliver(self, prepared)
        self._leave_out(sampler, reader.decode_errors - errors)

    def _leave_out(self, sampler: Sampler, frames: int = 1) -> None:
        sampler.drop_damaged(frames)
        self.damaged += frames

    def _pace(self, decoded: Decoded, pacer: Pacer | None) -> tuple[float, float, float]:
        """Wait until the frame is due, if need be. Returns its arrival on both clocks, and seconds of delay."""
        if pacer is None or decoded.pts is None:
            return decoded.arrived, decoded.captured_at, 0.0
        now = time.monotonic()
        delay = pacer.delay(decoded.pts, now)
        if delay > 0:
            self._pause(delay)
        return time.monotonic(), time.time(), max(0.0, -delay)

    def _pause(self, seconds: float) -> None:
        self.progress_at = time.monotonic() + seconds  # waiting on purpose is no stall
        self._stop.wait(seconds)

    def _progress(self, decoded: Decoded, moment: FrameTime) -> None:
        self.last = moment
        self.progress_at = time.monotonic()
        self.frames += 1
        if self.frames == 1:
            height, width = decoded.luma().shape
            self.info = None if self.info is None else self.info.sized(width, height)
            self._news()
