"""What the worker keeps of one stream between two frames."""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.arrays import Arrays
from models.guidance.effect import Judgement
from models.guidance.rules import Seen
from models.observation import LIGHT_CHANGES, UNTRACKED, Objects
from service.contracts.stream import Detection, Zone
from service.frames import Frame, PreparedFrame
from service.pipeline.inputs.provider import Buffers
from service.pipeline.limb_speeds import LimbSpeeds
from service.pipeline.people import PeopleLooks
from service.pipeline.postures import TrackPostures
from service.pipeline.presence import Presence, Present
from service.pipeline.scoring import Scorer
from service.pipeline.track import ObjectFilter, Tracker
from service.pipeline.velocities import TrackVelocities
from service.profiles.profile import Profile
from service.profiles.samples import Sample, Samples
from service.profiles.thumbnail import thumbnail

PICTURE_S, PICTURE_FRAMES = 1.0, 5
"""Of what is learned from, a small picture is kept at most so often: what a person does takes a second or two, and 20
pictures of each run of a hundred frames are 4 MB in all at the most, beside features of up to ten times as much."""


@dataclass(frozen=True, slots=True)
class UnguidedFrame:
    """A frame before the text rules of its stream, with ``N`` objects and moving regions.

    Attributes:
        seen: The objects, then the regions.
        surprise: Of the frame, before smoothing; NaN if nothing could be said.
        calm: What it counts as where nothing was said yet: ``service.pipeline.scoring.Fused.calm``.
        at: Capture time, Unix seconds.
        pts: Presentation time, seconds.
        epoch: Changes at a gap, after which smoothing starts anew.
        tracks: ``N`` track ids, negative for none.
        labels: ``N`` class names.
        image: ``(H, W, 3)`` uint8, BGR; None where nobody will look at it.
        believable: Whether the background was known, so that it can be part of an incident.
    """

    seen: Seen
    surprise: float
    calm: float
    at: float
    pts: float
    epoch: int
    tracks: Sequence[int]
    labels: Sequence[str]
    image: NDArray[np.uint8] | None
    believable: bool = True


class Guidance(Protocol):
    """The text rules of one stream, as the worker sees them: both methods wait for nothing."""

    def judge(self, seen: Seen, at: float) -> Judgement:
        """What the rules that are in force at ``at`` (Unix seconds) say of a frame's objects."""
        ...

    def record(self, frame: UnguidedFrame) -> None:
        """Remember a frame, so that a rule can be tried on it."""
        ...


