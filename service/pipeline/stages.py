"""The stages that every frame passes after ingest, in their order, over all streams of a tick together."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from models.heads.base import Arrays, Likeness
from models.heads.likeness import RESEMBLES, Vocabulary
from models.observation import Objects, Observation
from service.engine.detectors.base import Detector
from service.engine.encoder import JointEncoder
from service.errors import InvalidInput
from service.frames import PreparedFrame
from service.pipeline.context import StreamContext
from service.pipeline.guide import Guided, captions, guide, unguided
from service.pipeline.inputs.clips import ClipBuffers
from service.pipeline.inputs.embed import embed
from service.pipeline.scored import ScoredFrame
from service.pipeline.scoring import Fused, Scorer
from service.pipeline.terms import Terms
from service.profiles.fit import LoadedHead
from service.profiles.profile import Profile, ProfileError


class Stages:
    """Detect, track, embed, describe, score, guide. Shared by all streams of one detector, heads and encoder."""

    def __init__(
        self,
        detector: Detector,
        heads: Mapping[str, LoadedHead],
        encoder: JointEncoder | None = None,
        observe: Callable[[str, float], object] = lambda _stage, _seconds: None,
    ) -> None:
        """Set up; what is given is not closed here.

        Args:
            detector: Finds the objects.
            heads: By pack name.
            encoder: Sees the objects' clips; None leaves heads and text rules without.
            observe: Told every stage's name and seconds.

        Raises:
            InvalidInput: ``encoder_needed``, if a head needs another encoder.
        """
        self.detector = detector
        self.heads = dict(heads)
        self.encoder = encoder
        self._observe = observe
        self._vocabulary = None if encoder is None else Vocabulary(encoder.bank)
        # Of other spaces (CLIP's cosines lie near 0.25) nothing was measured: there the nearest is always named.
        self._resembles_from = RESEMBLES if encoder is not None and encoder.sentence else -1.0
        self._terms = Terms({name: loaded.head.terms for name, loaded in heads.items()})
        needed = needed_encoder(heads)
        if needed is not None and (encoder is None or encoder.name != needed):
            got = "none" if encoder is None else encoder.name
            code, msg = "encoder_needed", f"expected encoder {needed}, which the heads need, got {got}"
            raise InvalidInput(code, msg)

    def clip_buffers(self) -> ClipBuffers | None:
        """Empty buffers for a stream, as the encoder wants them; None without one."""
        return None if self.encoder is None else ClipBuffers(self.encoder.frames, self.encoder.interval_s)

    @property
    def encoder_identity(self) -> str | None:
        """What profiles remember the encoder by; None if no head needs one, as then it may change."""
        return None if self.encoder is None or needed_encoder(self.heads) is None else str(self.encoder)

    def unobserved(self) -> Stages:
        """The same, telling nobody how long its stages take: for work beside the live one."""
        return Stages(self.detector, self.heads, self.encoder)

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
        encoder = self.encoder_identity
        if profile.encoder != encoder:
            msg = f"expected a profile learned with encoder {encoder or 'none'}, got {profile.encoder}: enrol again"
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
        with self._stage("embed"):
            videos = self._embed(batch, tracked)
        observations = [
            self._observation(context, frame, objects, video)
            for (context, frame), objects, video in zip(batch, tracked, videos, strict=True)
        ]
        with self._stage("features"):
            features = self._features(observations)
        with self._stage("score"):
            fused = [
                self._fuse(context, observation, frame, described)
                for (context, frame), observation, described in zip(batch, observations, features, strict=True)
            ]
        with self._stage("guide"):
            return [
                self._finish(context, frame, observation, each)
                for (context, frame), observation, each in zip(batch, observations, fused, strict=True)
            ]

    def _embed(
        self, batch: Sequence[tuple[StreamContext, PreparedFrame]], tracked: Sequence[Objects]
    ) -> list[NDArray[np.float32] | None]:
        """The clip features of each frame's objects; None for streams without buffers."""
        if self.encoder is None:
            return [None] * len(batch)
        looked = [
            (context.clips, frame.frame, objects)
            for (context, frame), objects in zip(batch, tracked, strict=True)
            if context.clips is not None
        ]
        videos = iter(embed(self.encoder, looked))
        return [None if context.clips is None else next(videos) for context, _ in batch]

    def _observation(
        self,
        context: StreamContext,
        frame: PreparedFrame,
        objects: Objects,
        video: NDArray[np.float32] | None,
    ) -> Observation:
        """What the heads see of a frame."""
        motion = frame.motion
        ignored = None if motion is None else context.filter.ignored_mask(*motion.foreground.shape)
        pts, image = frame.frame.pts, frame.frame.image
        return Observation(pts, image, motion, objects, ignored, self.detector.recognises, video)

    def _features(self, observations: Sequence[Observation]) -> list[dict[str, Arrays]]:
        by_head = {name: loaded.head.features(observations) for name, loaded in self.heads.items()}
        return [{name: rows[index] for name, rows in by_head.items()} for index in range(len(observations))]

    def _fuse(
        self, context: StreamContext, observation: Observation, frame: PreparedFrame, features: dict[str, Arrays]
    ) -> tuple[Scorer, Fused] | None:
        """What the heads say of a frame; None while its stream is not enrolled."""
        context.sample(features, frame)
        scorer = context.scorer
        if scorer is None:
            return None
        heads = {
            name: loaded.head.score(features[name], scorer.profile.heads[name].arrays)
            for name, loaded in self.heads.items()
        }
        return scorer, scorer.fuse(heads, observation.objects.boxes)

    def _finish(
        self,
        context: StreamContext,
        frame: PreparedFrame,
        observation: Observation,
        scored: tuple[Scorer, Fused] | None,
    ) -> ScoredFrame:
        """Apply the stream's rules, smooth, and put together what is said of the frame."""
        objects, guidance = observation.objects, context.guidance
        if scored is None:
            nothing = np.full(len(objects), np.nan)
            return ScoredFrame(
                frame,
                objects,
                observation.recognised,
                surprises=nothing,
                unguided_surprises=nothing,
                video=observation.video,
            )
        scorer, fused = scored
        said = captions(context, observation, fused, self._terms)
        guided = Guided(fused.frame, fused.surprises)
        if guidance is not None:
            before = unguided(frame, observation, fused, said)
            guided = guide(guidance, before)
            guidance.record(before)
        smoothed = scorer.smooth(fused, guided.frame, frame.frame.pts)
        return ScoredFrame(
            frame,
            objects,
            observation.recognised,
            surprise=smoothed.guided,
            unguided=smoothed.unguided,
            unsmoothed=None if math.isnan(guided.frame) else guided.frame,
            threshold=scorer.threshold,
            heads=fused.heads,
            regions=fused.regions,
            surprises=guided.surprises,
            unguided_surprises=fused.surprises,
            terms={self._terms.names[key]: values for key, values in fused.terms.items()},
            sentences=self._terms.sentences,
            likeness=self._likeness(observation, fused),
            resembles_from=self._resembles_from,
            captions=said,
            matches=guided.matches,
            taught=guided.feedback,
            video=observation.video,
            encoder=None if self.encoder is None else self.encoder.hash,
        )

    def _likeness(self, observation: Observation, fused: Fused) -> Likeness | None:
        """What the objects resemble, by a head that knows words, or by the encoder's own bank."""
        if fused.likeness is not None or self._vocabulary is None or observation.video is None:
            return fused.likeness
        return self._vocabulary.likeness(observation.video)

    @contextmanager
    def _stage(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self._observe(name, time.perf_counter() - start)


def needed_encoder(heads: Mapping[str, LoadedHead]) -> str | None:
    """The encoder pack that heads need, or None.

    Raises:
        InvalidInput: ``encoders_differ``, if two of them need different ones.
    """
    needed = {loaded.head.encoder: name for name, loaded in heads.items() if loaded.head.encoder is not None}
    if len(needed) > 1:
        each = ", ".join(f"{name} needs {encoder}" for encoder, name in sorted(needed.items(), key=lambda x: x[1]))
        code, msg = "encoders_differ", f"expected heads of one encoder on a stream, got: {each}"
        raise InvalidInput(code, msg)
    return next(iter(needed), None)
