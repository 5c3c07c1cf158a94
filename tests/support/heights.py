"""Heads whose raw score of a frame is what it holds, its height, and footage of such frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import numpy as np

from models.arrays import Arrays, Mask
from models.heads.base import Fitted, Head, HeadScores, Term
from models.inputs import Input
from service.engine.heads import LoadedHead
from service.profiles.fit import fit_profile
from service.profiles.profile import Profile
from service.profiles.samples import Sample, Samples

RATE, FENCE = 10, 9.0


class Heights:
    """Leaves out what is above a fence, unless a person said that it is normal."""

    name = "heights"
    terms: Mapping[str, Term] = {"height": Term("unusually high"), "depth": Term("unusually deep")}
    inputs: tuple[Input, ...] = ()

    def __init__(self) -> None:
        self.saw: list[float] = []

    def fit(self, samples: Sequence[Arrays], recordings: Sequence[int], normal: Mask | None = None) -> Fitted:
        heights = np.array([float(sample["height"][0]) for sample in samples])
        self.saw = heights.tolist()
        odd = (heights > FENCE) & ~(np.zeros(len(heights), bool) if normal is None else normal)
        said = np.array([bool(sample["informative"][0]) for sample in samples])
        raw = np.where(odd | ~said, np.nan, heights)
        return Fitted({}, raw, np.asarray(recordings, np.int64))

    def score(self, features: Arrays, profile: Arrays) -> HeadScores:
        height = float(features["height"][0])
        evidence = np.array([height], np.float32)
        return HeadScores(
            height, evidence, terms={"height": evidence}, informative=bool(np.asarray(features["informative"])[0])
        )

    def check(self, profile: Arrays) -> None:
        """Takes any."""

    def summary(self, profile: Arrays) -> dict[str, float | str]:
        return {}


class FormerHeights(Heights):
    """Of another distribution, made before people could say what is normal."""

    def fit(self, samples: Sequence[Arrays], recordings: Sequence[int]) -> Fitted:  # type: ignore[override]
        return super().fit(samples, recordings)


class UnwellHeights(Heights):
    """Fits, and fails where it is to score."""

    def score(self, features: Arrays, profile: Arrays) -> HeadScores:
        raise KeyError("height")


def footage(heights: Mapping[float, float], seconds: int = 60, said: Mapping[float, bool] | None = None) -> Samples:
    """Calm frames of one recording, with what is to be at some seconds, and a picture every second."""
    samples, calm = Samples(), np.random.default_rng(0).uniform(0, 1, seconds * RATE)
    samples.begin("gate.mp4")
    for index, low in enumerate(calm.tolist()):
        pts = index / RATE
        height, informative = heights.get(pts, low), (said or {}).get(pts, True)
        features = {"height": np.array([height]), "informative": np.array([informative])}
        picture = b"jpeg %.0f" % pts if index % RATE == 0 else None
        samples.add(Sample(0, pts, {"heights": features}, picture=picture))
    return samples


def loaded(head: Heights | None = None) -> LoadedHead:
    return LoadedHead(cast("Head", head or Heights()), "heights", "0123")


def fit(samples: Samples, head: Heights | None = None) -> Profile:
    """What such a head learns of the samples."""
    return fit_profile({"heights": loaded(head)}, samples, "motion", (), "files")


def between(begin: float, end: float, height: float) -> dict[float, float]:
    return {index / RATE: height for index in range(round(begin * RATE), round(end * RATE) + 1)}
