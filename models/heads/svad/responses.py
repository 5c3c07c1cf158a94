"""Equations 8 and 9 of the svad paper: clips by their responses to actions, and how far those are from normal ones."""

from __future__ import annotations

import numpy as np

from models.arrays import Float32, Index


def responses(embeddings: Float32, texts: Float32) -> Float32:
    """Equation 8: how clips respond to actions, made unit length.

    Args:
        embeddings: ``(M, D)`` embeddings of unit length.
        texts: ``(N, D)`` actions, likewise.

    Returns:
        ``(M, N)``.
    """
    similar = embeddings @ texts.T
    unit: Float32 = similar / np.maximum(np.linalg.norm(similar, axis=1, keepdims=True), np.float32(1e-12))
    return unit


def nearest_centres(found: Float32, centres: Float32) -> tuple[Index, Float32]:
    """Equation 9: the nearest centre of what is normal, and how far it is.

    Args:
        found: ``(M, N)`` responses of unit length.
        centres: ``(K, N)``, likewise; K of at least 1.

    Returns:
        ``(M,)`` indices of centres, and ``(M,)`` cosine distances in 0..2, the raw scores.
    """
    similar = found @ centres.T
    nearest = similar.argmax(axis=1)
    distances: Float32 = 1.0 - np.take_along_axis(similar, nearest[:, None], axis=1)[:, 0]
    return nearest, distances


def mixture_distances(found: Float32, centres: Float32, shares: Float32, concentration: float) -> Float32:
    """Equation 9 with centres weighted by how much of what is normal they hold.

    The negative log-likelihood, over the concentration, of a mixture of von Mises-Fisher distributions of one
    concentration (Banerjee et al., Clustering on the Unit Hypersphere, JMLR 2005). Without end of the concentration
    this is equation 9; below, a centre of few clips, such as what the encoder took for something else now and then,
    stands farther off: at 10, one that holds a thousandth by 0.69.

    Args:
        found: ``(M, N)`` responses of unit length.
        centres: ``(K, N)``, likewise; K of at least 1.
        shares: ``(K,)``, greater than 0, that sum to 1.
        concentration: Greater than 0.

    Returns:
        ``(M,)``, at least 0.
    """
    logits = concentration * (found @ centres.T - 1.0) + np.log(shares)
    most = logits.max(axis=1)
    distances: Float32 = -(most + np.log(np.exp(logits - most[:, None]).sum(axis=1))) / np.float32(concentration)
    return distances
