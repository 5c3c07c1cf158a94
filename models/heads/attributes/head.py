"""The ``attributes`` head: is it faster, larger, headed or shaped otherwise than is usual at that place?

A baseline after Reiss and Hoshen, Attribute-based Representations for Accurate and Interpretable Video Anomaly
Detection (arXiv 2212.00789): attributes that a person understands, and a density of each in normal footage. It
differs where a live service on one fixed camera needs it: body velocity, not a histogram, and relative to what is
fast at that place; dense motion windows beside detected objects, as detectors miss what they were not trained
on; and size against the usual size at that place.

A frame's raw score joins those of its attributes, each the surprise of its most unusual value in the frame by frames
that the model had not seen (``fusion``). So one attribute that is far out is enough, and several that are mildly
unusual count for more than each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, Self, cast, get_args

import numpy as np
from numpy.typing import NDArray

from models.arrays import Arrays, Float32, Float64, Index, Mask, under
from models.boxes import cut_off
from models.heads.attributes.density import Kind, fit_density
from models.heads.attributes.descriptor import LENGTH
from models.heads.attributes.direction import SECTORS, fit_direction
from models.heads.attributes.distances import (
    MOVING_SHARE,
    change_distances,
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
from models.heads.attributes.embedding import fit_embedding
from models.heads.attributes.features import describe_frame
from models.heads.attributes.fusion import fit_terms, joined, joined_terms, read_terms, surprises
from models.heads.attributes.light import fit_light, light_surprise
from models.heads.attributes.place import GRID, fit_place, usual
from models.heads.attributes.pose import COLUMNS as POSE_COLUMNS
from models.heads.attributes.pose import fit_pose
from models.heads.attributes.regions import find_regions
from models.heads.attributes.skeletons import tilts
from models.heads.attributes.table import FeatureTable, feet, window_columns
from models.heads.attributes.terms import (
    BOX_TERMS,
    CALIBRATED_TERMS,
    CHANGE_TERMS,
    CHANGE_WORDS,
    COLUMNS,
    LIGHT,
    LIGHT_WORDS,
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
from models.inputs import Appearance, Input, Keypoints
from models.observation import Observation
from models.packs import HeadManifest, Pack
from models.runtime import OpenGraph
from models.scoring.calibration import MIN_SCORES, Calibration
from models.scoring.odd import odd_frames

FAST_QUANTILE = 0.99
"""What is fast at a place: this quantile of normal speeds there."""

BLOB_WEIGHT = 0.5
"""Of the boxes of objects that are no more than connected regions of motion. In a crowd several people make one, of
any size, and the dense windows have seen the same motion better. With sizes counted whole, `motion` notices three of
twelve falls in the hall instead of none, but the AUC of a runner among walkers on a drawn street falls from above 0.95
to 0.90, and Ped2's from 0.991 to 0.990."""

FOLDS = 5
"""Stretches of time that are scored by what was learned from the others."""