class StreamContext:
    """Tracker, filter, buffers of inputs, scorer, text rules and collector of one stream.

    The thread that runs the stages (the worker's, or that of an enrolment from files) alone calls ``enter``,
    ``pass_over``, ``track``, ``since_light_s``, ``sample`` and ``finish``. The others may be called from any thread:
    ``use_profile`` and ``configure`` are in force from the next frame on, ``collect`` at once.
    """

    def __init__(
        self,
        stream_id: str,
        fps: float,
        detection: Detection,
        zones: Sequence[Zone],
        buffers: Buffers | None = None,
        guidance: Guidance | None = None,
    ) -> None:
        """Forget nothing, as there is nothing yet.

        Args:
            stream_id: Whose.
            fps: Rate at which frames will come, about.
            detection: Which objects count.
            zones: And where.
            buffers: Of ``Stages.buffers``; None where no head looks at any.
            guidance: Its text rules; None for a stream that has and will have none.
        """
        self.stream_id = stream_id
        self.buffers: Buffers = buffers or {}
        self.guidance = guidance
        self.velocities = TrackVelocities()
        self.people = PeopleLooks()
        self.limbs = LimbSpeeds()
        self.postures = TrackPostures()
        self.scorer: Scorer | None = None
        self._epoch: int | None = None
        self._tracker = Tracker(fps)
        self._presence = Presence()
        self._lock = threading.Lock()
        self._samples: Samples | None = None
        self._recording = 0
        self._pictured = (-np.inf, 0)
        self._highest_track = UNTRACKED
        self._waiting: list[Sample] = []
        # Bounded by the time that a background takes to settle, as `_waiting` is by that of finding a picture frozen.
        self._unsettled: list[Sample] = []
        self._blind_at: float | None = None
        self._light_at = -math.inf
        self.configure(detection, zones)

    def configure(self, detection: Detection, zones: Sequence[Zone]) -> None:
        """Change which objects count."""
        self.filter = ObjectFilter(detection, zones)

    def use_profile(self, profile: Profile | None, threshold: float | None = None) -> None:
        """Score under this profile; None stops scoring."""
        self.scorer = None if profile is None else Scorer(profile, threshold)

    def collect(self, samples: Samples | None) -> None:
        """Gather the features of all frames from now on into ``samples``; None stops."""
        with self._lock:
            self._samples = samples
            self._waiting, self._unsettled = [], []
            self._pictured, self._highest_track = (-np.inf, 0), UNTRACKED
            self._recording = samples.next_recording if samples is not None else 0

    def enter(self, frame: PreparedFrame) -> None:
        """Begin a frame; forget the past if there was a gap before it, or a time in which nothing could be seen."""
        epoch = frame.epoch
        if epoch == self._epoch and self._blind_at is None:
            return
        self._blind_at = None
        if self._epoch is not None:
            self._tracker.reset()
            self._presence.reset()
            self.velocities.reset()
            self.people.reset()
            self.limbs.reset()
            self.postures.reset()
            self._light_at = -math.inf
            for buffer in self.buffers.values():
                buffer.reset()
            if self.scorer is not None:
                self.scorer.reset()
            with self._lock:
                self._waiting, self._unsettled = [], []
                self._pictured = (-np.inf, 0)
                if self._samples is not None:
                    self._recording = self._samples.next_recording
        self._epoch = epoch

    def finish(self) -> None:
        """End a recording. One that was over before its background had settled is learned whole: it has no more."""
        with self._lock:
            if self._samples is not None and self._samples.next_recording == self._recording:
                for sample in self._unsettled:
                    self._samples.add(sample)
            self._unsettled.clear()

    def pass_over(self, frame: PreparedFrame) -> None:
        """Take note of a frame in which nothing can be seen: it is not learned from, and what comes after is new."""
        pts = frame.frame.pts
        with self._lock:
            if self._samples is not None:
                doubtful, self._waiting = self._waiting, []
                began = doubtful[0].pts if doubtful else pts if self._blind_at is None else self._blind_at
                self._samples.leave_out(max(0.0, pts - began))
        self._blind_at = pts

    def track(self, objects: Objects, frame: PreparedFrame, *, recognised: bool) -> Present:
        """Keep the objects that count, follow them, and add those that are still there though they were not found."""
        tracked = self._tracker.update(self.filter(objects), frame.frame.pts)
        return self._presence.update(tracked, frame, self.filter, recognised=recognised)

    def since_light_s(self, frame: PreparedFrame) -> float:
        """Seconds since the light changed in this view; see ``Observation``."""
        if frame.scene_change in LIGHT_CHANGES:
            self._light_at = frame.frame.pts
        return frame.frame.pts - self._light_at

    def sample(self, features: dict[str, Arrays], frame: PreparedFrame, tracks: NDArray[np.integer]) -> None:
        """Hand a frame's features to the enrolment, if there is one and the picture can be learned from.

        Not while the background settles: live, nothing is made of such frames either. What may turn out to have been
        a frozen picture waits until it has changed.

        Args:
            features: Of it, by head.
            frame: The picture and its clocks.
            tracks: ``(N,)`` track ids of its objects, negative for none.
        """
        if frame.motion is None or frame.motion.disturbed:
            return
        with self._lock:
            if self._samples is None:
                return
            self._count(tracks)
            sample = Sample(
                self._recording, frame.frame.pts, features, frame.frame.captured_at, self._picture(frame.frame)
            )
            if not frame.sight.settled:
                self._unsettled.append(sample)
                return
            self._unsettled.clear()
            self._waiting.append(sample)
            if not frame.sight.doubtful:
                for sample in self._waiting:
                    self._samples.add(sample)
                self._waiting.clear()

    def _count(self, tracks: NDArray[np.integer]) -> None:
        """Count the objects that are new in the frames that are learned from: a tracker gives no id out again."""
        new = np.unique(tracks[tracks > self._highest_track])
        if self._samples is not None and len(new):
            self._samples.objects += len(new)
            self._highest_track = int(new[-1])

    def _picture(self, frame: Frame) -> bytes | None:
        """A small picture of a frame, if it is time for one."""
        last, frames = self._pictured
        if frame.pts - last < PICTURE_S or (np.isfinite(last) and frames < PICTURE_FRAMES - 1):
            self._pictured = last, frames + 1
            return None
        self._pictured = frame.pts, 0
        return thumbnail(frame.image)
