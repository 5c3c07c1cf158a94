"""The stages that every frame passes after ingest, in their order, over all streams of a tick together."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.arrays import Arrays, Float32
from models.heads.base import Likeness
from models.heads.likeness import BankActions
from models.inputs import FrameWindow, Input, Keypoints, ObjectEmbedding, stands_s
from models.observation import Objects, Observation
from service.engine.appearance import AppearanceNetwork
from service.engine.detectors.base import Detector
from service.engine.encoder import JointEncoder
from service.engine.heads import LoadedHead
from service.engine.pose import FoundPeople, PoseEstimator
from service.frames import PreparedFrame
from service.pipeline.context import StreamContext
from service.pipeline.guided import Guided, captions, guide, postures, unguided_frame
from service.pipeline.inputs.gathering import Gathering, Networks
from service.pipeline.inputs.provider import Buffers, Look
from service.pipeline.people import with_people
from service.pipeline.presence import Present
from service.pipeline.scored import Legend, ScoredFrame, ScoredObjects, labels_of, tracks_of, with_nothing
from service.pipeline.scoring import Fused, Scorer
from service.pipeline.terms import Terms
from service.profiles.profile import Profile, ProfileError, ProfileOutdated


class Stages:
    """Detect, track, gather inputs, describe, score, guide. Shared by all streams of a detector, heads and encoder."""

    def __init__(
        self,
        detector: Detector,
        heads: Mapping[str, LoadedHead],
        encoder: JointEncoder | None = None,
        observe: Callable[[str, float], object] = lambda _stage, _seconds: None,
        others: Sequence[JointEncoder] = (),
        pose: PoseEstimator | None = None,
        appearance: AppearanceNetwork | None = None,
    ) -> None:
        """Set up; what is given is not closed here.

        Args:
            detector: Finds the objects.
            heads: By pack name.
            encoder: Sees the objects' clips for text rules, and for heads that need it; None leaves rules without.
            observe: Told every stage's name and seconds.
            others: Encoders that heads need beside it.
            pose: Finds people's keypoints, for heads and captions; None leaves them without.
            appearance: Says how objects look, for heads that ask; None leaves them without.

        Raises:
            InvalidInput: ``encoder_needed``, ``pose_needed`` or ``appearance_needed``, if a head needs one that is not
                there; ``input_unknown``, if one looks at what nobody gathers.
        """
        self.detector = detector
        self.heads = dict(heads)
        self.encoder = encoder
        self.pose = pose
        self.appearance = appearance
        self._observe = observe
        self._others = tuple(others)
        encoders = {each.name: each for each in (*self._others, *([] if encoder is None else [encoder]))}
        # What text rules look at. Where a head looks at the same, it is gathered once.
        self._ruled = None if encoder is None else ObjectEmbedding(encoder.name)
        needed: list[Input] = [wanted for loaded in self.heads.values() for wanted in loaded.head.inputs]
        if self._ruled is not None:
            needed.append(self._ruled)
        if pose is not None:  # captions say what people do, whether a head looks or not
            needed.append(Keypoints())
        self._gathering = Gathering(needed, Networks(encoders, pose, appearance, detector.recognises))
        self.encoder_identities = tuple(sorted(str(encoders[name]) for name in needed_encoders(heads)))
        self._stands = {name: stands_s(loaded.head.inputs) for name, loaded in self.heads.items()}
        self._vocabulary = None if encoder is None else BankActions(encoder.bank)
        self._terms = Terms({name: loaded.head.terms for name, loaded in heads.items()})
        self._legend = Legend(
            detector.recognises,
            self._terms.sentences,
            self._terms.say,
            self._terms.packs,
            math.inf if encoder is None or encoder.names_from is None else encoder.names_from,
            None if encoder is None else encoder.hash,
        )

    @property
    def pose_identity(self) -> str | None:
        """Name and hash of what finds keypoints, as profiles remember it."""
        return None if self.pose is None else self.pose.identity

    @property
    def appearance_identity(self) -> str | None:
        """Likewise, of what says how objects look."""
        return None if self.appearance is None else self.appearance.identity

    @property
    def windows(self) -> tuple[FrameWindow, ...]:
        """What ingest has to gather of each stream beside its frames."""
        return self._gathering.windows

    def buffers(self) -> Buffers:
        """Empty buffers for a stream, one for each input."""
        return self._gathering.buffers()

    def unobserved(self) -> Stages:
        """The same, telling nobody how long its stages take: for work beside the live one."""
        return Stages(
            self.detector,
            self.heads,
            self.encoder,
            others=self._others,
            pose=self.pose,
            appearance=self.appearance,
        )

    def check(self, profile: Profile) -> None:
        """See that a profile was learned by these heads with this detector, and holds what they need.

        Args:
            profile: Of a stream.

        Raises:
            ProfileError: If not; the message says what was expected and what came.
        """
        wanted = {name: loaded.pack_hash for name, loaded in self.heads.items()}
        got = {name: head.pack_hash for name, head in profile.heads.items()}
        if wanted != got or profile.detector != self.detector.name:
            msg = (
                f"What was learned is for {', '.join(got)} with detector {profile.detector}, and this runs "
                f"{', '.join(wanted)} with detector {self.detector.name}, or another version of them. Enrol again."
            )
            raise ProfileError(msg)
        if profile.encoders != self.encoder_identities:
            expected, came = (", ".join(each) or "none" for each in (self.encoder_identities, profile.encoders))
            msg = f"What was learned is for encoder {came}, and this runs encoder {expected}. Enrol again."
            raise ProfileError(msg)
        for what, learned, runs in (
            ("pose", profile.pose, self.pose_identity),
            ("appearance", profile.appearance, self.appearance_identity),
        ):
            if learned != runs:
                msg = (
                    f"What was learned is for {what} {learned or 'none'}, and this runs {what} {runs or 'none'}. "
                    "Enrol again."
                )
                raise ProfileError(msg)
        for name, loaded in self.heads.items():
            try:
                loaded.head.check(profile.heads[name].arrays)
            except Exception as error:  # whatever a head makes of arrays that it did not fit
                msg = f"profile of {name}: {error}: enrol again"
                raise ProfileOutdated(msg) from error

    def process(self, batch: Sequence[tuple[StreamContext, PreparedFrame]]) -> list[ScoredFrame]:
        """Run one frame each of any streams through all stages.

        Args:
            batch: Each frame with the context of its stream.

        Returns:
            What is said of each frame.
        """
        seeing = []
        for context, frame in batch:
            if frame.sight.blind is None:
                context.enter(frame)
                seeing.append((context, frame))
            else:
                context.pass_over(frame)
        said = iter(self._process(seeing) if seeing else [])
        return [next(said) if frame.sight.blind is None else self._unseen(frame) for _, frame in batch]

    def _unseen(self, frame: PreparedFrame) -> ScoredFrame:
        """What is said of a frame in which nothing can be seen: no detector is asked, and there is no score."""
        nothing = Objects.empty(tuple(self.detector.names))
        return ScoredFrame(frame, ScoredObjects.unscored(nothing, None), self._legend)

    def _process(self, batch: Sequence[tuple[StreamContext, PreparedFrame]]) -> list[ScoredFrame]:
        with self._stage("detect"):
            detected = self.detector.detect([frame for _, frame in batch])
        with self._stage("people"):
            seen = self._people(batch)
        with self._stage("track"):
            tracked = [self._track(*each) for each in zip(batch, detected, strict=True)]
        with self._stage("inputs"):
            observations = self._observations(batch, tracked, seen)
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

    def _people(self, batch: Sequence[tuple[StreamContext, PreparedFrame]]) -> list[FoundPeople | None]:
        """Whom an estimator of whole pictures sees in each frame; None for those that it does not look at."""
        seen: list[FoundPeople | None] = [None] * len(batch)
        if self.pose is None or not self.pose.whole:
            return seen
        asked = [index for index, (context, frame) in enumerate(batch) if context.people.due(frame)]
        if asked:
            pictures = [batch[index][1].frame.image for index in asked]
            found = self.pose.estimate(pictures, [np.zeros((0, 4), np.float32)] * len(asked))
            for index, people in zip(asked, found, strict=True):
                context, frame = batch[index]
                context.people.look(people, frame.frame.pts)
                seen[index] = people
        return seen

    def _track(self, at: tuple[StreamContext, PreparedFrame], objects: Objects) -> Present:
        """Follow what the detector found, and the people of the last look whom it did not find."""
        context, frame = at
        if self.pose is not None and self.pose.whole:
            objects = with_people(objects, context.people.people, self.detector.recognises)
        return context.track(objects, frame, recognised=self.detector.recognises)

    def _observations(
        self,
        batch: Sequence[tuple[StreamContext, PreparedFrame]],
        tracked: Sequence[Present],
        seen: Sequence[FoundPeople | None],
    ) -> list[Observation]:
        """What the heads see of each frame."""
        looks = [
            (context.buffers, Look.at(frame, present.objects, people))
            for (context, frame), present, people in zip(batch, tracked, seen, strict=True)
        ]
        return [
            Observation(
                frame.frame.pts,
                frame.frame.image,
                frame.motion,
                present.objects,
                None if frame.motion is None else context.filter.ignored_mask(*frame.motion.foreground.shape),
                self.detector.recognises,
                inputs,
                present.still_s,
                present.held,
                frame.changes,
                context.since_light_s(frame),
                self._limb_speeds(context, frame, present.objects, inputs),
            )
            for (context, frame), present, inputs in zip(batch, tracked, self._gathering.gather(looks), strict=True)
        ]

    @staticmethod
    def _limb_speeds(
        context: StreamContext, frame: PreparedFrame, objects: Objects, inputs: Mapping[Input, Any]
    ) -> Float32:
        height, width = frame.frame.image.shape[:2]
        return context.limbs.update(objects, inputs.get(Keypoints()), frame.frame.pts, width / height)

    def _features(self, observations: Sequence[Observation]) -> list[dict[str, Arrays]]:
        by_head = {name: loaded.head.features(observations) for name, loaded in self.heads.items()}
        return [{name: rows[index] for name, rows in by_head.items()} for index in range(len(observations))]

    def _fuse(
        self, context: StreamContext, observation: Observation, frame: PreparedFrame, features: dict[str, Arrays]
    ) -> tuple[Scorer, Fused] | None:
        """What the heads say of a frame; None while its stream is not enrolled."""
        context.sample(features, frame, observation.objects.track_ids)
        scorer = context.scorer
        if scorer is None:
            return None
        heads = {
            name: loaded.head.score(features[name], scorer.profile.heads[name].arrays)
            for name, loaded in self.heads.items()
        }
        return scorer, scorer.fuse(heads, observation.objects.boxes, frame.frame.pts, self._stands)

    def _finish(
        self,
        context: StreamContext,
        frame: PreparedFrame,
        observation: Observation,
        scored: tuple[Scorer, Fused] | None,
    ) -> ScoredFrame:
        """Apply the stream's rules, smooth, and put together what is said of the frame."""
        embeddings = None if self._ruled is None else observation.embeddings(self._ruled)
        if scored is None:
            return ScoredFrame(frame, ScoredObjects.unscored(observation.objects, embeddings), self._legend)
        scorer, fused = scored
        objects = self._objects(context, observation, fused, embeddings)
        guided = Guided.unchanged(fused)
        if context.guidance is not None:
            before = unguided_frame(frame, objects, fused, believable=self.detector.recognises or not frame.ghostly)
            guided = guide(context.guidance, before)
            context.guidance.record(before)
        smoothed = scorer.smooth(fused, guided.frame, frame.frame.pts)
        objects, blame = scorer.blame(guided.applied(objects), fused, guided.frame, frame.frame.pts)
        return ScoredFrame(
            frame,
            objects,
            self._legend,
            surprise=smoothed.guided,
            unguided=smoothed.unguided,
            unsmoothed=None if math.isnan(guided.frame) else guided.frame,
            threshold=scorer.threshold,
            blame=blame,
            heads=fused.heads,
            heat=fused.heat,
            covers=fused.covers,
        )

    def _objects(
        self, context: StreamContext, observation: Observation, fused: Fused, embeddings: Float32 | None
    ) -> ScoredObjects:
        """The objects and moving regions of a frame, before any rule."""
        objects, regions = observation.objects, len(fused.regions)
        likeness = self._likeness(fused, embeddings)
        confidences = postures(context, observation)
        return ScoredObjects(
            np.concatenate([objects.boxes, fused.regions]),
            labels_of(objects, regions),
            tracks_of(objects, regions),
            np.arange(len(objects) + regions) >= len(objects),
            fused.surprises,
            fused.surprises,
            {self._terms.names[key]: values for key, values in fused.terms.items()},
            {self._terms.names[key]: values for key, values in fused.measures.items()},
            fused.leading,
            captions(context, observation, fused, self._terms, confidences),
            ((),) * (len(objects) + regions),
            (None,) * (len(objects) + regions),
            None if embeddings is None else with_nothing(embeddings, regions),
            None if likeness is None else likeness.extended(regions),
            with_nothing(confidences, regions),
        )

    def _likeness(self, fused: Fused, embeddings: Float32 | None) -> Likeness | None:
        """What the objects resemble, by a head that knows words, or by the encoder's own bank."""
        if fused.likeness is not None or self._vocabulary is None or embeddings is None:
            return fused.likeness
        return self._vocabulary.likeness(embeddings)

    @contextmanager
    def _stage(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self._observe(name, time.perf_counter() - start)


NO_ENCODER = "none"
"""What a stream or the settings say in place of an encoder's name to have none."""


@dataclass(frozen=True, slots=True)
class EncoderNames:
    """The encoder packs of some stages.

    Attributes:
        ruled: What text rules look through; None for nothing.
        others: What heads need beside it.
    """

    ruled: str | None
    others: tuple[str, ...]

    @classmethod
    def chosen(cls, heads: Mapping[str, LoadedHead], wanted: str | None, default: str = NO_ENCODER) -> EncoderNames:
        """Choose: rules look through what is wanted, else through the first that a head needs, else the default.

        Args:
            heads: By pack name; they get what they need whatever is wanted.
            wanted: A pack's name, ``none``, or None to leave it to the heads.
            default: Where no head needs any, likewise.
        """
        needed = needed_encoders(heads)
        chosen = wanted or next(iter(needed), default)
        ruled = None if chosen == NO_ENCODER else chosen
        return cls(ruled, tuple(name for name in needed if name != ruled))


def needed_encoders(heads: Mapping[str, LoadedHead]) -> tuple[str, ...]:
    """The encoder packs that heads need, each once."""
    wanted = (each for loaded in heads.values() for each in loaded.head.inputs)
    return tuple(dict.fromkeys(each.encoder for each in wanted if isinstance(each, ObjectEmbedding)))
