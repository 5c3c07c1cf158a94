"""Which phrases objects resemble most, by their clip features."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.heads.base import Likeness
from models.scoring.bank import Bank

Floats = NDArray[np.float32]

SHOWN = 3
"""Phrases named for an object."""


def most_alike(similarities: Floats) -> tuple[NDArray[np.intp], Floats]:
    """The phrases that objects resemble most.

    Args:
        similarities: ``(N, K)`` of objects to phrases; NaN rows for objects of which nothing is known.

    Returns:
        ``(N, A)`` indices, most alike first, -1 where nothing is known, and their similarities, there NaN; A is
        ``SHOWN``, or ``K`` if that is less.
    """
    order = np.argsort(-similarities, axis=1, kind="stable")[:, :SHOWN]
    values = np.take_along_axis(similarities, order, axis=1)
    return np.where(np.isnan(values), -1, order).astype(np.intp), values


def resemblance(bank: Bank, video: Floats) -> Likeness:
    """What objects resemble of a bank's actions, where no head compares them with normal modes.

    Args:
        bank: Of the encoder.
        video: ``(N, D)`` clip features; NaN rows for objects without one.
    """
    actions = bank.actions
    best, similarities = most_alike(video @ bank.features[actions].T)
    count = len(video)
    chosen = np.where(best >= 0, actions[best], -1)
    nothing = np.full(count, -1, np.intp), np.full(count, np.nan, np.float32)
    return Likeness(bank.phrases, chosen, similarities, *nothing)
