"""The stages that every frame passes after ingest, in their order, over all streams of a tick together."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np

from models.heads.base import Arrays
from models.observation import Objects, Observation
from service.engine.detectors.base import Detector
from service.ingest.frame import PreparedFrame
from service.pipeline.context import StreamContext
from service.pipeline.enrolment import LoadedHead
from service.pipeline.profile import Profile, ProfileError
from service.pipeline.scored import ScoredFrame


class Stages:
    """Detect, track, describe, score. Shared by all streams of one detector and one set of heads."""

    def __init__(
        self,
        detector: Detector,
        heads: Mapping[str, LoadedHead],
        observe: Callable[[str, float], object] = lambda _stage, _seconds: None,
    ) -> None:
        """Args: heads, by pack name; observe, told every stage's name and seconds."""
        self.detector = detector
        self.heads = dict(heads)
        self._observe = observe

    def unobserved(self) -> Stages:
        """The same, telling nobody how long its stages take: for work beside the live one."""
        return Stages(self.detector, self.heads)

    def check(self, profile: Profile) -> None:
        """See that a profile was learned by these heads with this detector, and holds what they need.

        Raises:
            ProfileError: If not; the message says what was expected and what came.
        """
        wanted = {name: loaded.pack_hash for name, loaded in self.heads.items()}
        got = {name: head.pack_hash for name, head in profile.heads.items()}
        if wanted != got or profile.detector != self.detector.name:
            msg = (
                f"expected a profile of {', '.join(wanted)} with detector {self.detector.name}, got one of "
                f"{', '.join(got)} with {profile.detector} or of another version: enrol again"
            )
            raise ProfileError(msg)
        for name, loaded in self.heads.items():
            try:
                loaded.head.check(profile.heads[name].arrays)
            except ValueError as error:
                msg = f"profile of {name}: {error}: enrol again"
                raise ProfileError(msg) from error

    def process(self, batch: Sequence[tuple[StreamContext, PreparedFrame]]) -> list[ScoredFrame]:
        """Run one frame each of any streams through all stages."""
        for context, frame in batch:
            context.enter(frame.epoch)
        with self._stage("detect"):
            detected = self.detector.detect([frame for _, frame in batch])
        with self._stage("track"):
            tracked = [
                context.track(objects, frame.frame.pts)
                for (context, frame), objects in zip(batch, detected, strict=True)
            ]
            observations = [
                self._observation(context, frame, objects)
                for (context, frame), objects in zip(batch, tracked, strict=True)
            ]
        with self._stage("features"):
            features = self._features(observations)
        with self._stage("score"):
            return [
                self._score(context, frame, observation, described)
                for (context, frame), observation, described in zip(batch, observations, features, strict=True)
            ]

    def _observation(self, context: StreamContext, frame: PreparedFrame, objects: Objects) -> Observation:
        """What the heads see of a frame."""
        motion = frame.motion
        ignored = None if motion is None else context.filter.ignored_mask(*motion.foreground.shape)
        return Observation(
            frame.frame.pts, frame.frame.image, motion, objects, ignored, recognised=self.detector.recognises
        )

    def _features(self, observations: Sequence[Observation]) -> list[dict[str, Arrays]]:
        by_head = {name: loaded.head.features(observations) for name, loaded in self.heads.items()}
        return [{name: rows[index] for name, rows in by_head.items()} for index in range(len(observations))]

    def _score(
        self, context: StreamContext, frame: PreparedFrame, observation: Observation, features: dict[str, Arrays]
    ) -> ScoredFrame:
        context.sample(features, frame)
        objects, scorer = observation.objects, context.scorer
        if scorer is None:
            nothing = np.full(len(objects), np.nan)
            return ScoredFrame(frame, objects, observation.recognised, surprises=nothing, unguided_surprises=nothing)
        heads = {
            name: loaded.head.score(features[name], scorer.profile.heads[name].arrays)
            for name, loaded in self.heads.items()
        }
        fused = scorer.fuse(heads, objects.boxes)
        smoothed = scorer.smooth(fused, fused.frame, frame.frame.pts)
        return ScoredFrame(
            frame,
            objects,
            observation.recognised,
            surprise=smoothed.guided,
            unguided=smoothed.unguided,
            unsmoothed=None if math.isnan(fused.frame) else fused.frame,
            threshold=scorer.threshold,
            heads=fused.heads,
            regions=fused.regions,
            surprises=fused.surprises,
            unguided_surprises=fused.surprises,
            terms=fused.terms,
            likeness=fused.likeness,
            video=observation.video,
        )

    @contextmanager
    def _stage(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self._observe(name, time.perf_counter() - start)
