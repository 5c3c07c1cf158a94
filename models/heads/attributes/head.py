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
from dataclasses import dataclass
from typing import ClassVar, Literal, cast, get_args

import numpy as np
from numpy.typing import NDArray

from models.arrays import Arrays, Float32, Float64, Index, Mask
from models.heads.attributes.density import Kind, distance, fit_density
from models.heads.attributes.descriptor import LENGTH, describe
from models.heads.attributes.direction import SECTORS, fit_direction, rarity
from models.heads.attributes.place import GRID, fit_place, usual
from models.heads.attributes.windows import ASPECT, HEIGHTS, find_windows, moving, thin
from models.heads.base import Fitted, HeadScores, Term
from models.heads.shapes import check_shapes
from models.observation import Motion, Observation
from models.scoring.calibration import MIN_SCORES
from models.scoring.odd import odd_frames

BODY = 0.6
"""The upper share of a box whose motion is the body's. Below it legs swing, and stand still half of the time."""

MIN_BODY = 0.1
"""The share of the body that must move or be foreground; with less, an object counts as standing."""

FAST_QUANTILE = 0.99
"""What is fast at a place: this quantile of normal speeds there."""

MOVING_SHARE = 0.3
"""What is slower than this share of fast has no direction worth judging: flow noise turns freely."""

EDGE = 0.01
"""A box within this share of the picture's border is cut off there: it can look too small, but not too large."""

TOP_WINDOWS = 3
"""Windows overlap by half, so an object covers several; the mean of the fastest three is calmer than the fastest."""

BLOB_WEIGHT = 0.5
"""Of objects that are no more than connected regions of motion. In a crowd several people make one, of any size, and
the dense windows have seen the same motion better: on Ped2 such objects alone reach 85 of AUC, windows 99."""

MIN_STEP = 0.1
"""Of a term's scale. What hardly varies in normal footage is not unusual for varying a little: by a tenth of what is
fast, of the spread of sizes, of the logarithm of a direction's share."""

SLOW = 0.02
"""Picture heights a second that count as fast where normal footage had no motion at all, as a yard at night."""

NEVER_SEEN = 3.0
"""The distance of an object's size where normal footage had no objects at all: three spreads from any."""

FOLDS = 5
"""Stretches of time that are scored by what was learned from the others."""

REGION_EVIDENCE = 1.0
"""Windows count as a region of their own from the evidence that one normal frame in a hundred reaches."""

UNUSUAL = 1.0
"""Evidence of an object's term from which captions say it. One normal frame in a hundred reaches 0.5 of it."""

_SPEED, _DIRECTION = "moves at a speed that is not usual there", "moves in a direction that is not usual there"
_OBJECT = {
    "speed": Term(_SPEED, "fast", UNUSUAL),
    "direction": Term(_DIRECTION, "wrong way", UNUSUAL),
    "size": Term("is of a size that is not usual there"),
    "appearance": Term("looks unlike what is usual there"),
}
_WINDOW = {"motion speed": Term(_SPEED), "motion direction": Term(_DIRECTION)}

OBJECT_TERMS, WINDOW_TERMS = tuple(_OBJECT), tuple(_WINDOW)
TERMS = (*OBJECT_TERMS, *WINDOW_TERMS)


