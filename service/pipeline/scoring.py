"""From raw scores to the one that counts: calibrate, fuse over heads, smooth causally, calibrate again."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from models.arrays import Float32
from models.boxes import share_within
from models.heads.base import HeadScores, Likeness
from models.scoring.smoothing import SMOOTHING_S, CausalSmoother, final_surprise
from service.pipeline.culprit import MOSTLY, Blame, Culprits, holding, hottest, maker_of
from service.pipeline.scored import ScoredObjects
from service.pipeline.terms import TermKey
from service.profiles.profile import Profile

logger = logging.getLogger(__name__)

SHOWN_REGIONS = 3
"""Moving regions of a frame that count: the most unusual ones; each is where a person would look first."""


@dataclass(frozen=True, slots=True)
class Fused:
    """The surprises of one frame over all heads, before guidance and smoothing: ``N`` objects and ``M`` regions.

    Attributes:
        frame: Of the frame; NaN when no head could say anything of it.
        heads: Each head's.
        regions: ``(M, 4)`` float32, boxes of moving regions that hold no object, the most unusual first.
        surprises: ``(N + M,)`` float64, of the objects, then of the regions; the largest over heads, NaN where none
            says anything. A region's evidence has gone to the object it is of.
        accused: ``(N + M,)`` float64, what the head that the frame's surprise is of says of each; NaN where it says
            nothing, and everywhere if it speaks of the picture as a whole.
        leading: ``N + M``, the head that finds each most unusual; None where none says anything.
        terms: Of all heads, ``(N + M,)`` float32, NaN where one says nothing.
        measures: Of all heads' terms that say how far, likewise.
        likeness: What the objects resemble: of the heads that know words, by the one that finds the frame most unusual,
            as the score is its own.
        heat: ``(h, w)`` float32 in [0, 1], of the head that the frame's surprise is of; None where it gives none.
        covers: Of the same head, the presentation times (seconds) that it speaks of.
    """

    frame: float
    heads: dict[str, float]
    regions: NDArray[np.float32]
    surprises: NDArray[np.float64]
    accused: NDArray[np.float64]
    leading: tuple[str | None, ...]
    terms: dict[TermKey, NDArray[np.float32]]
    measures: dict[TermKey, NDArray[np.float32]]
    likeness: Likeness | None = None
    heat: Float32 | None = None
    covers: tuple[float, float] | None = None

    @property
    def calm(self) -> float:
        """What a frame counts as of which nothing can be said, where nothing was said before it either."""
        return max(self.heads.values())


@dataclass(frozen=True, slots=True)
class Smoothed:
    """A frame's surprise, -log10(p), unclipped, with text rules and without."""

    guided: float
    unguided: float


