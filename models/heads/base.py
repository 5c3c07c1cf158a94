"""The interface of an anomaly head."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from models.arrays import Arrays, Float32, Float64, Index, Mask
from models.guidance.vocabulary import Unusual
from models.inputs import Input
from models.observation import Observation
from models.packs import Pack
from models.runtime import OpenGraph


@dataclass(frozen=True, slots=True)
class Term:
    """One way in which a head finds objects unusual, and how people and text rules are told of it.

    Attributes:
        sentence: What alerts say of an object that stands out by it, after its name or alone: "moving unusually fast".
        fact: What is then true of the object, for captions and rules; None if it is nothing that they know.
        threshold: Evidence of it from which that is true, on the head's own scale.
        say: The same as ``sentence`` with how far in it, such as "moving about 3 times as fast as is usual there", of
            the head's ``measures`` of the term; None where it gives none.
    """

    sentence: str
    fact: Unusual | None = None
    threshold: float = math.inf
    say: Callable[[float], str] | None = None


@dataclass(frozen=True, slots=True)
class Likeness:
    """What each of ``N`` objects resembles, in words.

    Attributes:
        phrases: The vocabulary that the indices are of.
        actions: ``(N, A)`` intp, the phrases each object resembles most, most first; -1 where nothing is known of it.
        similarities: ``(N, A)`` float32, cosine with each of them, in [-1, 1]; NaN where nothing is known.
        modes: ``(N,)`` intp, the name of the nearest normal mode: the phrase that mode resembles most; or -1.
        distances: ``(N,)`` float32, cosine distance to that mode, in [0, 2]; NaN where nothing is known.
    """

    phrases: tuple[str, ...]
    actions: Index
    similarities: Float32
    modes: Index
    distances: Float32

    def __getitem__(self, keep: Mask | Index | slice) -> Likeness:
        """Of the chosen objects, by mask, indices or slice."""
        return Likeness(
            self.phrases, self.actions[keep], self.similarities[keep], self.modes[keep], self.distances[keep]
        )

    def extended(self, count: int) -> Likeness:
        """With ``count`` objects more, of which nothing is known."""
        width = self.actions.shape[1]
        return Likeness(
            self.phrases,
            np.concatenate([self.actions, np.full((count, width), -1, np.intp)]),
            np.concatenate([self.similarities, np.full((count, width), np.nan, np.float32)]),
            np.append(self.modes, np.full(count, -1, np.intp)),
            np.append(self.distances, np.full(count, np.nan, np.float32)),
        )


@dataclass(frozen=True, slots=True)
class Fitted:
    """What a head learned from ``N`` normal frames.

    Attributes:
        arrays: The head's part of a profile.
        raw: ``(N,)`` float64, the raw score of each frame from a fit that had not seen its stretch of time, for
            calibration; NaN for a frame that was left out: of an odd event, or without motion.
        recordings: ``(N,)`` int64, the number of the unbroken recording that each frame came from.
    """

    arrays: Arrays
    raw: Float64
    recordings: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class HeadScores:
    """What a head says of one frame with ``N`` objects. All raw scores of a head share one scale.

    Attributes:
        frame: Raw score of the frame; finite, higher is more unusual, also when nothing is in view.
        objects: ``(N,)`` float32, raw score of each object of the observation, in its order; NaN where the head has
            nothing to say of it.
        regions: ``(M, 4)`` float32, boxes (x, y, w, h in 0..1) of moving regions that carry evidence of
            their own, so that an alert can show where even if the detector saw no object. Largest first.
        region_scores: ``(M,)`` float32.
        terms: Of the head's terms, the ``(N,)`` float32 evidence behind ``objects``: why a score is high.
        region_terms: The same for ``regions``, each ``(M,)``.
        measures: Of terms that say how far, the ``(N,)`` float32 numbers that people understand, such as how many times
            as fast; NaN where there is none.
        region_measures: The same for ``regions``, each ``(M,)``.
        likeness: What the objects resemble, where the head knows words.
        informative: False when the frame said nothing (the first after a gap, a disturbed one, one between two
            evaluations of a window): its scores are then those of a calm frame, and smoothing passes over it.
        heat: ``(h, w)`` float32 in [0, 1] over the picture, how much of the frame's score comes from where; None where
            the head does not tell. Of any size.
        covers: First and last presentation time, in seconds, of the frames that the score speaks of; None for the
            frame alone.
    """

    frame: float
    objects: Float32
    regions: Float32 = field(default_factory=lambda: np.zeros((0, 4), np.float32))
    region_scores: Float32 = field(default_factory=lambda: np.zeros(0, np.float32))
    terms: Mapping[str, Float32] = field(default_factory=dict)
    region_terms: Mapping[str, Float32] = field(default_factory=dict)
    measures: Mapping[str, Float32] = field(default_factory=dict)
    region_measures: Mapping[str, Float32] = field(default_factory=dict)
    likeness: Likeness | None = None
    informative: bool = True
    heat: Float32 | None = None
    covers: tuple[float, float] | None = None


class Head(Protocol):
    """One anomaly scoring method. Holds no state of any stream: that is in features and profiles.

    Thread-safe: an enrolment from files describes its frames while the worker describes and scores live ones.

    Enrolment calls ``features`` on normal frames, keeps what it returns, and hands it to ``fit``; scoring
    calls ``features`` and then ``score`` with the stream's own profile.

    Attributes:
        name: By which a pack's manifest names the method.
        terms: All that its scores may name, by name.
    """

    name: str
    terms: Mapping[str, Term]

    @property
    def inputs(self) -> tuple[Input, ...]:
        """What it looks at beside frames, motion and objects."""
        ...

    @classmethod
    def from_pack(cls, pack: Pack, open_graph: OpenGraph) -> Self:
        """The head of a verified pack.

        Args:
            pack: Its parameters, arrays and graphs.
            open_graph: Opens one of the pack's graphs, such as ``open_graph(pack.file(manifest.graphs["encoder"]))``.

        Raises:
            PackError: If a graph does not run.
            ValueError: If the head does not take what the pack holds; the message says what was expected.
        """
        ...

    def features(self, observations: Sequence[Observation]) -> list[Arrays]:
        """Describe frames of any streams, one set of named arrays each; the expensive, batched part.

        Enrolment keeps up to 6,000 of these sets, each array of all frames as one: every set has the same names, and
        an array of it is at least one-dimensional and differs from frame to frame in its first axis alone. A frame
        of which nothing is known has empty arrays, or zeros and one that says so.
        """
        ...

    def fit(self, samples: Sequence[Arrays], recordings: Sequence[int], normal: Mask | None = None) -> Fitted:
        """Learn what is normal from the features of normal frames, in order of time.

        Args:
            samples: Features of normal frames.
            recordings: For each sample the number of the unbroken recording it came from.
            normal: ``(N,)``, frames that a person said are normal: never left out as of an odd event. None for none;
                it is only given where there are some.

        Raises:
            ValueError: If the samples do not suffice; the message says what is missing.
        """
        ...

    def check(self, profile: Arrays) -> None:
        """See that a profile's arrays are what ``fit`` gives and ``score`` takes.

        Raises:
            ValueError: If one is missing or of another shape; the message says which.
        """
        ...

    def score(self, features: Arrays, profile: Arrays) -> HeadScores:
        """Score one frame's features against a profile."""
        ...

    def summary(self, profile: Arrays) -> dict[str, float | str]:
        """Facts of a profile worth a look by a person: modes, typical speed, rows seen."""
        ...
