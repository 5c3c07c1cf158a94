"""How far objects, windows and frames lie from what a profile says is usual, and what of that counts as evidence."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from models.arrays import Arrays, Float64, Index, Mask, under
from models.boxes import cut_off
from models.heads.attributes.density import distance
from models.heads.attributes.direction import rarity
from models.heads.attributes.embedding import embedding_distance
from models.heads.attributes.place import usual
from models.heads.attributes.pose import pose_distance
from models.heads.attributes.table import FeatureTable, feet, window_columns
from models.heads.attributes.terms import (
    BOX_TERMS,
    CALIBRATED_TERMS,
    CHANGE_TERMS,
    COLUMNS,
    OBJECT_TERMS,
    WIDTHS,
    WINDOW_TERMS,
    column_of,
)
from models.heads.attributes.windows import HEIGHTS

MOVING_SHARE = 0.3
"""What is slower than this share of fast has no direction worth judging: flow noise turns freely."""

TOP_WINDOWS = 3
"""Windows overlap by half, so an object covers several; the mean of the fastest three is calmer than the fastest."""

MIN_STEP = 0.1
"""Of a term's scale. What hardly varies in normal footage is not unusual for varying a little: by a tenth of what is
fast, of the spread of sizes, of the logarithm of a direction's share."""

MIN_STILL_STEP = 1.0
"""Of stillness and of changes: where nobody stopped while learning, a stop is unusual when it is 2.7 times as long as a
usual one."""

SLOW = 0.02
"""Picture heights a second that count as fast where normal footage had no motion at all, as a yard at night."""

_STILL = 1e-4
"""What is fast at a place is never less, unless nothing was seen to move: where all stand, or the camera sent too
seldom to see motion. Whatever moves later would be infinitely fast then."""

PAUSE_S = 20.0
"""Nobody wonders about who stops for so long, to talk or to look at a telephone, or what is put down for it."""

NEVER_SEEN = 3.0
"""The distance of an object's size where normal footage had no objects at all: three spreads from any."""


def object_distances(table: FeatureTable, profile: Arrays) -> dict[str, Float64]:
    """How far objects lie from what is usual where they stand.

    Args:
        table: With ``N`` objects.
        profile: What was learned.

    Returns:
        ``(N,)`` by term: speed as a share of what is fast there, rarity of the direction, spreads of size and of
        appearance from normal ones, the posture's distance from normal ones, speed of the limbs in body sizes a second,
        and how many times as long as is usual there each stays; -inf where there is nothing to judge.
    """
    return _box_distances(table, profile) | _body_distances(table, profile)


def _box_distances(table: FeatureTable, profile: Arrays) -> dict[str, Float64]:
    nothing = np.zeros(len(table.boxes))
    if len(table.boxes) == 0:
        return dict.fromkeys(BOX_TERMS, nothing)
    x, foot = feet(table.boxes)
    speed = np.hypot(table.velocities[:, 0], table.velocities[:, 1])
    if "speed" not in profile:
        never = np.full(len(speed), NEVER_SEEN)
        return {"speed": speed / SLOW, "direction": nothing, "size": never, "appearance": nothing}
    fast = usual(profile["speed"], x, foot)
    speed = speed / np.where(fast > _STILL, fast, SLOW)
    rare = rarity(profile["direction"], x, foot, table.velocities)
    return {
        "speed": speed,
        "direction": np.where(speed > MOVING_SHARE, rare, 0.0),
        "size": distance(under(profile, "size."), relative_sizes(table, profile)),
        "appearance": _appearance_distances(table, profile),
    }


def _appearance_distances(table: FeatureTable, profile: Arrays) -> Float64:
    """By the image model where the profile knows one, else by the small descriptor."""
    embedding = under(profile, "embedding.")
    if embedding:
        return embedding_distance(embedding, table.embeddings)
    return distance(under(profile, "appearance."), table.appearance)


def _body_distances(table: FeatureTable, profile: Arrays) -> dict[str, Float64]:
    x, foot = feet(table.boxes)
    limbs = np.where(np.isfinite(table.limbs), table.limbs, -np.inf)
    pose = pose_distance(under(profile, "pose."), table.shapes, table.infrared[table.object_frames])
    return {"pose": pose, "limbs": limbs, "stillness": _stillness(table.still, x, foot, profile)}


def _stillness(still: Float64, x: Float64, foot: Float64, profile: Arrays) -> Float64:
    """``(N,)`` how many times as long as is usual at their place objects have stood there, as a logarithm.

    What nobody could have seen while learning cannot be judged: who stands longer than the longest recording counts as
    standing so long.
    """
    if "stillness" not in profile:
        return np.full(len(still), -np.inf)
    longest = float(np.asarray(profile["longest"]).item())
    usually = usual(profile["stillness"], x, foot)
    return np.maximum(np.log((np.minimum(still, longest) + PAUSE_S) / (usually + PAUSE_S)), 0.0)


