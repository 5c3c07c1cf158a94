"""One score of many terms: each as a surprise of its own, and those together by a norm that the largest rules.

Terms differ in how far normal footage strays: who walks past close by is ten times as fast as most, and nobody is ten
times as large. Added up as they are, the restless ones drown the others. As surprises, -log10(p) over normal frames
that were held out, all are of one kind. Their maximum would do for an anomaly that shows in one term; several that
are mildly unusual together say more than each. The cubic norm is between the two: for one outlying term it is that
term, and three equal ones count 1.44 times as much as one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from models.arrays import Arrays, Float64, Mask, under
from models.heads.attributes.terms import CALIBRATED_TERMS
from models.scoring.calibration import Calibration

POWER = 3.0
"""Of the norm."""

LEAST_TAIL = 0.25
"""Of a term's evidence, for each factor of e by which it gets rarer. Evidence is 0 at the median and about 1 where one
normal frame in a hundred is: an exponential tail through both falls by e every 0.26. A steeper one is that of a term
that footage hardly showed at all, and then a first sight of it would be as rare as can be."""


def fit_terms(evidence: Float64, normal: Mask, recordings: Sequence[int]) -> dict[str, NDArray[np.float64]]:
    """Calibrate each term on normal frames.

    Args:
        evidence: ``(F, terms)``, held out.
        normal: ``(F,)`` which frames count.
        recordings: ``F`` numbers of their unbroken recordings.
    """
    arrays: dict[str, NDArray[np.float64]] = {}
    for term, values in zip(CALIBRATED_TERMS, evidence.T, strict=True):
        fitted = Calibration.fit(np.where(normal, values, np.nan), recordings)
        fitted = replace(fitted, scale=max(fitted.scale, LEAST_TAIL))
        arrays |= {f"{term}/{name}": values for name, values in fitted.to_arrays().items()}
    return arrays


def read_terms(arrays: Arrays) -> dict[str, Calibration]:
    """The calibration of each term, of what ``fit_terms`` gave."""
    return {term: Calibration.from_arrays(under(arrays, f"{term}/")) for term in CALIBRATED_TERMS}


def surprises(calibrated: Mapping[str, Calibration], evidence: Float64) -> Float64:
    """``(F, terms)`` -log10(p) of evidence of the same shape."""
    columns = [calibrated[term].surprise(values) for term, values in zip(CALIBRATED_TERMS, evidence.T, strict=True)]
    return np.stack(columns, axis=1)


def joined(values: Float64) -> Float64:
    """``(F,)`` one score of weighted surprises ``(F, terms)``."""
    score: Float64 = (values**POWER).sum(axis=1) ** (1 / POWER)
    return score


def joined_terms(terms: Mapping[str, Float64]) -> Float64:
    """``(n,)`` the same of columns ``(n,)`` by name."""
    return joined(np.stack(list(terms.values()), axis=1))