class AttributesHead:
    """Scores frames by attributes of their objects and motion windows. Holds no state of any stream."""

    name: str = "attributes"
    view: Literal["object", "frame"] = "object"
    terms: Mapping[str, Term] = {**_OBJECT, **_WINDOW}
    encoder: str | None = None

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

    def features(self, observations: Sequence[Observation]) -> list[Arrays]:
        """Describe frames: a few kilobytes each.

        Returns:
            For each frame with ``N`` objects and ``K`` moving windows: ``boxes`` ``(N, 4)`` float32 in fractions of
            the picture, ``velocities`` ``(N, 2)`` float32 in picture heights a second, ``appearance`` ``(N, 64)``
            uint8, ``windows`` ``(K, 5)`` float32 (x, y, velocity x and y, index of its size), and ``frame``
            ``(3,)`` float32 (width over height; 1 if the frame's motion can be believed, else 0; 1 if objects were
            recognised, 0 if they are mere regions of motion).
        """
        return [_features(observation) for observation in observations]

    def fit(self, samples: Sequence[Arrays], clips: Sequence[int]) -> Fitted:
        """Learn what is normal; see ``Head.fit``.

        Odd episodes (see ``odd_frames``) are found by held-out scores and not learned from.
        """
        usable = np.array([bool(sample["frame"][1]) for sample in samples], bool)
        if np.count_nonzero(usable) < MIN_SCORES:
            msg = f"expected at least {MIN_SCORES} normal frames with motion, got {np.count_nonzero(usable)}"
            raise ValueError(msg)
        table = _Table.of(samples)
        held_out = self._held_out(table, usable)
        low, step = _scales(held_out, usable).T
        normal = usable & ~odd_frames((held_out - low) / step, clips)
        scales = _scales(held_out, normal)
        raw = np.where(normal, self._weigh(table, _evidence(held_out, scales)), np.nan)
        arrays = {
            **self._learn(table, normal),
            "scales": scales,
            "neutral": np.nanmedian(raw, keepdims=True),
            "facts": np.array([len(samples), np.count_nonzero(usable & ~normal)], np.float64),
        }
        return Fitted(arrays, raw, np.asarray(clips, np.int64))

    def check(self, profile: Arrays) -> None:
        """See that a profile's arrays fit; see ``Head.check``."""
        place = (3 + GRID[0] * GRID[1],)
        check_shapes(
            profile,
            {"scales": (_COLUMNS, 2), "neutral": (1,), "facts": (2,), "direction": (GRID[0] * GRID[1], SECTORS)},
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
        table = _Table.of([features])
        scales = np.asarray(profile["scales"], np.float64)
        objects, windows = _object_distances(table, profile), _window_distances(table, profile)
        terms = {
            term: weight * _scaled(objects[term], *scales[_column(term)])
            for term, weight in zip(TERMS, self._term_weights(table)[0], strict=True)
            if term in OBJECT_TERMS
        }
        boxes, evidence = _regions(table, windows, scales)
        return HeadScores(
            frame=float(self._weigh(table, _evidence(_frames(table, objects, windows), scales))[0]),
            objects=np.stack(list(terms.values())).sum(axis=0).astype(np.float32),
            regions=boxes,
            region_scores=evidence.sum(axis=1),
            terms={term: values.astype(np.float32) for term, values in terms.items()},
            region_terms={term: evidence[:, index] for index, term in enumerate(WINDOW_TERMS)},
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
            density = _under(profile, f"{name}.")
            modes = next((len(density[key]) for key in ("centres", "means", "kept") if key in density), 0)
            facts[f"{name}_modes"] = float(modes)
        return facts

    def _weigh(self, table: _Table, evidence: Float64) -> Float64:
        """``(F,)`` raw scores of frames from their evidence ``(F, terms)``."""
        raw: Float64 = (evidence * self._term_weights(table)).sum(axis=1)
        return raw

    def _term_weights(self, table: _Table) -> Float64:
        """``(F, terms)``."""
        blobs = np.array([BLOB_WEIGHT if term in OBJECT_TERMS else 1.0 for term in TERMS])
        return np.where(table.recognised[:, None], self._weights, self._weights * blobs)

    def _held_out(self, table: _Table, usable: Mask) -> Float64:
        """``(F, columns)`` distances of each frame, from what was learned from the other stretches of time."""
        fold = np.arange(table.count) * FOLDS // table.count
        result = np.zeros((table.count, _COLUMNS))
        for index in range(FOLDS):
            learned = self._learn(table, usable & (fold != index))
            part = table.where(fold == index)
            result[fold == index] = _frames(part, _object_distances(part, learned), _window_distances(part, learned))[
                fold == index
            ]
        return result

    def _learn(self, table: _Table, frames: Mask) -> dict[str, NDArray[np.generic]]:
        """Everything that is learned from these frames of a table."""
        normal = table.where(frames)
        learned: dict[str, NDArray[np.generic]] = {}
        x, y, velocity, size = _columns(normal.windows)
        if len(normal.windows):
            learned["motion speed"] = _learn_window_speeds(x, y, velocity, size, normal.window_frames)
        moves = _window_speeds(normal, learned) > MOVING_SHARE
        learned["direction"] = fit_direction(x[moves], y[moves], velocity[moves], normal.window_frames[moves])
        if len(normal.boxes) >= 2:
            learned |= self._learn_objects(normal)
        return learned

    def _learn_objects(self, normal: _Table) -> dict[str, NDArray[np.generic]]:
        x, foot = _feet(normal.boxes)
        speeds = np.hypot(normal.velocities[:, 0], normal.velocities[:, 1])
        learned: dict[str, NDArray[np.generic]] = {}
        learned["speed"] = fit_place(x, foot, speeds, normal.object_frames, FAST_QUANTILE)
        whole = ~_cut_off(normal.boxes)
        whole = whole if whole.any() else np.ones(len(whole), bool)
        for name, extent in (("width", normal.boxes[:, 2]), ("height", normal.boxes[:, 3])):
            place = fit_place(x[whole], foot[whole], extent[whole], normal.object_frames[whole], 0.5)
            learned[name] = place
        size = fit_density(_relative_sizes(normal, learned), self._density, self._size_clusters)
        appearance = fit_density(normal.appearance, self._density, self._appearance_clusters)
        return {**learned, **_prefixed("size.", size), **_prefixed("appearance.", appearance)}


# The columns of frame distances: the object terms, then both window terms of each window size.
_COLUMNS = len(OBJECT_TERMS) + len(WINDOW_TERMS) * len(HEIGHTS)


def _column(term: str) -> int:
    """The term's column; for a window term that of the smallest size, and the others follow."""
    if term in OBJECT_TERMS:
        return OBJECT_TERMS.index(term)
    return len(OBJECT_TERMS) + WINDOW_TERMS.index(term) * len(HEIGHTS)


@dataclass(frozen=True, slots=True)
class _Table:
    """The features of ``count`` frames as columns: ``N`` objects and ``K`` windows, each with its frame's index."""

    count: int
    boxes: Float64
    velocities: Float64
    appearance: Float64
    object_frames: Index
    windows: Float64
    window_frames: Index
    aspects: Float64
    recognised: Mask

    @classmethod
    def of(cls, samples: Sequence[Arrays]) -> _Table:
        def stack(name: str, columns: int) -> Float64:
            rows = [np.asarray(sample[name], np.float64).reshape(-1, columns) for sample in samples]
            return np.concatenate(rows)

        frames = np.arange(len(samples))
        frame = stack("frame", 3)
        return cls(
            len(samples),
            stack("boxes", 4),
            stack("velocities", 2),
            stack("appearance", LENGTH),
            np.repeat(frames, [len(sample["boxes"]) for sample in samples]),
            stack("windows", 5),
            np.repeat(frames, [len(sample["windows"]) for sample in samples]),
            frame[:, 0],
            frame[:, 2] > 0,
        )

    def where(self, frames: Mask) -> _Table:
        """The objects and windows of some frames; frames keep their indices."""
        objects, windows = frames[self.object_frames], frames[self.window_frames]
        return _Table(
            self.count,
            self.boxes[objects],
            self.velocities[objects],
            self.appearance[objects],
            self.object_frames[objects],
            self.windows[windows],
            self.window_frames[windows],
            self.aspects,
            self.recognised,
        )


def _features(observation: Observation) -> dict[str, NDArray[np.generic]]:
    boxes = observation.objects.boxes
    motion = observation.motion
    height, width = observation.image.shape[:2]
    believed = motion is not None and not motion.disturbed
    velocities = np.zeros((len(boxes), 2), np.float32)
    windows = np.zeros((0, 5), np.float32)
    if motion is not None and believed:
        motion = thin(motion)
        mask = moving(motion, observation.ignored)
        velocities = _body_velocities(motion, mask, boxes)
        found = find_windows(motion, mask)
        windows = np.concatenate([found.places, found.velocities, found.sizes[:, None].astype(np.float32)], axis=1)
    return {
        "boxes": boxes.astype(np.float32),
        "velocities": velocities,
        "appearance": describe(observation.image, boxes),
        "windows": windows,
        "frame": np.array([width / height, believed, observation.recognised], np.float32),
    }


def _body_velocities(motion: Motion, mask: Mask, boxes: Float32) -> Float32:
    """``(N, 2)`` median velocity of what moves in the upper part of each box, in picture heights a second."""
    height, width = mask.shape
    velocities = np.zeros((len(boxes), 2), np.float32)
    scaled = boxes * np.array([width, height, width, height], np.float32)
    low = np.clip(scaled[:, :2].round(), 0, (width - 1, height - 1)).astype(np.intp)
    extent = scaled[:, 2:] * (1.0, BODY)
    high = np.clip((scaled[:, :2] + extent).round(), low + 1, (width, height)).astype(np.intp)
    for index, ((left, top), (right, bottom)) in enumerate(zip(low.tolist(), high.tolist(), strict=True)):
        # At most some hundred pixels: their median is as good as that of ten thousand.
        step = 1 + int(((right - left) * (bottom - top) / 500) ** 0.5)
        body = mask[top:bottom:step, left:right:step]
        if np.count_nonzero(body) >= MIN_BODY * body.size:
            velocities[index] = np.median(motion.flow[top:bottom:step, left:right:step][body], axis=0)
    return velocities / np.float32(height * motion.interval)


def _object_distances(table: _Table, profile: Arrays) -> dict[str, Float64]:
    nothing = np.zeros(len(table.boxes))
    if len(table.boxes) == 0:
        return dict.fromkeys(OBJECT_TERMS, nothing)
    x, foot = _feet(table.boxes)
    speed = np.hypot(table.velocities[:, 0], table.velocities[:, 1])
    if "speed" not in profile:
        never = np.full(len(speed), NEVER_SEEN)
        return {"speed": speed / SLOW, "direction": nothing, "size": never, "appearance": nothing}
    speed = speed / usual(profile["speed"], x, foot)
    rare = rarity(profile["direction"], x, foot, table.velocities)
    return {
        "speed": speed,
        "direction": np.where(speed > MOVING_SHARE, rare, 0.0),
        "size": distance(_under(profile, "size."), _relative_sizes(table, profile)),
        "appearance": distance(_under(profile, "appearance."), table.appearance),
    }


def _window_distances(table: _Table, profile: Arrays) -> dict[str, Float64]:
    x, y, velocity, _ = _columns(table.windows)
    speed = _window_speeds(table, profile)
    rare = rarity(profile["direction"], x, y, velocity)
    return {"motion speed": speed, "motion direction": np.where(speed > MOVING_SHARE, rare, 0.0)}


def _window_speeds(table: _Table, profile: Arrays) -> Float64:
    """``(K,)`` speeds of windows as shares of what is fast at their place."""
    x, y, velocity, size = _columns(table.windows)
    speeds: Float64 = np.hypot(velocity[:, 0], velocity[:, 1])
    return speeds / (usual(profile["motion speed"], x, y, size) if "motion speed" in profile else SLOW)


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


def _relative_sizes(table: _Table, profile: Arrays) -> Float64:
    """``(N, 2)`` logarithms of width and height over what is usual at the feet; 0 where cut off and too small."""
    x, foot = _feet(table.boxes)
    usual_size = np.stack([usual(profile[name], x, foot) for name in ("width", "height")], axis=1)
    relative = np.log(np.maximum(table.boxes[:, 2:], 1e-4) / usual_size)
    return np.where(_cut_off(table.boxes)[:, None], np.maximum(relative, 0.0), relative)


def _frames(table: _Table, objects: Mapping[str, Float64], windows: Mapping[str, Float64]) -> Float64:
    """``(F, columns)``: each frame's most unusual value by column; -inf where there is nothing to judge."""
    result = np.full((table.count, _COLUMNS), -np.inf)
    for column, term in enumerate(OBJECT_TERMS):
        np.maximum.at(result[:, column], table.object_frames, objects[term])
    sizes = len(HEIGHTS)
    group = table.window_frames * sizes + _columns(table.windows)[3]
    for term in WINDOW_TERMS:
        top = _top_mean(windows[term], group, table.count * sizes)
        result[:, _column(term) : _column(term) + sizes] = top.reshape(table.count, sizes)
    return result


def _top_mean(values: Float64, groups: Index, count: int) -> Float64:
    """``(count,)`` mean of each group's ``TOP_WINDOWS`` largest values; -inf for a group without any.

    A group with fewer counts the missing ones as 0: a lone window is not an object's worth.
    """
    order = np.lexsort((-values, groups))
    values, groups = values[order], groups[order]
    rank = np.arange(len(groups)) - np.searchsorted(groups, groups)
    sums = np.bincount(groups, np.where(rank < TOP_WINDOWS, values, 0.0), count)
    seen = np.bincount(groups, minlength=count) > 0
    return np.where(seen, sums / TOP_WINDOWS, -np.inf)


def _scales(distances: Float64, frames: Mask) -> Float64:
    """``(columns, 2)`` median and step of each column over normal frames.

    The step is twice the way from the median to the 90 % quantile: for usual tails the way to the 99 % quantile, but
    an odd event of a few seconds does not move it.
    """
    scales = np.zeros((distances.shape[1], 2))
    for column, values in enumerate(distances[frames].T):
        seen = values[np.isfinite(values)]
        low, high = np.quantile(seen, [0.5, 0.9]) if len(seen) else (0.0, 0.5)
        scales[column] = low, max(2 * (high - low), MIN_STEP)
    return scales


def _scaled(values: Float64, low: Float64, step: Float64) -> Float64:
    scaled: Float64 = np.maximum(values - low, 0.0) / step
    return scaled


def _evidence(distances: Float64, scales: Float64) -> Float64:
    """``(F, terms)`` evidence of each frame by term; over window sizes the strongest counts. 0 for nothing to judge."""
    scaled = _scaled(distances, *scales.T)
    objects, windows = scaled[:, : len(OBJECT_TERMS)], scaled[:, len(OBJECT_TERMS) :]
    strongest = windows.reshape(len(scaled), len(WINDOW_TERMS), len(HEIGHTS)).max(axis=2)
    return np.concatenate([objects, strongest], axis=1)


def _regions(table: _Table, windows: Mapping[str, Float64], scales: Float64) -> tuple[Float32, Float32]:
    """Boxes ``(M, 4)`` of windows that stand out, overlapping ones merged, and their evidence ``(M, terms)``."""
    x, y, _, size = _columns(table.windows)
    by_term = [_scaled(windows[term], *scales[_column(term) + size].T) for term in WINDOW_TERMS]
    evidence = np.stack(by_term, axis=1)
    out = np.flatnonzero(evidence.max(axis=1, initial=0.0) >= REGION_EVIDENCE)
    tall = np.array(HEIGHTS)[size[out]]
    centre, extent = np.stack([x[out], y[out]], axis=1), np.stack([tall * ASPECT / table.aspects[0], tall], axis=1)
    low, high = (centre - extent / 2).clip(0, 1), (centre + extent / 2).clip(0, 1)
    groups = _overlapping(low, high)
    boxes, strongest = [], []
    for group in range(groups.max(initial=-1) + 1):
        members = groups == group
        corner = low[members].min(axis=0)
        boxes.append([*corner, *(high[members].max(axis=0) - corner)])
        strongest.append(evidence[out[members]].max(axis=0))
    merged = np.array(boxes, np.float32).reshape(-1, 4)
    largest = np.argsort(-merged[:, 2] * merged[:, 3], kind="stable")
    return merged[largest], np.array(strongest, np.float32).reshape(-1, len(WINDOW_TERMS))[largest]


def _overlapping(low: Float64, high: Float64) -> Index:
    """``(n,)`` number of the group of overlapping boxes that each belongs to, from their corners ``(n, 2)``."""
    touching = ((low[:, None] < high[None]) & (low[None] < high[:, None])).all(axis=2)
    labels = np.arange(len(low))
    while True:
        spread = np.where(touching, labels[None], len(labels)).min(axis=1, initial=len(labels))
        if (spread == labels).all():
            return np.unique(labels, return_inverse=True)[1].astype(np.intp)
        labels = spread


def _feet(boxes: Float64) -> tuple[Float64, Float64]:
    """Where objects stand: the middle of the lower edge, which perspective is about."""
    return boxes[:, 0] + boxes[:, 2] / 2, boxes[:, 1] + boxes[:, 3]


def _cut_off(boxes: Float64) -> Mask:
    low, high = boxes[:, :2], boxes[:, :2] + boxes[:, 2:]
    return np.asarray(((low <= EDGE) | (high >= 1 - EDGE)).any(axis=1), bool)


def _columns(windows: Float64) -> tuple[Float64, Float64, Float64, Index]:
    """Centre x, centre y, velocity and index of the size of windows."""
    return windows[:, 0], windows[:, 1], windows[:, 2:4], windows[:, 4].astype(np.intp)


def _prefixed(prefix: str, arrays: Mapping[str, Float64]) -> dict[str, NDArray[np.generic]]:
    return {prefix + name: values for name, values in arrays.items()}


def _under(arrays: Arrays, prefix: str) -> dict[str, NDArray[np.generic]]:
    return {name.removeprefix(prefix): values for name, values in arrays.items() if name.startswith(prefix)}


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
