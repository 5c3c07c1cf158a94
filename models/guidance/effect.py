"""What rules do to the scores of the objects that they match, whichever way they were matched.

Heads are not asked again. A rule gives an object relief (what it is unusual for does not count) or lift (a surprise
that it reaches at least), both bounded; ``guided_objects`` and ``guided_frame`` apply them, live, in previews and in
studies alike.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from models.arrays import Float32, Float64, Floating, Index, Mask
from models.guidance.feedback import FeedbackMatch
from models.guidance.rules import Match

LIFT = 6.0
"""The surprise that an object reaches which an anomaly rule of strength 1 matches surely: score 1, the most that a
frame can weigh in smoothing (``models.scoring.smoothing.MAX_SURPRISE``)."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What each of ``R`` rules would do to each of ``N`` objects, were it the only one.

    Attributes:
        relief: ``(N, R)`` in [0, 1], the share of its surprise that it relieves the object of if it says normal.
        lift: ``(N, R)``, the surprise that the object reaches at least if it says anomaly.
    """

    relief: Floating
    lift: Floating


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the rules, and what false alarms taught, say of ``N`` objects.

    Attributes:
        relief: ``(N,)`` float64 in [0, 1], the share of its surprise that an object is relieved of.
        lift: ``(N,)`` float64 in [0, ``LIFT``], the surprise that it reaches at least; 0 for none.
        matches: For each object the rules that matched, most similar first.
        feedback: For each object the false alarm that it is most like, None if it is like none; empty where nothing was
            taught.
    """

    relief: Float64
    lift: Float64
    matches: tuple[tuple[Match, ...], ...]
    feedback: tuple[FeedbackMatch | None, ...] = ()

    @classmethod
    def nothing(cls, count: int) -> Judgement:
        """Of ``count`` objects that no rule says anything of."""
        return cls(np.zeros(count), np.zeros(count), ((),) * count)


def reconciled(weights: Float32, normal: Mask) -> Float32:
    """How far each rule counts where rules contradict each other: as far as none before it says the opposite.

    Args:
        weights: ``(N, R)`` in [0, 1], how far each rule would act on each object by itself; rules in the order of
            their precedence.
        normal: ``(R,)``, which of them say normal.

    Returns:
        ``(N, R)`` in [0, 1].
    """
    against_normal = np.maximum.accumulate(np.where(normal, 0.0, weights), axis=1)
    against_anomaly = np.maximum.accumulate(np.where(normal, weights, 0.0), axis=1)
    return np.asarray(weights * (1.0 - np.where(normal, against_normal, against_anomaly)), np.float32)


def strongest(effect: Effect, weights: Float32, normal: Mask) -> tuple[Float64, Float64]:
    """The greatest relief and the greatest lift that any rule gives each object.

    Args:
        effect: Of ``R`` rules on ``N`` objects.
        weights: ``(N, R)``, from ``reconciled``; a rule that does not count lifts nothing.
        normal: ``(R,)``, which of them say normal.

    Returns:
        Relief ``(N,)`` in [0, 1] and lift ``(N,)`` in [0, ``LIFT``].
    """
    relief = np.where(normal, effect.relief, 0.0).max(axis=1)
    lift = np.minimum(np.where(~normal & (weights > 0), effect.lift, 0.0).max(axis=1), LIFT)
    return relief.astype(np.float64), lift.astype(np.float64)


def guided_objects(surprise: Float64, judgement: Judgement) -> Float64:
    """``(N,)`` surprises with the rules applied: relieved of their share, and at least what they are lifted to.

    NaN stays where nothing is known, but for a lift.
    """
    guided = np.maximum(np.nan_to_num(surprise) * (1.0 - judgement.relief), judgement.lift)
    return np.where(np.isnan(surprise) & (judgement.lift == 0), np.nan, guided)


def guided_frame(frame: float, surprise: Float64, guided: Float64) -> float:
    """A frame's surprise with the rules applied to its objects.

    It falls by as much as its most unusual object does, no further: evidence that belongs to no object, or to one that
    was not relieved, stays. And it is at least that of every object that a rule lifted.

    Args:
        frame: Fused over heads, before smoothing; NaN where no head says anything of it, which only a lift changes.
        surprise: ``(N,)``, of its objects and of moving regions that are no object's.
        guided: ``(N,)``, the same from ``guided_objects``.
    """
    before, after = np.nan_to_num(surprise), np.nan_to_num(guided)
    fall = max(0.0, float(before.max(initial=0.0)) - float(after.max(initial=0.0)))
    lifted = float(after[after > before].max(initial=0.0))
    if math.isnan(frame):
        return lifted if lifted > 0 else math.nan
    return max(0.0, frame - fall, lifted)


def guided_frames(frames: Float64, of: Index, surprise: Float64, guided: Float64) -> Float64:
    """``(F,)`` surprises of many frames by ``guided_frame``.

    Args:
        frames: ``(F,)``, as for one.
        of: ``(N,)`` ascending, the frame that each object is of.
        surprise: ``(N,)``, of the objects of all frames.
        guided: ``(N,)``, the same from ``guided_objects``.
    """
    result = frames.copy()
    touched = np.unique(of[np.nan_to_num(surprise) != np.nan_to_num(guided)])
    starts, ends = np.searchsorted(of, touched), np.searchsorted(of, touched, side="right")
    for frame, start, end in zip(touched.tolist(), starts.tolist(), ends.tolist(), strict=True):
        result[frame] = guided_frame(frames[frame], surprise[start:end], guided[start:end])
    return result
