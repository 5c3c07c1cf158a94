"""Scores of normal frames from fits that have not seen them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

FOLDS = 4


def held_out(
    rows: NDArray[np.float64], score: Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]]
) -> NDArray[np.float64]:
    """``(n,)`` scores of rows in order of time, each stretch scored by what was learned from the others.

    Args:
        rows: ``(n, ...)``.
        score: Of the rows to score and the rows to learn from, the scores of the former.
    """
    fold = np.arange(len(rows)) * FOLDS // max(1, len(rows))
    scores = np.zeros(len(rows))
    for each in range(FOLDS):
        scores[fold == each] = score(rows[fold == each], rows[fold != each])
    return scores
