"""Decoded frames in, prepared frames out: the one path for live streams and for reading files at full speed."""

from __future__ import annotations

import functools
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from models.colour import colourfulness
from models.inputs import FrameWindow
from service.frames import Frame, PreparedFrame
from service.ingest.frame_windows import WindowBuffers
from service.ingest.prepare import Preparer, Scenery
from service.ingest.reader import Decoded
from service.ingest.timeline import Cadence, FrameTime, Timeline
from service.metrics import Metrics
from service.settings import Settings


class Sampler:
    """Samples and prepares the frames of one decoder of one stream. Not thread-safe."""

    def __init__(
        self,
        stream_id: str,
        fps: float | None,
        settings: Settings,
        timeline: Timeline,
        metrics: Metrics | None = None,
        windows: Sequence[FrameWindow] = (),
        scenery: Scenery | None = None,
    ) -> None:
        """Sample nothing yet.

        Args:
            stream_id: Names the stream in frames and metrics.
            fps: Frames wanted per second; None for every one.
            settings: Sizes.
            timeline: Of the decoder.
            metrics: None where nothing is to be counted.
            windows: What is to be gathered beside, each at a rate of its own.
            scenery: What the camera saw before this decoder; None for nothing.
        """
        self._stream_id = stream_id
        self._fps = fps
        self._settings = settings
        self._timeline = timeline
        self._metrics = metrics
        self._index = -1
        self._epoch: int | None = None
        self._cuts = 0
        self._cadence = Cadence(fps)
        self._scenery = scenery or Scenery()
        self._preparer = Preparer(settings.analysis_side, self._scenery)
        self._windows = WindowBuffers(windows)

    def stamp(self, pts: float | None, arrived: float, behind: Sequence[float] = ()) -> FrameTime | None:
        """Give the next decoded frame its place in time, None if it has none; the first step for every frame.

        Args:
            pts: As ``Timeline.stamp`` takes it.
            arrived: Likewise.
            behind: Likewise.
        """
        self._index += 1
        moment = self._timeline.stamp(pts, arrived, behind)
        if moment is None:
            self._count("not_due")
            return None
        moment = replace(moment, epoch=moment.epoch + self._cuts)
        if moment.epoch != self._epoch:
            self._epoch = moment.epoch
            self._cadence = Cadence(self._fps)
            self._preparer = Preparer(self._settings.analysis_side, self._scenery)
            self._windows.reset()
        return moment

    def prepare(
        self, decoded: Decoded, moment: FrameTime, captured_at: float, *, behind: float = 0.0, late: bool = False
    ) -> PreparedFrame | None:
        """The prepared frame if this one is due, else None and its cause counted; the second step.

        Args:
            decoded: The frame.
            moment: What ``stamp`` gave for it.
            captured_at: Wall clock of capture, Unix seconds.
            behind: Seconds by which it is behind the present at ``moment.arrived``.
            late: Whether it is too old to be worth the work: then it is only decoded and put into windows, which must
                have no gap, so that reading catches up.
        """
        due = self._cadence.due(moment.pts)
        began = time.perf_counter()
        self._preparer.see(decoded.luma(), moment.pts, key=decoded.key)
        picture = functools.cache(partial(decoded.to_bgr, self._settings.image_side))
        self._windows.see(picture, moment.pts)
        if not due or late:
            self._count("stale" if due else "not_due")
            return None
        image = picture()
        motion = self._preparer.prepare(moment.pts, partial(colourfulness, image))
        if self._preparer.begins_anew:
            moment = self._anew(moment)
        if self._metrics is not None:
            self._metrics.stage_seconds.labels("prepare").observe(time.perf_counter() - began)
        frame = Frame(self._index, moment.pts, captured_at, moment.arrived, image, behind)
        return PreparedFrame(
            self._stream_id,
            moment.epoch,
            frame,
            motion,
            self._windows.windows(),
            self._preparer.sight,
            self._preparer.grey,
            self._preparer.changes,
            self._preparer.scene_change,
            places=self._scenery.places,
        )

    def _anew(self, moment: FrameTime) -> FrameTime:
        """Let an epoch begin with the frame that was just prepared, as what was seen in it shows."""
        self._cuts += 1
        self._epoch = moment.epoch + 1
        self._windows.reset()
        return replace(moment, epoch=self._epoch)

    def begin_anew(self) -> None:
        """Let the next frame begin an epoch: it cannot be compared with those before."""
        self._cuts += 1

    def drop_late(self, frames: int) -> None:
        """Count frames that were let go undecoded, because newer ones were there; they keep their number."""
        if not frames:
            return
        self._timeline.skipped()
        self._index += frames
        self._count("skipped", frames)

    def drop_damaged(self, frames: int) -> None:
        """Count frames that did not decode, or not whole; they keep their number."""
        self._index += frames
        self._count("decode_error", frames)

    def _count(self, outcome: str, frames: int = 1) -> None:
        if self._metrics is not None and frames:
            self._metrics.frames.labels(self._stream_id, outcome).inc(frames)
