"""The stages that every frame passes after ingest, in their order, over all streams of a tick together."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from models.heads.base import Arrays, HeadScores
from models.observation import Objects, Observation
from service.contracts.score import ScoredObject
from service.contracts.stream import StreamState
from service.engine.detectors.base import Detector
from service.ingest.frame import PreparedFrame
from service.pipeline.context import StreamContext
from service.pipeline.enrolment import LoadedHead
from service.pipeline.profile import Profile
from service.pipeline.scored import ScoredFrame, display
from service.pipeline.scoring import Fused

MOTION_LABEL = "motion"
"""Label of a moving region that no detector named."""

Corners = tuple[float, float, float, float]

MOSTLY = 0.5
"""An object lies in a region if at least this share of its box does."""

SHOWN_REGIONS = 3
"""Moving regions in a score message: the most unusual ones; each is where a person would look first."""


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
                observe(context, frame, objects) for (context, frame), objects in zip(batch, tracked, strict=True)
            ]
        with self._stage("features"):
            features = self._features(observations)
        with self._stage("score"):
            return [
                self._score(context, frame, objects, described)
                for (context, frame), objects, described in zip(batch, tracked, features, strict=True)
            ]

    def _features(self, observations: Sequence[Observation]) -> list[dict[str, Arrays]]:
        by_head = {name: loaded.head.features(observations) for name, loaded in self.heads.items()}
        return [{name: rows[index] for name, rows in by_head.items()} for index in range(len(observations))]

    def _score(
        self, context: StreamContext, frame: PreparedFrame, objects: Objects, features: dict[str, Arrays]
    ) -> ScoredFrame:
        context.sample(features, frame)
        scorer = context.scorer
        if scorer is None:
            return ScoredFrame(frame, objects, context.state, scored=unscored(objects))
        heads = {
            name: loaded.head.score(features[name], scorer.profile.heads[name].arrays)
            for name, loaded in self.heads.items()
        }
        fused = scorer.score(heads, frame.frame.pts)
        return ScoredFrame(
            frame,
            objects,
            StreamState.LIVE,
            surprise=fused.surprise,
            raw_surprise=fused.raw_surprise,
            threshold=scorer.threshold,
            heads=fused.heads,
            scored=attributed(scored_objects(objects, fused, heads), scored_regions(heads, scorer.profile)),
        )

    @contextmanager
    def _stage(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self._observe(name, time.perf_counter() - start)


def observe(context: StreamContext, frame: PreparedFrame, objects: Objects) -> Observation:
    """What the heads see of a frame."""
    motion = frame.motion
    ignored = None if motion is None else context.filter.ignored_mask(*motion.foreground.shape)
    return Observation(frame.frame.pts, frame.frame.image, motion, objects, ignored)


def unscored(objects: Objects) -> tuple[ScoredObject, ...]:
    """Objects with no scores, so that boxes can be shown while a stream is not enrolled."""
    return tuple(_object(objects, index, None, {}) for index in range(len(objects)))


def scored_objects(objects: Objects, fused: Fused, heads: Mapping[str, HeadScores]) -> tuple[ScoredObject, ...]:
    """Objects with their surprise and, per attribute of all heads, how far from normal they are."""
    terms = [(name, values) for scores in heads.values() for name, values in scores.terms.items()]
    return tuple(
        _object(objects, index, float(fused.objects[index]), {name: float(values[index]) for name, values in terms})
        for index in range(len(objects))
    )


def scored_regions(heads: Mapping[str, HeadScores], profile: Profile) -> tuple[ScoredObject, ...]:
    """The most unusual moving regions, over all heads."""
    regions = []
    for name, scores in heads.items():
        surprises = np.asarray(profile.heads[name].calibration.surprise(scores.region_scores))
        for index, surprise in enumerate(surprises):
            terms = {term: float(values[index]) for term, values in scores.region_terms.items()}
            regions.append((float(surprise), scores.regions[index], terms))
    regions.sort(key=lambda region: -region[0])
    return tuple(
        ScoredObject(
            track_id=None, box=_box(box), label=MOTION_LABEL, score=display(surprise), raw_score=surprise, terms=terms
        )
        for surprise, box, terms in regions[:SHOWN_REGIONS]
    )


def attributed(objects: Sequence[ScoredObject], regions: Sequence[ScoredObject]) -> tuple[ScoredObject, ...]:
    """Objects, then regions, where a region's evidence goes to the object that it is of.

    A region covers what moves without knowing where it ends; the most unusual object that lies mostly within it is
    what people should look at. Only regions that hold no object stay.
    """
    result = list(objects)
    left = []
    for region in regions:
        within = [index for index, one in enumerate(result) if _share_within(one.box, region.box) >= MOSTLY]
        if not within:
            left.append(region)
            continue
        index = max(within, key=lambda index: result[index].raw_score or 0.0)
        if (region.raw_score or 0.0) > (result[index].raw_score or 0.0):
            terms = {**result[index].terms, **region.terms}
            scores = {"score": region.score, "raw_score": region.raw_score, "terms": terms}
            result[index] = result[index].model_copy(update=scores)
    return (*result, *left)


def _share_within(box: Corners, other: Corners) -> float:
    """The share of a box (x, y, width, height) that lies within another."""
    width = min(box[0] + box[2], other[0] + other[2]) - max(box[0], other[0])
    height = min(box[1] + box[3], other[1] + other[3]) - max(box[1], other[1])
    area = box[2] * box[3]
    return max(0.0, width) * max(0.0, height) / area if area > 0 else 0.0


def _object(objects: Objects, index: int, surprise: float | None, terms: dict[str, float]) -> ScoredObject:
    track_id = int(objects.track_ids[index])
    return ScoredObject(
        track_id=track_id if track_id >= 0 else None,
        box=_box(objects.boxes[index]),
        label=objects.label(index),
        score=None if surprise is None else display(surprise),
        raw_score=surprise,
        terms=terms,
    )


def _box(box: NDArray[np.float32]) -> tuple[float, float, float, float]:
    x, y, width, height = (round(float(value), 4) for value in box)
    return x, y, width, height