class Scorer:
    """One stream's scoring under its profile; keeps the state of the smoothing. Not thread-safe."""

    def __init__(self, profile: Profile, threshold: float | None = None) -> None:
        """Score under a profile.

        Args:
            profile: Of the stream.
            threshold: The surprise at which an alert opens; may be set anew at any time.
        """
        self.profile = profile
        self.threshold = threshold
        self._said: dict[str, tuple[float, HeadScores]] = {}
        self._unsound: set[str] = set()
        self._guided = CausalSmoother(SMOOTHING_S)
        self._unguided = CausalSmoother(SMOOTHING_S)
        self._culprits = Culprits()

    def reset(self) -> None:
        """Forget the past, after a gap."""
        self._said.clear()
        self._guided.reset()
        self._unguided.reset()
        self._culprits.reset()

    def fuse(
        self,
        heads: Mapping[str, HeadScores],
        boxes: NDArray[np.float32],
        pts: float,
        stands: Mapping[str, float],
    ) -> Fused:
        """Calibrate what the heads say of a frame, and fuse it.

        Args:
            heads: By pack name.
            boxes: ``(N, 4)`` of the objects that they scored.
            pts: Presentation time of the frame in seconds.
            stands: For each head the seconds for which its last word holds where it says nothing, as
                ``models.inputs.stands_s`` has it; ``models.scoring.smoothing.hold`` does the same to a series.
        """
        heads = self._standing({name: self._sound(name, scores) for name, scores in heads.items()}, pts, stands)
        calibrations = {name: self.profile.heads[name].calibration for name in heads}
        surprises = {name: float(calibrations[name].surprise(scores.frame)) for name, scores in heads.items()}
        informed = [name for name, scores in heads.items() if scores.informative]
        most = max(informed, key=surprises.__getitem__, default=None)
        objects = {name: calibrations[name].surprise(scores.objects) for name, scores in heads.items()}
        things = _Things(boxes, objects, heads)
        regions = [
            (float(calibrations[name].surprise(float(score))), name, index)
            for name, scores in heads.items()
            for index, score in enumerate(scores.region_scores)
        ]
        regions.sort(key=lambda region: -region[0])
        for surprise, name, index in regions[:SHOWN_REGIONS]:
            things.attribute(surprise, name, index)
        known = {name: scores.likeness for name, scores in heads.items() if scores.likeness is not None}
        likeness = known[max(known, key=surprises.__getitem__)] if known else None
        return Fused(
            math.nan if most is None else surprises[most],
            surprises,
            regions=things.regions,
            surprises=things.surprises,
            accused=things.surprises_of(most),
            leading=things.leading,
            terms=things.terms,
            measures=things.measures,
            likeness=likeness,
            heat=None if most is None else heads[most].heat,
            covers=None if most is None else heads[most].covers,
        )

    def _sound(self, name: str, scores: HeadScores) -> HeadScores:
        """What can be used of what a head says. What cannot is logged once, and counts as nothing said."""
        if not math.isfinite(scores.frame):
            self._warn(name, f"expected a finite score of a frame, got {scores.frame}")
            return replace(scores, frame=-math.inf, informative=False, heat=None)
        if scores.heat is None:
            return scores
        heat = _sound_heat(scores.heat)
        if heat is None:
            self._warn(name, f"expected heat as a table of finite numbers, got shape {np.shape(scores.heat)}")
        return replace(scores, heat=heat)

    def _warn(self, name: str, what: str) -> None:
        """Say once of a head that what it says is not used: it would be said of every frame."""
        if name not in self._unsound:
            self._unsound.add(name)
            logger.warning("head %s: %s", name, what)

    def _standing(
        self, heads: Mapping[str, HeadScores], pts: float, stands: Mapping[str, float]
    ) -> dict[str, HeadScores]:
        """What each head says of the frame, or said last of the picture if it says nothing and that still stands.

        With its regions: they are where the surprise comes from, in alerts and for text rules, as the heat is. What it
        said of objects does not stand, since they are others now.
        """
        standing = dict(heads)
        for name, scores in heads.items():
            if scores.informative:
                self._said[name] = pts, scores
                continue
            said_at, last = self._said.get(name, (-math.inf, scores))
            if pts - said_at <= stands[name]:
                standing[name] = replace(
                    scores,
                    frame=last.frame,
                    regions=last.regions,
                    region_scores=last.region_scores,
                    region_terms=last.region_terms,
                    region_measures=last.region_measures,
                    informative=True,
                    heat=last.heat,
                    covers=last.covers,
                )
        return standing

    def smooth(self, fused: Fused, guided: float, pts: float) -> Smoothed:
        """Smooth and calibrate the frame at ``pts`` seconds, as its rules left it and without them.

        A frame of which no head can say anything (the first one, a disturbed one) keeps the smoothed value; where
        there is none yet it counts as a calm one. ``smooth_series`` and ``final_surprise`` do the same to many frames.

        Args:
            fused: What the heads say.
            guided: Its ``frame`` under the stream's text rules.
            pts: Presentation time.
        """
        smooth = np.array([self._guided.update(guided, pts), self._unguided.update(fused.frame, pts)])
        return Smoothed(*final_surprise(self.profile.fused, smooth, fused.calm).tolist())

    def blame(self, objects: ScoredObjects, fused: Fused, guided: float, pts: float) -> tuple[ScoredObjects, Blame]:
        """Say who made a frame's score; once a frame, in their order, as ``smooth``.

        Where the head that the score is of speaks of the picture as a whole and tells where it is hot, that is the
        object there, or a region of its own behind the others, which is as unusual as the frame.

        Args:
            objects: Of the frame, its rules applied.
            fused: What the heads say.
            guided: The frame's surprise under its rules, before smoothing; NaN for none.
            pts: Presentation time, seconds.
        """
        maker = maker_of(fused.accused, objects.unguided, objects.surprise, guided)
        if maker is None and fused.heat is not None and guided > 0:
            place = hottest(fused.heat)
            maker = None if place is None else holding(objects.boxes, place)
            if place is not None and maker is None:
                objects = objects.with_region(place, guided)
                maker = len(objects) - 1
        return objects, self._culprits.update(objects.boxes, objects.track_ids, maker, guided, pts)


