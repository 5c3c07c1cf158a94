"""The light that has just changed, and how rare that is: a lamp that goes on in the night, infrared at dusk.

A frame either comes so soon after a change or not, so there is no distribution to fit: its surprise is that of the
share of normal frames that did. Where the light changes often, another change says nothing.
"""

from __future__ import annotations

import numpy as np

from models.arrays import Arrays, Float64, Mask
from models.heads.attributes.table import FeatureTable

LIGHT_S = 10.0
"""Seconds for which a change of light is news. While the whole picture changes nothing is scored, in the office for up
to five seconds; and a camera of one frame a second needs two to open an alert."""


def fit_light(table: FeatureTable, frames: Mask) -> Float64:
    """``(1,)`` the share of these frames of a table in which the light had just changed.

    One more is counted than there were, so that what was never seen is as rare as the footage is long.
    """
    return np.array([(np.count_nonzero(_news(table) & frames) + 1) / (np.count_nonzero(frames) + 1)])


def light_surprise(table: FeatureTable, profile: Arrays) -> Float64:
    """``(F,)`` -log10 of that share where the light has just changed, else 0."""
    rare = -np.log10(np.asarray(profile["light"], np.float64))
    return np.where(_news(table), rare, 0.0)


def _news(table: FeatureTable) -> Mask:
    return np.asarray(table.since_light <= LIGHT_S, bool)
