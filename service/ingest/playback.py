"""Reading a source at full speed, with nothing dropped: for enrolment from files and for evaluation."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Sequence

from models.inputs import FrameWindow
from service.frames import PreparedFrame
from service.ingest.continuity import Admission, Continuity
from service.ingest.damage import Damage
from service.ingest.failures import NOTHING_DECODES, Cause, SourceFailure
from service.ingest.reader import open_reader
from service.ingest.sampler import Sampler
from service.ingest.source import Source
from service.ingest.timeline import Timeline
from service.settings import Settings

PREFETCH = 3
"""Prepared frames in stock: enough to keep decoding and scoring busy side by side, 3 MB each at 1280x720."""


def read_all(
    stream_id: str,
    source: Source,
    fps: float | None,
    settings: Settings,
    windows: Sequence[FrameWindow] = (),
    damage: Damage | None = None,
) -> Iterator[PreparedFrame]:
    """Every due frame of a source, as fast as it decodes. What is damaged is left out, and the rest read.

    Decoding and preparation run in a thread of their own, a few frames ahead; it ends when the iterator does,
    also when it is closed early. ``source.loop`` is ignored: this always ends where the source does.

    Args:
        stream_id: What to name the frames' stream.
        source: A file or folder, or a network source to read until it ends.
        fps: Frames wanted per second of the source's time, at most; None wants every frame.
        settings: Sizes and time-outs.
        windows: What is to be gathered beside, for heads that look at windows of frames.
        damage: Told what is left out; complete when the iterator has ended.

    Raises:
        SourceRefused: If nothing of the source can be read.
    """
    stock: queue.Queue[PreparedFrame | BaseException | None] = queue.Queue(PREFETCH)
    stop = threading.Event()
    given = stock, stop, stream_id, source, fps, settings, windows, Damage() if damage is None else damage
    thread = threading.Thread(target=_fill, args=given, name=f"read {stream_id}", daemon=True)
    thread.start()
    try:
        while (item := stock.get()) is not None:
            if isinstance(item, SourceFailure):
                raise item.refused() from None
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stop.set()
        while thread.is_alive():
            _drain(stock)
            thread.join(0.05)


def _fill(
    stock: queue.Queue[PreparedFrame | BaseException | None],
    stop: threading.Event,
    stream_id: str,
    source: Source,
    fps: float | None,
    settings: Settings,
    windows: Sequence[FrameWindow],
    damage: Damage,
) -> None:
    last: BaseException | None = None
    try:
        with open_reader(source, settings.stall_s, settings.stall_s) as reader:
            timeline = Timeline(live=reader.info.live, rate=reader.info.fps)
            sampler = Sampler(stream_id, fps, settings, timeline, windows=windows)
            continuity = Continuity(reader, live=reader.info.live, damage=damage)
            for decoded in reader:
                admission = continuity.admit(decoded)
                sampler.drop_damaged(continuity.take_lost())
                if admission is Admission.LEFT_OUT:
                    continue
                if admission is Admission.ANEW:
                    sampler.begin_anew()
                moment = sampler.stamp(decoded.pts, decoded.arrived)
                prepared = None if moment is None else sampler.prepare(decoded, moment, decoded.captured_at)
                if prepared is not None:
                    stock.put(prepared)
                if stop.is_set():
                    return
            continuity.finish()
            if not damage.kept:
                raise SourceFailure(Cause.UNREADABLE, source, NOTHING_DECODES)
    except Exception as error:  # raised again in the thread that reads
        last = error
    finally:
        stock.put(last)


def _drain(stock: queue.Queue[PreparedFrame | BaseException | None]) -> None:
    try:
        while True:
            stock.get_nowait()
    except queue.Empty:
        return
