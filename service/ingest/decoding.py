"""One attempt at a live source, in a thread of its own: open, decode, prepare, until it fails or is stopped."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from models.inputs import FrameWindow
from service.frames import PreparedFrame
from service.ingest.continuity import Admission, Continuity
from service.ingest.failures import Cause, SourceFailure
from service.ingest.packets import PacketQueue
from service.ingest.prepare import Scenery
from service.ingest.reader import Decoded, Reader, SourceInfo, open_reader
from service.ingest.sampler import Sampler
from service.ingest.source import IMAGE_RATE, Source
from service.ingest.timeline import FrameTime, Timeline
from service.metrics import Metrics
from service.settings import Settings

logger = logging.getLogger(__name__)

_MAX_PAUSE_S = 10.0
"""A file whose PTS leap further ahead is not waited for."""

_SKIP_S = 2.0
"""What is later than this is not even decoded where a newer key frame is there: decoding alone makes good a few seconds
at once, and on a machine that is too slow for it nothing at all."""


class Pacer:
    """Gives the frames of a file, which can all be had at once, their own pace. Time that was lost is made good."""

    def __init__(self) -> None:
        """Begin with the next frame."""
        self._origin: float | None = None  # monotonic time of PTS 0

    def delay(self, pts: float, now: float) -> float:
        """Seconds until the frame is due; negative when it is late."""
        if self._origin is None:
            self._origin = now - pts
        delay = self._origin + pts - now
        if abs(delay) > _MAX_PAUSE_S:
            self._origin = now - pts
            return 0.0
        return delay


@dataclass(frozen=True, slots=True)
class _Release:
    """When a frame goes on from here, and how late it is.

    Attributes:
        at: Monotonic clock: of its arrival, or of the end of a wait.
        captured_at: Wall clock of capture, Unix seconds.
        behind: Seconds by which it is behind the present at ``at``.
        overdue: Seconds by which it comes too late to go on, while newer ones are there; 0 for one that is in time.
    """

    at: float
    captured_at: float
    behind: float
    overdue: float


class Decoding:
    """A decoder and the thread that opens, drives and closes it. Read its attributes from any thread.

    Attributes:
        info: What the source gives, once open; its size is that of the pictures really decoded.
        frames: Decoded so far.
        damaged: Frames left out so far because they did not decode, or not whole.
        began_at: Monotonic time of ``start``.
        progress_at: Monotonic time of the last sign of life.
        patience_s: Seconds of silence that are borne.
        last: Of the last frame that had a place in time.
        usual_step: Seconds from one frame to the next, as it usually is; None before the second.
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
        patience_s: float = 0.0,
        scenery: Scenery | None = None,
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
            news: Called at the first frame, at one of another size, and at the end, in this thread.
            windows: What is to be gathered beside.
            patience_s: Seconds that a next frame may take, where that is longer than the settings have it.
            scenery: What the camera saw before; this decoder's alone from now on.
        """
        self._stream_id = stream_id
        self._source = source
        self._fps = fps
        self._settings = settings
        self._metrics = metrics
        self._deliver = deliver
        self._news = news
        self._windows = windows
        self.patience_s = max(patience_s, settings.stall_s)
        self._scenery = scenery or Scenery()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"decode {stream_id}", daemon=True)
        self.info: SourceInfo | None = None
        self.frames = 0
        self.damaged = 0
        self.began_at = self.progress_at = time.monotonic()
        self.last = previous
        self.usual_step: float | None = None
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
            detail = f"Reading {{it}} failed with an error of this service ({type(error).__name__}: {error})."
            self.failure = SourceFailure(Cause.INTERNAL, self._source, detail)
        finally:
            self.ended = True
            self._news()

    def _decode(self) -> None:
        while not self._stop.is_set():
            before = self.frames
            with (
                open_reader(self._source, self._settings.stall_s, self.patience_s, ahead=True) as reader,
                self._counted(),
            ):
                live = reader.info.live
                self._read(reader)
            if self._stop.is_set():
                return
            if self.frames == before:
                raise SourceFailure(Cause.UNREADABLE, self._source, "{it} ended before its first picture.")
            if live:
                raise SourceFailure(Cause.ENDED, self._source, "{it} ended the stream.")
            if not self._source.loop:
                raise SourceFailure(Cause.FINISHED, self._source, "The video has been played to its end.")
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
        timeline = Timeline(self.last, live=reader.info.live, rate=reader.info.fps)
        sampler = Sampler(
            self._stream_id, self._fps, self._settings, timeline, self._metrics, self._windows, self._scenery
        )
        pacer = Pacer()
        continuity = Continuity(reader, live=reader.info.live)
        for decoded in reader:
            if self._stop.is_set():
                return
            admission = continuity.admit(decoded)
            self._leave_out(sampler, continuity.take_lost())
            self.progress_at = time.monotonic()  # a damaged picture is no silence
            if admission is Admission.LEFT_OUT:
                continue
            if admission is Admission.ANEW:
                sampler.begin_anew()
            queue = reader.queue
            moment = sampler.stamp(decoded.pts, decoded.arrived, () if queue is None else queue.arrivals)
            if moment is None:
                continue
            if queue is None:
                release = self._release_of_file(moment, pacer)
                moment = replace(moment, arrived=release.at)
            else:
                release = self._release(decoded, moment, queue)
            if self._stop.is_set():
                return
            self._progress(decoded, moment, timeline)
            self._prepare(sampler, decoded, replace(moment, arrived=release.at), release)
            if queue is not None and release.overdue > _SKIP_S:
                sampler.drop_late(queue.skip())
        continuity.finish()
        self._leave_out(sampler, continuity.take_lost())

    def _leave_out(self, sampler: Sampler, frames: int) -> None:
        sampler.drop_damaged(frames)
        self.damaged += frames

    def _prepare(self, sampler: Sampler, decoded: Decoded, moment: FrameTime, release: _Release) -> None:
        late = release.overdue > self._settings.staleness_s
        prepared = sampler.prepare(decoded, moment, release.captured_at, behind=release.behind, late=late)
        self.progress_at = max(self.progress_at, time.monotonic())
        if prepared is not None:
            if self.last is not None:
                self.last = replace(self.last, epoch=prepared.epoch)  # what was seen in it may have begun one
            self._deliver(self, prepared)

    def _release_of_file(self, moment: FrameTime, pacer: Pacer) -> _Release:
        """Wait until the frame of a file is due."""
        delay = pacer.delay(moment.pts, time.monotonic())
        if delay > 0:
            self._pause(delay)
        behind = max(0.0, -delay)
        return _Release(time.monotonic(), time.time(), behind, behind)

    def _release(self, decoded: Decoded, moment: FrameTime, queue: PacketQueue) -> _Release:
        """Let a frame of a live source go on: at once, or evenly where it comes in pieces."""
        arrived, late_then, hold = decoded.arrived, 0.0, 0.0
        if moment.distrust is None and decoded.pts is not None:
            late_then, hold = queue.behind(decoded.pts, arrived, decoded.era), queue.hold_s
        captured_at = decoded.captured_at if decoded.dated else decoded.captured_at - late_then
        happened = arrived - late_then
        wait = happened + hold - time.monotonic()
        if wait > 0:
            self._pause(wait)
            arrived = time.monotonic()
        elif queue.arrivals:
            return _Release(arrived, captured_at, late_then, -wait)
        return _Release(arrived, captured_at, arrived - happened, 0.0)

    def _pause(self, seconds: float) -> None:
        self.progress_at = time.monotonic() + seconds  # waiting on purpose is no stall
        self._stop.wait(seconds)

    def _progress(self, decoded: Decoded, moment: FrameTime, timeline: Timeline) -> None:
        if moment.distrust is not None and (self.last is None or self.last.distrust != moment.distrust):
            logger.warning(
                "stream %s: its time stamps %s; its pictures are timed by their arrival",
                self._stream_id,
                moment.distrust,
            )
        self.last = moment
        self.usual_step = timeline.usual_step
        self.progress_at = time.monotonic()
        self.frames += 1
        if self.info is not None and (self.frames == 1 or decoded.size != (self.info.width, self.info.height)):
            self.info = self.info.sized(*decoded.size)
            self._news()
