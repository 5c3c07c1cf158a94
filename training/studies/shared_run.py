"""Several heads over the same footage in one run: decoded, found, followed and described once, then each alone.

Nothing is fused over them. Each is fitted to the same samples and scores the same features, and what it then gives is
what it would have given alone, by the service's own functions; a test holds the two together.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import replace
from typing import Self

import numpy as np

from models.arrays import Arrays, Mask
from models.heads.base import Fitted, Head, HeadScores, Term
from models.inputs import Input
from models.observation import Observation
from models.packs import Pack
from models.runtime import OpenGraph
from models.scoring.smoothing import SMOOTHING_S, CausalSmoother, final_surprise
from service.frames import PreparedFrame
from service.pipeline.offline import OfflinePipeline
from service.pipeline.scored import ScoredFrame
from service.profiles.profile import Profile
from service.profiles.samples import Samples
from training.evaluation.evaluate import Evaluation
from training.evaluation.scored_clip import ScoredClip, SeenFrames

COMPARED = 50
"""Frames of each recording on which a head describes for itself what it is to share: where anything differs, it goes on
doing so."""


class SharedRun(OfflinePipeline):
    """Enrols and scores all heads at once. Its own frames speak of all heads together and are of no use to others."""

    def __init__(self, pipeline: OfflinePipeline, fps: float, threshold: Callable[[Profile], float]) -> None:
        """Take over a pipeline's stages, which must not be used otherwise from then on.

        Args:
            pipeline: With the heads.
            fps: Frames a second looked at.
            threshold: Gives the surprise at which an alert opens under a head's own profile.
        """
        super().__init__(pipeline.stages, fps=fps)
        self._threshold = threshold
        described: dict[str, _Described] = {}
        self._shared: dict[str, _SharedHead] = {}
        for name, loaded in self.stages.heads.items():
            head = _SharedHead(loaded.head, described.setdefault(loaded.head.name, _Described()))
            self._shared[name] = head
            self.stages.heads[name] = replace(loaded, head=head)
        self._profiles: dict[str, dict[str, Profile]] = {}  # by what the joint one is of, by pack
        self._following: dict[str, _Follower] = {}
        self._clips: dict[str, list[ScoredClip]] = {name: [] for name in self._shared}

    def enrol(
        self,
        recordings: Iterable[Iterable[PreparedFrame]],
        origin: str = "files",
        on_frame: Callable[[], object] = lambda: None,
    ) -> Profile:
        """Learn a profile of each head; returns the first one's, with what all of them learned for their scores."""
        samples = self.gather(self._begun(recordings), on_frame=on_frame)
        alone = {name: self._fit_alone(name, samples, origin) for name in self._shared}
        self._profiles[origin] = {name: replace(profile, samples=None) for name, profile in alone.items()}
        heads = {name: profile.heads[name] for name, profile in alone.items()}
        return replace(next(iter(alone.values())), heads=heads)

    def _begun(self, recordings: Iterable[Iterable[PreparedFrame]]) -> Iterator[Iterable[PreparedFrame]]:
        for recording in recordings:
            for head in self._shared.values():
                head.begin()
            yield recording

    def _fit_alone(self, name: str, samples: Samples, origin: str) -> Profile:
        """The profile of one head, as if there were no others."""
        stages = copy(self.stages)
        stages.heads = {name: self.stages.heads[name]}
        return OfflinePipeline(stages, fps=self._fps).fit(samples, origin)

    def score(
        self, frames: Iterable[PreparedFrame], profile: Profile, threshold: float | None = None
    ) -> Iterator[ScoredFrame]:
        """Score one recording under a profile of ``enrol``; what each head says is kept until ``finish``."""
        for head in self._shared.values():
            head.begin()
            head.seconds = 0.0
        self._following = {
            name: _Follower(name, alone, self._threshold(alone))
            for name, alone in self._profiles[profile.origin].items()
        }
        for frame in super().score(frames, profile, threshold):
            for follower in self._following.values():
                follower.add(frame)
            yield frame

    def finish(self, clip: ScoredClip) -> None:
        """Take a clip that all have scored.

        Args:
            clip: As the first of them has it; of its time, which is that of all, each gets what is not of the others.
        """
        seconds = {name: head.seconds for name, head in self._shared.items()}
        for name, follower in self._following.items():
            wall_s = clip.wall_s - sum(seconds.values()) + seconds[name]
            self._clips[name].append(replace(follower.finish(clip), wall_s=wall_s))

    def evaluation(self, name: str, shared: Evaluation) -> Evaluation:
        """What the data set gave under one head.

        Args:
            name: Of its pack.
            shared: What was evaluated, as the first of them has it.
        """
        profiles = {scene: self._profiles[profile.origin][name] for scene, profile in shared.profiles.items()}
        return replace(shared, clips=tuple(self._clips[name]), profiles=profiles)