class AttributesHead:
    """Scores frames by attributes of their objects and motion windows. Holds no state of any stream."""

    name: str = "attributes"
    terms: Mapping[str, Term] = {**OBJECT_WORDS, **WINDOW_WORDS, **CHANGE_WORDS, **LIGHT_WORDS}
    inputs: tuple[Input, ...] = (Keypoints(), Appearance())

    DEFAULTS: ClassVar[Mapping[str, object]] = {
        "density": "kmeans",
        "size_clusters": 16,
        "appearance_clusters": 32,
        "appearance_weight": 0.5,
        "object_weight": 0.5,
        "terms": TERMS,
    }

    def __init__(self, parameters: Mapping[str, object]) -> None:
        """Read the pack's parameters.

        Args:
            parameters: ``density``, one of ``kmeans``, ``gmm`` and ``knn``; ``size_clusters`` and
                ``appearance_clusters``, the centres or components of each; ``appearance_weight`` in 0..1, how much
                the evidence of appearance counts: by default half, as the small descriptor says little of far
                objects (at 25 pixels it cannot tell one lying from one standing); ``object_weight`` in 0..1, how much
                the evidence of boxes counts beside that of motion windows; and ``terms``, the names of those that
                count, all by default. Missing ones take the defaults.

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
        weights = dict.fromkeys(_terms(chosen), 1.0)
        weights["appearance"] = weights.get("appearance", 0.0) * _share(chosen, "appearance_weight")
        share = _share(chosen, "object_weight")
        self._weights = np.array([weights.get(term, 0.0) * (share if term in BOX_TERMS else 1.0) for term in TERMS])

    @classmethod
    def from_pack(cls, pack: Pack, open_graph: OpenGraph) -> Self:
        """The head of a pack, which holds parameters alone."""
        return cls(pack.manifest_of(HeadManifest).parameters)

    def features(self, observations: Sequence[Observation]) -> list[Arrays]:
        """Describe frames: a few kilobytes each.

        Returns:
            For each frame with ``N`` objects, ``K`` moving windows and ``C`` changes: ``boxes`` ``(N, 4)`` float32 in
            fractions of the picture, ``velocities`` ``(N, 2)`` float32 in picture heights a second, ``appearance``
            ``(N, 64)`` uint8, ``embeddings`` ``(N, D)`` and ``skeletons`` ``(N, 51)`` float16 (no columns without a
            model), ``limbs`` and ``still`` ``(N,)`` float32, ``changes`` ``(C, 6)`` float32 (box, age, 1 if gone),
            ``windows`` ``(K, 5)`` float32 (x, y, velocity x and y, index of its size), and ``frame`` ``(5,)`` float32
            (width over height; 1 if the frame's motion can be believed, else 0; 1 if objects were recognised, 0 if
            they are mere regions of motion; 1 if the picture has no colour; seconds since the light changed).
        """
        return [describe_frame(observation) for observation in observations]

    def fit(self, samples: Sequence[Arrays], recordings: Sequence[int], normal: Mask | None = None) -> Fitted:
        """Learn what is normal; see ``Head.fit``.

        Odd episodes (see ``odd_frames``) are found by held-out scores and not learned from.
        """
        usable = np.array([bool(sample["frame"][1]) for sample in samples], bool)
        if np.count_nonzero(usable) < MIN_SCORES:
            msg = f"expected at least {MIN_SCORES} normal frames with motion, got {np.count_nonzero(usable)}"
            raise ValueError(msg)
        table = FeatureTable.of(samples)
        held_out = self._held_out(table, usable, np.asarray(recordings))
        low, step = scales_of(held_out, usable).T
        odd = odd_frames((held_out - low) / step, recordings)
        learned = usable & (~odd if normal is None else ~odd | normal)
        scales = scales_of(held_out, learned)
        evidence = evidence_of(held_out, scales)
        calibrated = fit_terms(evidence, learned, recordings)
        light = {"light": fit_light(table, learned)}
        raw = np.where(learned, self._weigh(table, surprises(read_terms(calibrated), evidence), light), np.nan)
        arrays = {
            **self._learn(table, learned),
            **light,
            **_prefixed("terms/", calibrated),
            "scales": scales,
            "neutral": np.nanmedian(raw, keepdims=True),
            "facts": np.array([len(samples), np.count_nonzero(usable & ~learned)], np.float64),
        }
        return Fitted(arrays, raw, np.asarray(recordings, np.int64))

    def check(self, profile: Arrays) -> None:
        """See that a profile's arrays fit; see ``Head.check``."""
        place = (3 + GRID[0] * GRID[1],)
        check_shapes(
            profile,
            {
                "scales": (COLUMNS, 2),
                "neutral": (1,),
                "facts": (2,),
                "light": (1,),
                "direction": (GRID[0] * GRID[1], SECTORS),
            },
            {
                "motion speed": (len(HEIGHTS), *place),
                "speed": place,
                "stillness": place,
                "changes": place,
                "longest": (1,),
                "pose.kept": (None, POSE_COLUMNS),
                "embedding.centres": (None, None),
            },
        )
        for term in CALIBRATED_TERMS:
            check_shapes(
                profile,
                {f"terms/{term}/scores": (None,), f"terms/{term}/exceeded": (None,), f"terms/{term}/tail": (4,)},
            )
        if "speed" in profile:  # then objects were seen
            places = {"width": place, "height": place}
            check_shapes(profile, places | {"size.centre": (2,), "appearance.centre": (LENGTH,)})

    def score(self, features: Arrays, profile: Arrays) -> HeadScores:
        """Score one frame; see ``Head.score``. ``terms`` are weighted surprises."""
        count = len(features["boxes"])
        if not features["frame"][1]:
            nothing = np.zeros(count, np.float32)
            neutral = float(np.asarray(profile["neutral"]).item())
            return HeadScores(neutral, nothing, terms=dict.fromkeys(OBJECT_TERMS, nothing), informative=False)
        table = FeatureTable.of([features])
        scales, calibrated = np.asarray(profile["scales"], np.float64), read_terms(under(profile, "terms/"))
        objects, windows = object_distances(table, profile), window_distances(table, profile)
        weights = dict(zip(TERMS, self._term_weights(table)[0].tolist(), strict=True))

        def weigh(term: str, distances: Float64) -> Float64:
            evidence = scale(distances, *scales[column_of(term)])
            weighed: Float64 = weights[term] * calibrated[term].surprise(evidence)
            return weighed

        terms = {term: weigh(term, objects[term]) for term in OBJECT_TERMS}
        regions = _regions_of_motion(table, windows, scales, calibrated, weights)
        changes = change_distances(table, profile)
        for term, distances in changes.items():
            regions += _regions_of_changes(table, term, weigh(term, distances))
        regions += _region_of_light(weights[LIGHT] * light_surprise(table, profile))
        evidence = evidence_of(frame_distances(table, objects, windows, changes), scales)
        return HeadScores(
            frame=float(self._weigh(table, surprises(calibrated, evidence), profile)[0]),
            objects=joined_terms(terms).astype(np.float32),
            regions=np.array([region.box for region in regions], np.float32).reshape(-1, 4),
            region_scores=np.array([region.score for region in regions], np.float32),
            terms={term: values.astype(np.float32) for term, values in terms.items()},
            region_terms={term: _column(regions, "terms", term) for term in (*WINDOW_TERMS, *CHANGE_TERMS, LIGHT)},
            measures={
                "speed": objects["speed"].astype(np.float32),
                "size": heights(table, profile).astype(np.float32),
                "pose": tilts(table.shapes).astype(np.float32),
                "stillness": table.still.astype(np.float32),
            },
            region_measures={term: _column(regions, "measures", term) for term in ("motion speed", *CHANGE_TERMS)},
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

    def _weigh(self, table: FeatureTable, surprising: Float64, profile: Arrays) -> Float64:
        """``(F,)`` raw scores of frames from the surprises ``(F, terms)`` of their calibrated terms."""
        every = np.column_stack([surprising, light_surprise(table, profile)])
        return joined(every * self._term_weights(table))

    def _term_weights(self, table: FeatureTable) -> Float64:
        """``(F, terms)``."""
        blobs = np.array([BLOB_WEIGHT if term in BOX_TERMS else 1.0 for term in TERMS])
        return np.where(table.recognised[:, None], self._weights, self._weights * blobs)

    def _held_out(self, table: FeatureTable, usable: Mask, recordings: NDArray[np.int64]) -> Float64:
        """``(F, columns)`` distances of each frame, from what was learned without its fold."""
        fold = folds_of(recordings)
        result = np.zeros((table.count, COLUMNS))
        for index in range(FOLDS):
            learned = self._learn(table, usable & (fold != index))
            part = table.where(fold == index)
            result[fold == index] = frame_distances(
                part,
                object_distances(part, learned),
                window_distances(part, learned),
                change_distances(part, learned),
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
        if len(normal.changes):
            where = feet(normal.changes[:, :4])
            learned["changes"] = fit_place(*where, normal.changes[:, 4], normal.change_frames, FAST_QUANTILE)
        if len(normal.boxes) >= 2:
            learned |= self._learn_objects(normal)
            learned["longest"] = np.maximum(normal.still.max(keepdims=True), 0.0)
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
        learned["stillness"] = fit_place(x, foot, normal.still, normal.object_frames, FAST_QUANTILE)
        return {
            **learned,
            **_prefixed("size.", size),
            **_prefixed("appearance.", appearance),
            **_prefixed("embedding.", fit_embedding(normal.embeddings)),
            **_prefixed("pose.", fit_pose(normal.shapes, normal.infrared[normal.object_frames])),
        }


def folds_of(recordings: NDArray[np.integer]) -> Index:
    """``(F,)`` the fold of each frame: whole recordings by turns, or stretches of time where there are too few.

    By turns, as what belongs together often comes one after the other: the hours of a day, the kinds of a data set.
    """
    numbers = np.unique(recordings, return_inverse=True)[1]
    if numbers.max(initial=0) + 1 >= FOLDS:
        return np.asarray(numbers % FOLDS, np.intp)
    return np.arange(len(numbers)) * FOLDS // max(len(numbers), 1)


@dataclass(frozen=True, slots=True)
class _Region:
    """A part of the picture that stands out: its weighted surprise by term, and how far."""

    box: Float32
    terms: Mapping[str, float]
    measures: Mapping[str, float]

    @property
    def score(self) -> float:
        return float(joined(np.array([list(self.terms.values())]))[0])


def _regions_of_motion(
    table: FeatureTable,
    windows: Mapping[str, Float64],
    scales: Float64,
    calibrated: Mapping[str, Calibration],
    weights: Mapping[str, float],
) -> list[_Region]:
    boxes, evidence, speeds = find_regions(table, windows, scales)
    surprising = [
        weights[term] * calibrated[term].surprise(values.astype(np.float64))
        for term, values in zip(WINDOW_TERMS, evidence.T, strict=True)
    ]
    return [
        _Region(box, dict(zip(WINDOW_TERMS, row, strict=True)), {"motion speed": speed})
        for box, row, speed in zip(boxes, zip(*surprising, strict=True), speeds.tolist(), strict=True)
    ]


def _regions_of_changes(table: FeatureTable, term: str, surprising: Float64) -> list[_Region]:
    """Things left behind, or things gone."""
    return [
        _Region(table.changes[row, :4].astype(np.float32), {term: surprising[row]}, {term: table.changes[row, 4]})
        for row in np.flatnonzero(surprising > 0)
    ]


def _region_of_light(surprising: Float64) -> list[_Region]:
    """The whole picture of a frame, of whose light the weighted surprise is ``(1,)``, where that says anything."""
    return [_Region(np.array([0, 0, 1, 1], np.float32), {LIGHT: float(value)}, {}) for value in surprising if value > 0]


def _column(regions: Sequence[_Region], of: Literal["terms", "measures"], term: str) -> Float32:
    """``(M,)`` what regions say of a term; no surprise, or NaN, where it is not theirs."""
    nothing = 0.0 if of == "terms" else np.nan
    return np.array([getattr(region, of).get(term, nothing) for region in regions], np.float32)


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


def _terms(parameters: Mapping[str, object]) -> tuple[str, ...]:
    value = parameters["terms"]
    if not isinstance(value, list | tuple) or not value or not set(value) <= set(TERMS):
        msg = f"expected terms to be some of {', '.join(TERMS)}, got {value!r}"
        raise ValueError(msg)
    return tuple(value)


def _share(parameters: Mapping[str, object], name: str) -> float:
    value = parameters[name]
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= 1:
        msg = f"expected {name} to be a number from 0 to 1, got {value!r}"
        raise ValueError(msg)
    return float(value)


HEAD = AttributesHead
