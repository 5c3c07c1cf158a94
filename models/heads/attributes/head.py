"""The ``attributes`` head: is it faster, larger, headed or shaped otherwise than is usual at that place?

A baseline after Reiss and Hoshen, Attribute-based Representations for Accurate and Interpretable Video Anomaly
Detection (arXiv 2212.00789): attributes that a person understands, and a density of each in normal footage. It
differs where a live service on one fixed camera needs it: body velocity, not a histogram, and relative to what is
fast at that place; dense motion windows beside detected objects, as detectors miss what they were not trained
on; and size against the usual size at that place.

A frame's raw score is a weighted sum over attributes of z, the attribute's most unusual value in the frame, scaled
so that 0 is the median and 1 about the 99 % quantile of normal frames that the model had not seen; below 0 it
counts as 0. So several mildly unusual attributes count like one that is far out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Self, cast, get_args

import numpy as np
from numpy.typing import NDArray

from models.arrays import Arrays, Float64, Index, Mask, under
from models.heads.attributes.density import Kind, fit_density
from models.heads.attributes.descriptor import LENGTH
from models.heads.attributes.direction import SECTORS, fit_direction
from models.heads.attributes.distances import (
    MOVING_SHARE,
    evidence_of,
    frame_distances,
    heights,
    object_distances,
    relative_sizes,
    scale,
    scales_of,
    window_distances,
    window_speeds,
)
from models.heads.attributes.features import describe_frame
from models.heads.attributes.place import GRID, fit_place, usual
from models.heads.attributes.regions import find_regions
from models.heads.attributes.table import FeatureTable, cut_off, feet, window_columns
from models.heads.attributes.terms import (
    COLUMNS,
    OBJECT_TERMS,
    OBJECT_WORDS,
    TERMS,
    WINDOW_TERMS,
    WINDOW_WORDS,
    column_of,
)
from models.heads.attributes.windows import HEIGHTS
from models.heads.base import Fitted, HeadScores, Term
from models.heads.shapes import check_shapes
from models.inputs import Input
from models.observation import Observation
from models.packs import HeadManifest, Pack
from models.runtime import OpenGraph
from models.scoring.calibration import MIN_SCORES
from models.scoring.odd import odd_frames

FAST_QUANTILE = 0.99
"""What is fast at a place: this quantile of normal speeds there."""

BLOB_WEIGHT = 0.5
"""Of objects that are no more than connected regions of motion. In a crowd several people make one, of any size, and
the dense windows have seen the same motion better: on Ped2 such objects alone reach 85 of AUC, windows 99."""

FOLDS = 5
"""Stretches of time that are scored by what was learned from the others."""


class AttributesHead:
    """Scores frames by attributes of their objects and motion windows. Holds no state of any stream."""

    name: str = "attributes"
    terms: Mapping[str, Term] = {**OBJECT_WORDS, **WINDOW_WORDS}
    inputs: tuple[Input, ...] = ()

    DEFAULTS: ClassVar[Mapping[str, object]] = {
        "density": "kmeans",
        "size_clusters": 16,
        "appearance_clusters": 32,
        "appearance_weight": 0.5,
        "object_weight": 0.5,
    }

    def __init__(self, parameters: Mapping[str, object]) -> None:
        """Read the pack's parameters.

        Args:
            parameters: ``density``, one of ``kmeans``, ``gmm`` and ``knn``; ``size_clusters`` and
                ``appearance_clusters``, the centres or components of each; ``appearance_weight`` in 0..1, how much
                the evidence of appearance counts: by default half, as the small descriptor says little of far
                objects (at 25 pixels it cannot tell one lying from one standing); and ``object_weight`` in 0..1,
                how much the evidence of objects counts beside that of motion windows. Missing ones take the
                defaults.

        Raises:
            ValueError: An unknown parameter, or one that is out of range.
        """
        unknown = set(parameters) - set(self.DEFAULTS)
        if unknown:
            msg = f"expected parameters of {sorted(self.DEFAULTS)}, got {sorted(unknown)}"
            raise ValueError(msg)
        chosen = {**self.DEFAULTS, **parameters}
        if chosen["density"] not in get_args(Kind):
            msg = f"expected a density of {', '.join(get_args(Kind))}, got {chosen['density']!r}"
            raise ValueError(msg)
        self._density = cast(Kind, chosen["density"])
        self._size_clusters = _whole(chosen, "size_clusters")
        self._appearance_clusters = _whole(chosen, "appearance_clusters")
        weights = dict.fromkeys(TERMS, 1.0) | {"appearance": _share(chosen, "appearance_weight")}
        share = _share(chosen, "object_weight")
        self._weights = np.array([weights[term] * (share if term in OBJECT_TERMS else 1.0) for term in TERMS])

    @classmethod
    def from_pack(cls, pack: Pack, open_graph: OpenGraph) -> Self:
        """The head of a pack, which holds parameters alone."""
        return cls(pack.manifest_of(HeadManifest).parameters)

    def features(self, observations: Sequence[Observation]) -> list[Arrays]:
        """Describe frames: a few kilobytes each.

        Returns:
            For each frame with ``N`` objects and ``K`` moving windows: ``boxes`` ``(N, 4)`` float32 in fractions of
            the picture, ``velocities`` ``(N, 2)`` float32 in picture heights a second, ``appearance`` ``(N, 64)``
            uint8, ``windows`` ``(K, 5)`` float32 (x, y, velocity x and y, index of its size), and ``frame``
            ``(3,)`` float32 (width over height; 1 if the frame's motion can be believed, else 0; 1 if objects were
            recognised, 0 if they are mere regions of motion).
        """
        return [describe_frame(observation) for observation in observations]

    def fit(self, samples: Sequence[Arrays], recordings: Sequence[int]) -> Fitted:
        """Learn what is normal; see ``Head.fit``.

        Odd episodes (see ``odd_frames``) are found by held-out scores and not learned from.
        """
        usable = np.array([bool(sample["frame"][1]) for sample in samples], bool)
        if np.count_nonzero(usable) < MIN_SCORES:
            msg = f"expected at least {MIN_SCORES} normal frames with motion, got {np.count_nonzero(usable)}"
            raise ValueError(msg)
        table = FeatureTable.of(samples)
        held_out = self._held_out(table, usable)
        low, step = scales_of(held_out, usable).T
        normal = usable & ~odd_frames((held_out - low) / step, recordings)
        scales = scales_of(held_out, normal)
        raw = np.where(normal, self._weigh(table, evidence_of(held_out, scales)), np.nan)
        arrays = {
            **self._learn(table, normal),
            "scales": scales,
            "neutral": np.nanmedian(raw, keepdims=True),
            "facts": np.array([len(samples), np.count_nonzero(usable & ~normal)], np.float64),
        }
        return Fitted(arrays, raw, np.asarray(recordings, np.int64))

    def check(self, profile: Arrays) -> None:
        """See that a profile's arrays fit; see ``Head.check``."""
        place = (3 + GRID[0] * GRID[1],)
        check_shapes(
            profile,
            {"scales": (COLUMNS, 2), "neutral": (1,), "facts": (2,), "direction": (GRID[0] * GRID[1], SECTORS)},
            {"motion speed": (len(HEIGHTS), *place), "speed": place},
        )
        if "speed" in profile:  # then objects were seen
            places = {"width": place, "height": place}
            check_shapes(profile, places | {"size.centre": (2,), "appearance.centre": (LENGTH,)})

    def score(self, features: Arrays, profile: Arrays) -> HeadScores:
        """Score one frame; see ``Head.score``. ``terms`` are weighted evidence."""
        count = len(features["boxes"])
        if not features["frame"][1]:
            nothing = np.zeros(count, np.float32)
            neutral = float(np.asarray(profile["neutral"]).item())
            return HeadScores(neutral, nothing, terms=dict.fromkeys(OBJECT_TERMS, nothing), informative=False)
        table = FeatureTable.of([features])
        scales = np.asarray(profile["scales"], np.float64)
        objects, windows = object_distances(table, profile), window_distances(table, profile)
        terms = {
            term: weight * scale(objects[term], *scales[column_of(term)])
            for term, weight in zip(TERMS, self._term_weights(table)[0], strict=True)
            if term in OBJECT_TERMS
        }
        boxes, evidence, speeds = find_regions(table, windows, scales)
        return HeadScores(
            frame=float(self._weigh(table, evidence_of(frame_distances(table, objects, windows), scales))[0]),
            objects=np.stack(list(terms.values())).sum(axis=0).astype(np.float32),
            regions=boxes,
            region_scores=evidence.sum(axis=1),
            terms={term: values.astype(np.float32) for term, values in terms.items()},
            region_terms={term: evidence[:, index] for index, term in enumerate(WINDOW_TERMS)},
            measures={
                "speed": objects["speed"].astype(np.float32),
                "size": heights(table, profile).astype(np.float32),
            },
            region_measures={"motion speed": speeds},
        )

    def summary(self, profile: Arrays) -> dict[str, float | str]:
        """Facts of a profile worth a look by a person."""
        frames, odd = np.asarray(profile["facts"], np.float64).tolist()
        facts: dict[str, float | str] = {"frames": frames, "odd_frames_left_out": odd}
        middle = (np.array([0.5]), np.array([0.5]))
        for index, share in enumerate(HEIGHTS):
            if "motion speed" in profile:
                fast = usual(profile["motion speed"], *middle, np.array([index]))
                facts[f"fast_windows_of_{share:g}_heights_per_second"] = float(fast[0])
        if "speed" in profile:
            facts["fast_objects_heights_per_second"] = float(usual(profile["speed"], *middle)[0])
        if "height" in profile:
            facts["usual_object_height"] = float(usual(profile["height"], *middle)[0])
        for name in ("size", "appearance"):
            density = under(profile, f"{name}.")
            modes = next((len(density[key]) for key in ("centres", "means", "kept") if key in density), 0)
            facts[f"{name}_modes"] = float(modes)
        return facts

    def _weigh(self, table: FeatureTable, evidence: Float64) -> Float64:
        """``(F,)`` raw scores of frames from their evidence ``(F, terms)``."""
        raw: Float64 = (evidence * self._term_weights(table)).sum(axis=1)
        return raw

    def _term_weights(self, table: FeatureTable) -> Float64:
        """``(F, terms)``."""
        blobs = np.array([BLOB_WEIGHT if term in OBJECT_TERMS else 1.0 for term in TERMS])
        return np.where(table.recognised[:, None], self._weights, self._weights * blobs)

    def _held_out(self, table: FeatureTable, usable: Mask) -> Float64:
        """``(F, columns)`` distances of each frame, from what was learned from the other stretches of time."""
        fold = np.arange(table.count) * FOLDS // table.count
        result = np.zeros((table.count, COLUMNS))
        for index in range(FOLDS):
            learned = self._learn(table, usable & (fold != index))
            part = table.where(fold == index)
            result[fold == index] = frame_distances(
                part, object_distances(part, learned), window_distances(part, learned)
            )[fold == index]
        return result

    def _learn(self, table: FeatureTable, frames: Mask) -> dict[str, NDArray[np.generic]]:
        """Everything that is learned from these frames of a table."""
        normal = table.where(frames)
        learned: dict[str, NDArray[np.generic]] = {}
        x, y, velocity, size = window_columns(normal.windows)
        if len(normal.windows):
            learned["motion speed"] = _learn_window_speeds(x, y, velocity, size, normal.window_frames)
        moves = window_speeds(normal, learned) > MOVING_SHARE
        learned["direction"] = fit_direction(x[moves], y[moves], velocity[moves], normal.window_frames[moves])
        if len(normal.boxes) >= 2:
            learned |= self._learn_objects(normal)
        return learned

    def _learn_objects(self, normal: FeatureTable) -> dict[str, NDArray[np.generic]]:
        x, foot = feet(normal.boxes)
        speeds = np.hypot(normal.velocities[:, 0], normal.velocities[:, 1])
        learned: dict[str, NDArray[np.generic]] = {}
        learned["speed"] = fit_place(x, foot, speeds, normal.object_frames, FAST_QUANTILE)
        whole = ~cut_off(normal.boxes)
        whole = whole if whole.any() else np.ones(len(whole), bool)
        for name, extent in (("width", normal.boxes[:, 2]), ("height", normal.boxes[:, 3])):
            place = fit_place(x[whole], foot[whole], extent[whole], normal.object_frames[whole], 0.5)
            learned[name] = place
        size = fit_density(relative_sizes(normal, learned), self._density, self._size_clusters)
        appearance = fit_density(normal.appearance, self._density, self._appearance_clusters)
        return {**learned, **_prefixed("size.", size), **_prefixed("appearance.", appearance)}


