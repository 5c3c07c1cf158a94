"""The service's own stages over recordings: as fast as they decode, in order, with nothing dropped."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from service.contracts.stream import Detection, Zone
from service.ingest.frame import PreparedFrame
from service.pipeline.context import StreamContext
from service.pipeline.enrolment import fit_profile
from service.pipeline.profile import Profile
from service.pipeline.samples import Samples
from service.pipeline.scored import ScoredFrame
from service.pipeline.stages import Stages

OFFLINE_FPS = 25.0
"""Frame rate that trackers are built for when a recording's own is unknown."""


class OfflinePipeline:
    """Enrol on recordings, score recordings. Evaluation, enrolment from files and ``watch`` use it."""

    def __init__(
        self,
        stages: Stages,
        *,
        fps: float = OFFLINE_FPS,
        detection: Detection | None = None,
        zones: Sequence[Zone] = (),
    ) -> None:
        """Args: fps, frames per second looked at."""
        self.stages = stages
        self._fps = fps
        self._detection = detection or Detection()
        self._zones = tuple(zones)

    def gather(
        self,
        clips: Iterable[Iterable[PreparedFrame]],
        samples: Samples | None = None,
        on_frame: Callable[[], object] = lambda: None,
    ) -> Samples:
        """Collect the features of normal recordings; each clip is an unbroken recording of its own.

        Args:
            clips: The recordings' prepared frames.
            samples: To be extended, or None to start afresh.
            on_frame: Called after each frame: progress, and the place to stop by raising.
        """
        samples = Samples() if samples is None else samples
        for clip in clips:
            context = self._context()
            context.collect(samples)
            for frame in clip:
                self.stages.process([(context, frame)])
                on_frame()
        return samples

    def enrol(
        self,
        clips: Iterable[Iterable[PreparedFrame]],
        origin: str = "files",
        on_frame: Callable[[], object] = lambda: None,
    ) -> Profile:
        """Learn a profile from normal recordings.

        Raises:
            EnrolmentError: If they do not suffice.
        """
        return self.fit(self.gather(clips, on_frame=on_frame), origin)

    def fit(self, samples: Samples, origin: str) -> Profile:
        """Learn a profile from features gathered before."""
        stages = self.stages
        return fit_profile(stages.heads, samples, stages.detector.name, stages.encoder_identity, origin)

    def score(
        self, frames: Iterable[PreparedFrame], profile: Profile, threshold: float | None = None
    ) -> Iterator[ScoredFrame]:
        """Score one recording, every frame in order, as the live service would have.

        Raises:
            ProfileError: If the profile is of other packs or another detector.
        """
        self.stages.check(profile)
        context = self._context()
        context.use_profile(profile, threshold)
        for frame in frames:
            yield from self.stages.process([(context, frame)])

    def _context(self) -> StreamContext:
        return StreamContext("offline", self._fps, self._detection, self._zones, self.stages.clip_buffers())