class _Things:
    """The objects of a frame, and the moving regions that turn out to hold none of them."""

    def __init__(
        self,
        boxes: NDArray[np.float32],
        objects: Mapping[str, NDArray[np.float64]],
        heads: Mapping[str, HeadScores],
    ) -> None:
        self._boxes = boxes
        self._objects = {name: np.array(values, np.float64) for name, values in objects.items()}
        self._heads = heads
        self._terms = {
            (head, name): values.copy() for head, scores in heads.items() for name, values in scores.terms.items()
        }
        self._measures = {
            (head, name): values.copy() for head, scores in heads.items() for name, values in scores.measures.items()
        }
        self._left: list[_Region] = []

    def attribute(self, surprise: float, head: str, index: int) -> None:
        """Give the evidence of a head's region to the object that it is of.

        A region covers what moves without knowing where it ends; the most unusual object that lies mostly within it
        is what people should look at. Only regions that hold no object stay.
        """
        scores = self._heads[head]
        terms = {(head, name): float(values[index]) for name, values in scores.region_terms.items()}
        measures = {(head, name): float(values[index]) for name, values in scores.region_measures.items()}
        within = np.flatnonzero(share_within(self._boxes, scores.regions[index]) >= MOSTLY)
        if not len(within):
            self._left.append(_Region(surprise, head, scores.regions[index], terms, measures))
            return
        own = np.nan_to_num(np.fmax.reduce([values[within] for values in self._objects.values()]))
        most = within[own.argmax()]
        if surprise > own.max():
            self._objects[head][most] = surprise
            for columns, values in ((self._terms, terms), (self._measures, measures)):
                for name, value in values.items():
                    columns.setdefault(name, np.full(len(self._boxes), np.nan, np.float32))[most] = value

    @property
    def regions(self) -> NDArray[np.float32]:
        """``(M, 4)`` boxes of the regions that are left."""
        return np.array([region.box for region in self._left], np.float32).reshape(-1, 4)

    @property
    def surprises(self) -> NDArray[np.float64]:
        """``(N + M,)`` of the objects and of these regions, the largest over heads."""
        objects = np.fmax.reduce(list(self._objects.values()))
        return np.append(objects, [region.surprise for region in self._left])

    def surprises_of(self, head: str | None) -> NDArray[np.float64]:
        """``(N + M,)`` what one head says of them; NaN where it says nothing, as None always does."""
        objects = np.full(len(self._boxes), np.nan) if head is None else self._objects[head]
        return np.append(objects, [region.surprise if region.head == head else np.nan for region in self._left])

    @property
    def leading(self) -> tuple[str | None, ...]:
        """``N + M``, the head that finds each most unusual; of equal ones the first."""
        names = list(self._objects)
        values = np.stack([np.nan_to_num(of, nan=-1.0) for of in self._objects.values()])
        chosen = zip(values.argmax(axis=0).tolist(), values.max(axis=0).tolist(), strict=True)
        objects = tuple(names[index] if surprise >= 0 else None for index, surprise in chosen)
        return (*objects, *(region.head for region in self._left))

    @property
    def terms(self) -> dict[TermKey, NDArray[np.float32]]:
        """Of all heads, ``(N + M,)``."""
        return self._joined(self._terms, [region.terms for region in self._left])

    @property
    def measures(self) -> dict[TermKey, NDArray[np.float32]]:
        """Of all heads, ``(N + M,)``."""
        return self._joined(self._measures, [region.measures for region in self._left])

    def _joined(
        self, objects: Mapping[TermKey, NDArray[np.float32]], regions: Sequence[Mapping[TermKey, float]]
    ) -> dict[TermKey, NDArray[np.float32]]:
        """Columns of the objects with what is known of the regions behind them."""
        nothing = np.full(len(self._boxes), np.nan, np.float32)
        return {
            name: np.append(objects.get(name, nothing), [region.get(name, np.nan) for region in regions]).astype(
                np.float32
            )
            for name in dict.fromkeys([*objects, *(name for region in regions for name in region)])
        }


@dataclass(frozen=True, slots=True)
class _Region:
    """A region that holds no object: what its head says of it."""

    surprise: float
    head: str
    box: NDArray[np.float32]
    terms: dict[TermKey, float]
    measures: dict[TermKey, float]


def _sound_heat(heat: Float32) -> Float32 | None:
    """Heat in [0, 1]; None if it is no table of finite numbers, which nobody could draw."""
    table = np.asarray(heat)
    if table.ndim != 2 or not table.size or not np.isfinite(table).all():
        return None
    return np.clip(table, 0.0, 1.0).astype(np.float32)
