"""The `surges` head: does the picture move somewhere as it never does there? By a window of sixteen frames' flow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from models.arrays import Arrays
from models.heads.base import Fitted, HeadScores, Term
from models.heads.shapes import check_shapes
from models.inputs import FrameWindow, Input
from models.observation import Observation
from models.packs import HeadManifest, Pack
from models.runtime import Graph, OpenGraph
from models.scoring.calibration import MIN_SCORES

from .folds import held_out

SURGE = "surge"
GRID = (12, 16)
"""Of the heat that the graph gives."""

SENTENCE = "moving in a surge never seen at that place"


class SurgesHead:
    """Scores the hottest cell of a grid against what is usual in it."""

    name = "surges"
    terms: Mapping[str, Term] = {SURGE: Term(SENTENCE)}

    def __init__(self, graph: Graph, stride: int) -> None:
        self._graph = graph
        self._window = FrameWindow((48, 64), length=16, interval=0.1, flow=True, stride=stride)

    @property
    def inputs(self) -> tuple[Input, ...]:
        """A window of frames with flow."""
        return (self._window,)

    @classmethod
    def from_pack(cls, pack: Pack, open_graph: OpenGraph) -> Self:
        """The head of a pack with the graph ``flow``."""
        manifest = pack.manifest_of(HeadManifest)
        stride = manifest.parameters.get("stride", 4)
        if not isinstance(stride, int):
            msg = f"expected stride to be a whole number, got {stride!r}"
            raise ValueError(msg)
        return cls(open_graph(pack.file(manifest.graphs["flow"])), stride)

    def features(self, observations: Sequence[Observation]) -> list[Arrays]:
        """All windows that are due in one batch: ``heat`` (K, 12, 16), ``peak`` (K,), ``covers`` (K, 2), K 0 or 1."""
        windows = [observation.window(self._window) for observation in observations]
        flows = [window.flow for window in windows if window is not None and window.flow is not None]
        heat, peak = np.zeros((0, *GRID), np.float32), np.zeros(0, np.float32)
        if flows:
            answer = self._graph.run({"flow": np.stack(flows)})
            heat, peak = answer["heat"], answer["peak"]
        features: list[Arrays] = []
        row = 0
        for observation, window in zip(observations, windows, strict=True):
            until = row + (window is not None)
            features.append(
                {
                    "heat": heat[row:until].copy(),
                    "peak": peak[row:until].copy(),
                    "covers": np.array([] if window is None else [window.span], np.float64).reshape(-1, 2),
                    "objects": np.array([len(observation.objects)]),
                }
            )
            row = until
        return features

    def fit(self, samples: Sequence[Arrays], recordings: Sequence[int]) -> Fitted:
        """Mean and spread of each cell."""
        spoken = np.array([len(sample["heat"]) == 1 for sample in samples])
        if spoken.sum() < MIN_SCORES:
            msg = f"expected at least {MIN_SCORES} windows of normal frames, got {spoken.sum()}"
            raise ValueError(msg)
        heat = np.concatenate([sample["heat"] for sample in samples]).astype(np.float64)
        raw = np.full(len(samples), np.nan)
        raw[spoken] = held_out(heat, lambda rows, others: _above(rows, *_learn(others)).max(axis=(1, 2)))
        mean, spread = _learn(heat)
        arrays = {"mean": mean, "spread": spread, "neutral": np.nanmedian(raw, keepdims=True)}
        return Fitted(arrays, raw, np.asarray(recordings, np.int64))

    def check(self, profile: Arrays) -> None:
        """As ``fit`` gives it."""
        check_shapes(profile, {"mean": GRID, "spread": GRID, "neutral": (1,)})

    def score(self, features: Arrays, profile: Arrays) -> HeadScores:
        """The hottest cell; around it a region; nothing between two evaluations."""
        nothing = np.full(int(features["objects"][0]), np.nan, np.float32)
        if not len(features["heat"]):
            return HeadScores(float(profile["neutral"][0]), nothing, informative=False)
        above = _above(np.asarray(features["heat"], np.float64), profile["mean"], profile["spread"])[0]
        peak = float(above.max())
        evidence = np.array([peak], np.float32)
        first, last = features["covers"][0].tolist()
        return HeadScores(
            frame=peak,
            objects=nothing,
            regions=_around(above >= max(peak, 1e-6) / 2),
            region_scores=evidence,
            region_terms={SURGE: evidence},
            heat=np.clip(above / max(peak, 1e-6), 0, 1).astype(np.float32),
            covers=(first, last),
        )

    def summary(self, profile: Arrays) -> dict[str, float | str]:
        """How much moves where most does."""
        return {"most_motion_of_a_cell": float(np.asarray(profile["mean"]).max())}


def _learn(heat: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """``(12, 16)`` mean, and spread with that of all cells as its floor: most of them never move."""
    return heat.mean(axis=0), np.hypot(heat.std(axis=0), heat.std())


def _above(heat: NDArray[np.float64], mean: NDArray[Any], spread: NDArray[Any]) -> NDArray[np.float64]:
    """``(n, 12, 16)`` how far each cell is above its mean, in its spread."""
    return np.asarray((heat - mean) / np.maximum(spread, 1e-6))


def _around(hot: NDArray[np.bool_]) -> NDArray[np.float32]:
    """``(1, 4)`` the box of what is hot, as fractions of the picture."""
    rows, columns = np.nonzero(hot)
    if not len(rows):
        return np.array([[0, 0, 1, 1]], np.float32)
    top, left, bottom, right = rows.min(), columns.min(), rows.max() + 1, columns.max() + 1
    box = left / GRID[1], top / GRID[0], (right - left) / GRID[1], (bottom - top) / GRID[0]
    return np.array([box], np.float32)
