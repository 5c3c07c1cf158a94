"""Which phrases objects resemble most, by their embeddings."""

from __future__ import annotations

import numpy as np

from models.arrays import Float32, Index
from models.guidance.bank import Bank
from models.heads.base import Likeness

SHOWN = 3
"""Phrases named for an object."""


def most_alike(similarities: Float32) -> tuple[Index, Float32]:
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


class BankActions:
    """The actions of an encoder's bank, to name what objects resemble where no head compares them with normal modes."""

    def __init__(self, bank: Bank) -> None:
        """Keep the actions of a bank.

        Args:
            bank: Of the encoder; phrases that are no actions are left out.
        """
        actions = bank.actions
        self._phrases = tuple(bank.phrases[index] for index in actions.tolist())
        self._features = np.ascontiguousarray(bank.features[actions].T)

    def likeness(self, embeddings: Float32) -> Likeness:
        """Of objects with embeddings ``(N, D)``; NaN rows for those without one. Modes are not known."""
        count = len(embeddings)
        nothing = np.full(count, -1, np.intp), np.full(count, np.nan, np.float32)
        return Likeness(self._phrases, *most_alike(embeddings @ self._features), *nothing)
