"""Text rules on a frame: what is said of its objects in words, and what the stream's rules make of their surprises."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.observation import Observation
from models.scoring.caption import SOMETHING, Caption, describe
from models.scoring.guidance import Match, Seen, guided_frame, guided_objects
from service.ingest.frame import PreparedFrame
from service.pipeline.context import Guidance, StreamContext
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
    """

    frame: float
    surprises: NDArray[np.float64]
    matches: tuple[tuple[Match, ...], ...] = ()


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


def guide(
    guidance: Guidance,
    frame: PreparedFrame,
    observation: Observation,
    fused: Fused,
    said: tuple[Caption, ...],
) -> Guided:
    """Apply the rules of a stream to a frame, and let it remember the frame.

    Args:
        guidance: The rules.
        frame: With its clocks.
        observation: What the heads saw of it.
        fused: What they said of it.
        said: ``captions``.
    """
    seen = _seen(observation, fused, said)
    clocks = frame.frame
    judgement = guidance.judge(seen, clocks.captured_at)
    objects, regions = observation.objects, len(fused.regions)
    guidance.record(
        seen,
        fused.frame,
        at=clocks.captured_at,
        pts=clocks.pts,
        epoch=frame.epoch,
        tracks=[*objects.track_ids.tolist(), *[-1] * regions],
        labels=[*map(objects.label, range(len(objects))), *[REGION] * regions],
        image=clocks.image,
    )
    guided = guided_objects(fused.surprises, judgement)
    silent = np.isnan(fused.surprises) & (judgement.lift == 0)
    score = guided_frame(0.0 if math.isnan(fused.frame) else fused.frame, fused.surprises, guided)
    # Where the heads say nothing of the frame, only a lift does.
    unknown = math.isnan(fused.frame) and not (judgement.lift > 0).any()
    return Guided(math.nan if unknown else score, np.where(silent, np.nan, guided), judgement.matches)


def _seen(observation: Observation, fused: Fused, said: tuple[Caption, ...]) -> Seen:
    video = np.zeros((len(said), 0), np.float32)
    if observation.video is not None:
        nothing = np.full((len(fused.regions), observation.video.shape[1]), np.nan, np.float32)
        video = np.concatenate([observation.video, nothing])
    return Seen(np.concatenate([observation.objects.boxes, fused.regions]), video, said, fused.surprises)
