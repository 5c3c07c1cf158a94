"""The stages that every frame passes after ingest, in their order, over all streams of a tick together."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from models.crops import crop
from models.heads.base import Arrays
from models.observation import Objects, Observation
from service.engine.detectors.base import Detector
from service.engine.encoder import JointEncoder
from service.errors import InvalidInput
from service.ingest.frame import PreparedFrame
from service.pipeline.clips import ClipBuffers
from service.pipeline.context import StreamContext
from service.pipeline.enrolment import LoadedHead
from service.pipeline.profile import Profile, ProfileError
from service.pipeline.scored import ScoredFrame


class Stages:
    """Detect, track, embed, describe, score. Shared by all streams of one detector, heads and encoder."""

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
            return [
                self._score(context, frame, observation, described)
                for (context, frame), observation, described in zip(batch, observations, features, strict=True)
            ]

    def _embed(
        self, batch: Sequence[tuple[StreamContext, PreparedFrame]], tracked: Sequence[Objects]
    ) -> list[NDArray[np.float32] | None]:
        """Clip features of every frame's objects: all crops of all streams in one batch, then all clips in another."""
        encoder = self.encoder
        if encoder is None:
            return [None] * len(batch)
        parts = []
        for (context, frame), objects in zip(batch, tracked, strict=True):
            if context.clips is not None:
                due = context.clips.due(objects, frame.frame.pts)
                parts.append((context.clips, frame.frame, objects, due))
        crops = [
            crop(picture.image, objects.boxes[index], encoder.size, encoder.context)
            for _, picture, objects, due in parts
            for index in due.tolist()
        ]
        if crops:
            features = encoder.embed_crops(np.stack(crops))
            ends = np.cumsum([len(due) for *_, due in parts])[:-1]
            frames, places = [], []
            for (clips, picture, objects, due), rows in zip(parts, np.split(features, ends), strict=True):
                clips.add(objects, due, rows, picture.pts)
                if len(due):
                    height, width = picture.image.shape[:2]
                    window, place = clips.windows(objects.track_ids[due].tolist(), width / height)
                    frames.append(window)
                    places.append(place)
            embedded = encoder.embed_clips(np.concatenate(frames), np.concatenate(places))
            for (clips, _, objects, due), rows in zip(parts, np.split(embedded, ends), strict=True):
                clips.keep(objects.track_ids[due].tolist(), rows)
        return [
            None if context.clips is None else context.clips.video(objects, encoder.dim)
            for (context, _), objects in zip(batch, tracked, strict=True)
        ]

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
