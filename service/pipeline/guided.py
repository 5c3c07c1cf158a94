"""Text rules on a frame: what is said of its objects in words, and what the stream's rules make of their surprises."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from models.arrays import Float32, Float64
from models.guidance.captions import SOMETHING, Caption, describe
from models.guidance.effect import guided_frame, guided_objects
from models.guidance.feedback import FeedbackMatch
from models.guidance.rules import Match, Seen
from models.inputs import Keypoints
from models.observation import Observation
from service.frames import PreparedFrame
from service.pipeline.context import Guidance, StreamContext, UnguidedFrame
from service.pipeline.scored import ScoredObjects
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
    surprises: Float64
    matches: tuple[tuple[Match, ...], ...] = ()
    feedback: tuple[FeedbackMatch | None, ...] = ()

    @classmethod
    def unchanged(cls, fused: Fused) -> Guided:
        """A frame of a stream without rules."""
        return cls(fused.frame, fused.surprises)

    def applied(self, objects: ScoredObjects) -> ScoredObjects:
        """The objects and regions with what the rules made of them."""
        return replace(
            objects,
            surprise=self.surprises,
            matches=self.matches or objects.matches,
            feedback=self.feedback or objects.feedback,
        )


def postures(context: StreamContext, observation: Observation) -> Float32:
    """``(N, 6)``, how each of the objects holds itself, by ``models.posture.POSTURES``; NaN where nobody can tell."""
    height, width = observation.image.shape[:2]
    wanted = Keypoints()
    keypoints = observation.keypoints(wanted) if wanted in observation.inputs else None
    return context.postures.update(
        observation.objects, keypoints, observation.pts, width / height, recognised=observation.recognised
    )


def captions(
    context: StreamContext, observation: Observation, fused: Fused, terms: Terms, confidences: Float32
) -> tuple[Caption, ...]:
    """What is known in words of each of the ``N`` objects and ``M`` regions.

    Args:
        context: Of the stream.
        observation: Of the frame.
        fused: What the heads said of it.
        terms: The heads'.
        confidences: ``(N, 6)``, of ``postures``.
    """
    height, width = observation.image.shape[:2]
    objects = observation.objects
    velocities = context.velocities.update(objects, observation.pts, width / height)
    described = describe(
        objects,
        velocities,
        width / height,
        terms.facts(fused.terms, len(objects)),
        context.filter.places(objects),
        confidences,
        recognised=observation.recognised,
    )
    return (*described, *(SOMETHING for _ in fused.regions))


def unguided_frame(frame: PreparedFrame, objects: ScoredObjects, fused: Fused, *, believable: bool) -> UnguidedFrame:
    """A frame as rules see it and as it is remembered.

    Args:
        frame: With its clocks.
        objects: Its objects and moving regions.
        fused: What the heads said of it.
        believable: Whether it can be part of an incident.
    """
    clocks = frame.frame
    nothing = np.zeros((len(objects), 0), np.float32)
    embeddings = nothing if objects.embeddings is None else objects.embeddings
    return UnguidedFrame(
        Seen(objects.boxes, embeddings, objects.captions, objects.unguided),
        fused.frame,
        fused.calm,
        clocks.captured_at,
        clocks.pts,
        frame.epoch,
        objects.track_ids.tolist(),
        objects.labels,
        clocks.image,
        believable,
    )


def guide(guidance: Guidance, frame: UnguidedFrame) -> Guided:
    """Apply the rules of a stream to a frame."""
    seen = frame.seen
    judgement = guidance.judge(seen, frame.at)
    guided = guided_objects(seen.surprise, judgement)
    surprise = guided_frame(frame.surprise, seen.surprise, guided)
    return Guided(surprise, guided, judgement.matches, judgement.feedback)