class _Follower:
    """Smooths and calibrates what one head says of a clip, as the service does."""

    def __init__(self, name: str, profile: Profile, threshold: float) -> None:
        self._name, self._profile, self._threshold = name, profile, threshold
        self._smoother = CausalSmoother(SMOOTHING_S)
        self._epoch: int | None = None
        self._seen = SeenFrames(boxes=False)

    def add(self, frame: ScoredFrame) -> None:
        """Take the next frame; what comes after a gap, or after a time in which nothing could be seen, is new."""
        if frame.surprise is None or frame.source.epoch != self._epoch:
            self._smoother.reset()
        self._epoch = frame.source.epoch
        if frame.surprise is None:
            self._seen.add(replace(frame, threshold=self._threshold))
            return
        said = frame.heads[self._name]
        raw = np.nan if frame.unsmoothed is None else said
        smooth = np.array([self._smoother.update(raw, frame.source.frame.pts)])
        surprise = float(final_surprise(self._profile.fused, smooth, said)[0])
        unsmoothed = None if frame.unsmoothed is None else said
        self._seen.add(
            replace(
                frame,
                surprise=surprise,
                unsmoothed=unsmoothed,
                threshold=self._threshold,
                heads={self._name: said},
            )
        )

    def finish(self, clip: ScoredClip) -> ScoredClip:
        """The clip as the head has it."""
        return replace(
            clip,
            truth=replace(clip.truth, regions=None),
            surprise=self._seen.surprise,
            offline=self._seen.offline(self._profile),
            threshold=self._threshold,
            alerts=self._seen.alerts,
            detections=None,
            unscored=self._seen.unscored,
        )


class _SharedHead:
    """The head of one head. Describes nothing that another one has described alike, and times its scoring."""

    def __init__(self, head: Head, described: _Described) -> None:
        self._head = head
        self._described = described
        self._compared = 0
        self._alone = False
        self.seconds = 0.0
        self.name = head.name
        self.terms: Mapping[str, Term] = head.terms

    @property
    def inputs(self) -> tuple[Input, ...]:
        return self._head.inputs

    @classmethod
    def from_pack(cls, pack: Pack, open_graph: OpenGraph) -> Self:
        raise NotImplementedError  # made of heads that are open

    def begin(self) -> None:
        """A recording starts."""
        self._compared = 0

    def features(self, observations: Sequence[Observation]) -> list[Arrays]:
        if self._alone:
            return self._own(observations)
        shared = self._described.of(observations)
        if shared is None:
            return self._described.keep(observations, self._head.features(observations))
        if self._compared >= COMPARED:
            return shared
        self._compared += 1
        own = self._own(observations)
        self._alone = not all(map(_alike, own, shared))
        return own if self._alone else shared

    def _own(self, observations: Sequence[Observation]) -> list[Arrays]:
        start = time.perf_counter()
        own = self._head.features(observations)
        self.seconds += time.perf_counter() - start
        return own

    def fit(self, samples: Sequence[Arrays], recordings: Sequence[int], normal: Mask | None = None) -> Fitted:
        return self._head.fit(samples, recordings, normal)

    def check(self, profile: Arrays) -> None:
        self._head.check(profile)

    def score(self, features: Arrays, profile: Arrays) -> HeadScores:
        start = time.perf_counter()
        scores = self._head.score(features, profile)
        self.seconds += time.perf_counter() - start
        return scores

    def summary(self, profile: Arrays) -> dict[str, float | str]:
        return self._head.summary(profile)


class _Described:
    """The features of the newest tick, by the first head that was asked."""

    def __init__(self) -> None:
        self._observations: Sequence[Observation] | None = None
        self._features: list[Arrays] = []

    def of(self, observations: Sequence[Observation]) -> list[Arrays] | None:
        return self._features if observations is self._observations else None

    def keep(self, observations: Sequence[Observation], features: list[Arrays]) -> list[Arrays]:
        self._observations, self._features = observations, features
        return features


def _alike(own: Arrays, shared: Arrays) -> bool:
    return own.keys() == shared.keys() and all(np.array_equal(own[name], shared[name]) for name in own)
