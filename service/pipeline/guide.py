"""Text rules on a frame: what is said of its objects in words, and what the stream's rules make of their surprises."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.guidance.captions import SOMETHING, Caption, describe
from models.guidance.effect import guided_frame, guided_objects
from models.guidance.feedback import FeedbackMatch
from models.guidance.rules import Match, Seen
from models.observation import UNTRACKED, Observation
from service.frames import PreparedFrame
from service.pipeline.context import Guidance, StreamContext, Unguided
from service.pipeline.scored import REGION
from service.pipeline.scoring import Fused
from service.pipeline.terms import Terms


@dataclass(frozen=True, slots=True)
class Guided:
    """A frame under the rules of its stream: ``N`` objects, then ``M`` moving regions.

    Attributes:
        frame: Its surprise, before smoothing; NaN when nothing is said of it.
        surprises: ``(N + M,)`` float64; NaN where nothing is said.
        matches: ``N + M``, the rules that each matched; empty without rules.
        feedback: ``N + M``, the false alarm that each is like; empty where nothing was taught.
    """

    frame: float
    surprises: NDArray[np.float64]
    matches: tuple[tuple[Match, ...], ...] = ()
    feedback: tuple[FeedbackMatch | None, ...] = ()


def captions(context: StreamContext, observation: Observation, fused: Fused, terms: Terms) -> tuple[Caption, ...]:
    """What is known in words of each of the ``N`` objects and ``M`` regions; ``terms`` are the heads'."""
    height, width = observation.image.shape[:2]
    objects = observation.objects
    velocities = context.velocities.update(objects, observation.pts, width / height)
    described = describe(
        objects,
        velocities,
        width / height,
        terms.facts(fused.terms, len(objects)),
        context.filter.places(objects),
        recognised=observation.recognised,
    )
    return (*described, *(SOMETHING for _ in fused.regions))


def unguided(frame: PreparedFrame, observation: Observation, fused: Fused, said: tuple[Caption, ...]) -> Unguided:
    """A frame as rules see it and as it is remembered.

    Args:
        frame: With its clocks.
        observation: What the heads saw of it.
        fused: What they said of it.
        said: ``captions``.
    """
    objects, regions, clocks = observation.objects, len(fused.regions), frame.frame
    return Unguided(
        _seen(observation, fused, said),
        fused.frame,
        fused.calm,
        clocks.captured_at,
        clocks.pts,
        frame.epoch,
        [*objects.track_ids.tolist(), *[UNTRACKED] * regions],
        [*map(objects.label, range(len(objects))), *[REGION] * regions],
        clocks.image,
    )


def guide(guidance: Guidance, frame: Unguided) -> Guided:
    """Apply the rules of a stream to a frame."""
    seen = frame.seen
    judgement = guidance.judge(seen, frame.at)
    guided = guided_objects(seen.surprise, judgement)
    surprise = guided_frame(frame.surprise, seen.surprise, guided)
    return Guided(surprise, guided, judgement.matches, judgement.feedback)


def _seen(observation: Observation, fused: Fused, said: tuple[Caption, ...]) -> Seen:
    embeddings = np.zeros((len(said), 0), np.float32)
    if observation.video is not None:
        nothing = np.full((len(fused.regions), observation.video.shape[1]), np.nan, np.float32)
        embeddings = np.concatenate([observation.video, nothing])
    return Seen(np.concatenate([observation.objects.boxes, fused.regions]), embeddings, said, fused.surprises)