def _learn_window_speeds(x: Float64, y: Float64, velocity: Float64, size: Index, frames: Index) -> Float64:
    """``(sizes, 51)`` what is fast for windows of each size; a size never seen takes the nearest one's."""
    speeds = np.hypot(velocity[:, 0], velocity[:, 1])
    seen = np.unique(size)
    places = {}
    for each in seen:
        of_size = size == each
        places[each] = fit_place(x[of_size], y[of_size], speeds[of_size], frames[of_size], FAST_QUANTILE)
    nearest = [seen[np.abs(seen - index).argmin()] for index in range(len(HEIGHTS))]
    return np.stack([places[each] for each in nearest])


def _prefixed(prefix: str, arrays: Mapping[str, Float64]) -> dict[str, NDArray[np.generic]]:
    return {prefix + name: values for name, values in arrays.items()}


def _whole(parameters: Mapping[str, object], name: str) -> int:
    value = parameters[name]
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= 256:
        msg = f"expected {name} to be a whole number from 1 to 256, got {value!r}"
        raise ValueError(msg)
    return value


def _share(parameters: Mapping[str, object], name: str) -> float:
    value = parameters[name]
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= 1:
        msg = f"expected {name} to be a number from 0 to 1, got {value!r}"
        raise ValueError(msg)
    return float(value)


HEAD = AttributesHead
