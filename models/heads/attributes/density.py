"""How far a sample lies from what is dense in normal samples: k-means, Gaussian mixture or nearest neighbours.

All three fit in a second on tens of thousands of samples, need no library beyond numpy, and are robust in the
same way: what only a tiny share of the samples supports (a centre, a component, a neighbourhood) counts for
nothing, so an odd event inside the normal footage does not become part of normal.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

import numpy as np

from models.arrays import Arrays, Float64, Floating, Index

Kind = Literal["kmeans", "gmm", "knn"]

MAX_SAMPLES = 8_000
"""Samples beyond this are thinned evenly before fitting: more do not move the centres."""

MAX_NEIGHBOURS_KEPT = 2_000
"""Samples that nearest neighbours keep: 2,000 of 64 dimensions cost 0.1 ms a query and 0.5 MB."""

SUPPORT = 0.005
"""The least share of samples behind a centre, a component, or inside the neighbourhood of a normal sample."""

ITERATIONS = 15
"""Of Lloyd's algorithm and of EM. Both have converged by then to well below the spread of the data."""

_KINDS = {kind: index for index, kind in enumerate(get_args(Kind))}


def fit_density(samples: Floating, kind: Kind, size: int, seed: int = 0) -> dict[str, Float64]:
    """Fit a density.

    Args:
        samples: ``(n, d)``, at least two; dimensions of like units.
        kind: ``kmeans``, ``gmm`` (full covariances) or ``knn``.
        size: Centres or components; nearest neighbours do not need it.
        seed: Of the choice of starting centres; equal samples and seed give an equal density.

    Returns:
        Named arrays for ``distance``; bounded in size whatever ``n`` is.

    Raises:
        ValueError: Fewer than two samples, or an unknown kind.
    """
    if kind not in _KINDS:
        msg = f"expected a density of {', '.join(_KINDS)}, got {kind}"
        raise ValueError(msg)
    if len(samples) < 2:
        msg = f"expected at least two samples for a density, got {len(samples)}"
        raise ValueError(msg)
    thinned = np.asarray(samples[:: -(-len(samples) // MAX_SAMPLES)], np.float64)
    centre = np.median(thinned, axis=0)
    # The 68 % quantile of absolute deviations is one sigma of a Gaussian, and outliers do not move it.
    spread = np.quantile(np.abs(thinned - centre), 0.68, axis=0)
    # A dimension that hardly varies does not decide alone what is far; all dimensions are of like units.
    spread = np.maximum(spread, max(1e-6, 0.05 * float(spread.max())))
    white = (thinned - centre) / spread
    fitted: dict[str, Float64] = {"kind": np.array([_KINDS[kind]], np.float64), "centre": centre, "spread": spread}
    generator = np.random.default_rng(seed)
    if kind == "knn":
        kept = white[generator.permutation(len(white))[:MAX_NEIGHBOURS_KEPT]]
        neighbours = min(len(kept), max(2, round(SUPPORT * len(kept))))
        return {**fitted, "kept": kept, "neighbours": np.array([neighbours], np.float64)}
    centres, nearest = _kmeans(white, size, generator)
    if kind == "kmeans":
        return {**fitted, "centres": centres}
    apart = ((white - centres[nearest]) ** 2).sum(axis=1)
    near = apart <= np.quantile(apart, 1 - SUPPORT)  # covariances would stretch to the farthest sample
    return {**fitted, **_gmm(white[near], centres, nearest[near])}


def distance(density: Arrays, samples: Floating) -> Float64:
    """How far samples lie from what is dense, in spreads of the normal samples: at least 0, finite.

    Args:
        density: What ``fit_density`` returned.
        samples: ``(n, d)``.

    Returns:
        ``(n,)``: the distance to the nearest centre (k-means), to the k-th nearest kept sample (knn), or
        ``sqrt(-2 log(density / its highest value))`` (gmm), which for one Gaussian is Mahalanobis' distance.
    """
    arrays = {name: np.asarray(values, np.float64) for name, values in density.items()}
    white = (np.asarray(samples, np.float64) - arrays["centre"]) / arrays["spread"]
    if len(white) == 0:
        return np.zeros(0)
    if "centres" in arrays:
        nearest: Float64 = _squared_distances(white, arrays["centres"]).min(axis=1)
        return np.sqrt(nearest)
    if "kept" in arrays:
        at = int(arrays["neighbours"][0]) - 1
        rows = [
            np.partition(_squared_distances(chunk, arrays["kept"]), at, axis=1)[:, at]
            for chunk in np.array_split(white, -(-len(white) // 4096))
        ]
        reached: Float64 = np.sqrt(np.concatenate(rows))
        return reached
    log_density = np.logaddexp.reduce(_log_components(white, arrays), axis=1)
    below: Float64 = np.maximum(arrays["highest"][0] - log_density, 0.0)
    return np.sqrt(2 * below)


def _squared_distances(samples: Float64, centres: Float64) -> Float64:
    squared: Float64 = (samples**2).sum(1)[:, None] - 2 * samples @ centres.T + (centres**2).sum(1)[None]
    return np.maximum(squared, 0.0, out=squared)


def _kmeans(white: Float64, size: int, generator: np.random.Generator) -> tuple[Float64, Index]:
    """Centres that enough samples support, and which of them each sample is nearest to."""
    centres = _spread_out(white, min(size, len(white)), generator)
    for _ in range(ITERATIONS):
        nearest = _squared_distances(white, centres).argmin(axis=1)
        counts = np.bincount(nearest, minlength=len(centres))
        sums = np.stack([np.bincount(nearest, column, len(centres)) for column in white.T], axis=1)
        centres = np.where(counts[:, None] > 0, sums / np.maximum(counts, 1)[:, None], centres)
    supported = counts >= max(2.0, SUPPORT * len(white))
    if supported.any():
        centres = centres[supported]
    return centres, _squared_distances(white, centres).argmin(axis=1)


def _spread_out(white: Float64, size: int, generator: np.random.Generator) -> Float64:
    """Starting centres after k-means++ (Arthur and Vassilvitskii, 2007)."""
    chosen = [white[generator.integers(len(white))]]
    squared = _squared_distances(white, chosen[0][None])[:, 0]
    while len(chosen) < size and squared.sum() > 0:
        chosen.append(white[generator.choice(len(white), p=squared / squared.sum())])
        squared = np.minimum(squared, _squared_distances(white, chosen[-1][None])[:, 0])
    return np.array(chosen)


def _gmm(white: Float64, centres: Float64, nearest: Index) -> dict[str, Float64]:
    """Expectation maximisation from k-means; components that lose their support are dropped."""
    count, dimensions = white.shape
    members = np.zeros((count, len(centres)))
    members[np.arange(count), nearest] = 1.0
    fitted: dict[str, Float64] = {}
    for _ in range(ITERATIONS):
        supported = members.sum(axis=0) >= max(dimensions + 1.0, SUPPORT * count)
        if supported.any():
            members = members[:, supported]
        weights = np.maximum(members.sum(axis=0), 1e-9)
        means = members.T @ white / weights[:, None]
        roots, offsets = [], []
        for member, mean, weight in zip(members.T, means, weights, strict=True):
            centred = white - mean
            # Shrunk towards a tenth of the data's own spread, so that no component collapses onto a point.
            covariance = (centred * member[:, None]).T @ centred / weight + 0.01 * np.eye(dimensions)
            root = np.linalg.inv(np.linalg.cholesky(covariance))
            roots.append(root)
            offsets.append(np.log(weight / count) + np.log(np.diag(root)).sum())
        fitted = {"means": means, "roots": np.array(roots), "offsets": np.array(offsets)}
        logs = _log_components(white, fitted)
        total = np.logaddexp.reduce(logs, axis=1)
        members = np.exp(logs - total[:, None])
    highest = np.logaddexp.reduce(_log_components(fitted["means"], fitted), axis=1).max()
    return {**fitted, "highest": np.array([max(highest, total.max())])}


def _log_components(white: Float64, arrays: Mapping[str, Float64]) -> Float64:
    """``(n, k)`` log of weight times density of each component, up to a constant."""
    centred = white[:, None, :] - arrays["means"][None]
    projected = np.einsum("nkd,ked->nke", centred, arrays["roots"])
    logs: Float64 = arrays["offsets"][None] - 0.5 * (projected**2).sum(-1)
    return logs
