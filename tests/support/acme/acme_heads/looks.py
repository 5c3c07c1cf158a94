"""The `looks` head: does an object look like those that were seen here? By seven crops of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from models.arrays import Arrays
from models.heads.base import Fitted, HeadScores, Term
from models.heads.shapes import check_shapes
from models.inputs import Input, ObjectCrops
from models.observation import Observation
from models.packs import HeadManifest, Pack
from models.runtime import Graph, OpenGraph

from .folds import held_out

LOOK = "look"
WIDTH = 6
SENTENCE = "looking like nothing that was learned here"
CROPS = ObjectCrops(size=64, length=7, interval=0.1)


class LooksHead:
    """Scores objects by their distance from the mean look, in its spread."""

    name = "looks"
    terms: Mapping[str, Term] = {LOOK: Term(SENTENCE)}
    inputs: tuple[Input, ...] = (CROPS,)

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    @classmethod
    def from_pack(cls, pack: Pack, open_graph: OpenGraph) -> Self:
        """The head of a pack with the graph ``crops``."""
        manifest = pack.manifest_of(HeadManifest)
        return cls(open_graph(pack.file(manifest.graphs["crops"])))

    def features(self, observations: Sequence[Observation]) -> list[Arrays]:
        """The crops of all objects of all frames in one batch: ``looks`` (N, 6), ``known`` (N,)."""
        seen = [observation.crops(CROPS) for observation in observations]
        crops = np.concatenate([each.crops[each.known] for each in seen])
        looks = self._graph.run({"crops": crops})["look"] if len(crops) else np.zeros((0, WIDTH), np.float32)
        features: list[Arrays] = []
        for each, part in zip(seen, np.split(looks, np.cumsum([each.known.sum() for each in seen])[:-1]), strict=True):
            of_all = np.zeros((len(each.known), WIDTH), np.float32)
            of_all[each.known] = part
            features.append({"looks": of_all, "known": each.known})
        return features

    def fit(self, samples: Sequence[Arrays], recordings: Sequence[int]) -> Fitted:
        """Mean and spread of the looks of all objects."""
        known = [sample["looks"][sample["known"]] for sample in samples]
        looks = np.concatenate(known).astype(np.float64)
        if len(looks) < 2:
            msg = f"expected at least 2 objects, got {len(looks)}"
            raise ValueError(msg)
        distances = np.split(
            held_out(looks, lambda rows, others: _distances(rows, *_learn(others))),
            np.cumsum([len(each) for each in known])[:-1],
        )
        raw = np.array([each.max(initial=0.0) for each in distances])
        mean, spread = _learn(looks)
        return Fitted({"mean": mean, "spread": spread}, raw, np.asarray(recordings, np.int64))

    def check(self, profile: Arrays) -> None:
        """As ``fit`` gives it."""
        check_shapes(profile, {"mean": (WIDTH,), "spread": (WIDTH,)})

    def score(self, features: Arrays, profile: Arrays) -> HeadScores:
        """The object that is furthest from what is usual."""
        known = np.asarray(features["known"], np.bool_)
        distances = _distances(np.asarray(features["looks"], np.float64), profile["mean"], profile["spread"])
        objects = np.where(known, distances, np.nan).astype(np.float32)
        return HeadScores(float(distances[known].max(initial=0.0)), objects, terms={LOOK: objects})

    def summary(self, profile: Arrays) -> dict[str, float | str]:
        """How unlike each other objects are."""
        return {"spread": float(np.asarray(profile["spread"]).mean())}


def _learn(looks: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return looks.mean(axis=0), np.hypot(looks.std(axis=0), 0.01)


def _distances(looks: NDArray[np.float64], mean: NDArray[Any], spread: NDArray[Any]) -> NDArray[np.float64]:
    found: NDArray[np.float64] = np.linalg.norm((looks - mean) / spread, axis=-1)
    return found