def change_distances(table: FeatureTable, profile: Arrays) -> dict[str, Float64]:
    """``(C,)`` by term: how many times as old as is usual at their place things are that were left, or are gone.

    As logarithms, as of stillness; -inf for what is of the other term. Where things come and go all day, as a chair
    does that is moved, another change is nothing.
    """
    ages = table.changes[:, 4]
    usually = np.zeros(len(ages))
    if "changes" in profile:
        usually = usual(profile["changes"], *feet(table.changes[:, :4]))
    older = np.maximum(np.log((ages + PAUSE_S) / (usually + PAUSE_S)), 0.0)
    gone = table.changes[:, 5] > 0
    return {"left behind": np.where(gone, -np.inf, older), "gone": np.where(gone, older, -np.inf)}


def window_distances(table: FeatureTable, profile: Arrays) -> dict[str, Float64]:
    """The same for the ``K`` windows of a table: ``(K,)`` by term, of speed and of direction."""
    x, y, velocity, _ = window_columns(table.windows)
    speed = window_speeds(table, profile)
    rare = rarity(profile["direction"], x, y, velocity)
    return {"motion speed": speed, "motion direction": np.where(speed > MOVING_SHARE, rare, 0.0)}


def window_speeds(table: FeatureTable, profile: Arrays) -> Float64:
    """``(K,)`` speeds of windows as shares of what is fast at their place."""
    x, y, velocity, size = window_columns(table.windows)
    speeds: Float64 = np.hypot(velocity[:, 0], velocity[:, 1])
    return speeds / (usual(profile["motion speed"], x, y, size) if "motion speed" in profile else SLOW)


def relative_sizes(table: FeatureTable, profile: Arrays) -> Float64:
    """``(N, 2)`` logarithms of width and height over what is usual at the feet; 0 where cut off and too small."""
    x, foot = feet(table.boxes)
    usual_size = np.stack([usual(profile[name], x, foot) for name in ("width", "height")], axis=1)
    relative = np.log(np.maximum(table.boxes[:, 2:], 1e-4) / usual_size)
    return np.where(cut_off(table.boxes)[:, None], np.maximum(relative, 0.0), relative)


def heights(table: FeatureTable, profile: Arrays) -> Float64:
    """``(N,)`` heights of objects over what is usual at their feet; NaN where normal footage had no objects."""
    if "height" not in profile:
        return np.full(len(table.boxes), np.nan)
    return np.exp(relative_sizes(table, profile)[:, 1])


def frame_distances(
    table: FeatureTable,
    objects: Mapping[str, Float64],
    windows: Mapping[str, Float64],
    changes: Mapping[str, Float64],
) -> Float64:
    """``(F, columns)``: each frame's most unusual value by column; -inf where there is nothing to judge."""
    result = np.full((table.count, COLUMNS), -np.inf)
    for term in OBJECT_TERMS:
        np.maximum.at(result[:, column_of(term)], table.object_frames, objects[term])
    for term, ages in changes.items():
        np.maximum.at(result[:, column_of(term)], table.change_frames, ages)
    sizes = len(HEIGHTS)
    group = table.window_frames * sizes + window_columns(table.windows)[3]
    for term in WINDOW_TERMS:
        top = _top_mean(windows[term], group, table.count * sizes)
        result[:, column_of(term) : column_of(term) + sizes] = top.reshape(table.count, sizes)
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


def scales_of(distances: Float64, frames: Mask) -> Float64:
    """``(columns, 2)`` median and step of each column over normal frames.

    The step is twice the way from the median to the 90 % quantile: for usual tails the way to the 99 % quantile, but
    an odd event of a few seconds does not move it.
    """
    scales = np.zeros((distances.shape[1], 2))
    steps = np.full(distances.shape[1], MIN_STEP)
    for term in ("stillness", *CHANGE_TERMS):
        steps[column_of(term)] = MIN_STILL_STEP
    for column, values in enumerate(distances[frames].T):
        seen = values[np.isfinite(values)]
        low, high = np.quantile(seen, [0.5, 0.9]) if len(seen) else (0.0, 0.5)
        scales[column] = low, max(2 * (high - low), steps[column])
    return scales


def scale(values: Float64, low: Float64, step: Float64) -> Float64:
    """Distances above a column's median, in its steps: 0 for what is usual, about 1 for one normal frame in a hundred.

    Args:
        values: ``(n,)`` or ``(F, columns)`` distances.
        low: Medians that fit them.
        step: Steps that fit them.

    Returns:
        As ``values``; at least 0.
    """
    scaled: Float64 = np.maximum(values - low, 0.0) / step
    return scaled


def evidence_of(distances: Float64, scales: Float64) -> Float64:
    """``(F, terms)`` evidence of each frame by term; over window sizes the strongest counts. 0 for nothing to judge."""
    scaled = scale(distances, *scales.T)
    strongest = [scaled[:, column_of(term) : column_of(term) + WIDTHS[term]].max(axis=1) for term in CALIBRATED_TERMS]
    return np.stack(strongest, axis=1)
