"""Odd events inside footage that should be normal: what enrolment must not learn from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

FENCE = 2.5
"""Far out, where 0 is the median and 1 about the 99 % quantile: of an exponential tail one frame in six thousand, of
a Gaussian's far fewer."""

MAX_EPISODES = 2
"""What comes back a third time is no odd event but part of what is normal there."""

MAX_ODD = 0.05
"""If more than this share is far out, it is the fence that is wrong."""

EPISODE_GAP = 0.02
"""Far-out frames further apart than this share of the footage are different episodes: 5 s of four minutes."""


def odd_frames(distances: NDArray[np.floating], recordings: Sequence[int]) -> NDArray[np.bool_]:
    """Which frames belong to an odd event: far out by some measure, in one or two episodes, and few in all.

    Left in, one cyclist in the minutes of enrolment would make every later cyclist normal.

    Args:
        distances: ``(n, m)`` of frames in order of time by ``m`` measures, each held out from what it is judged
            by and scaled as ``FENCE`` says; -inf where there was nothing to measure.
        recordings: For each frame the number of its unbroken recording; the end of one ends an episode.

    Returns:
        ``(n,)``; an episode is odd from its first far-out frame to its last.
    """
    numbers = np.asarray(recordings)
    odd = np.zeros(len(distances), bool)
    for values in np.asarray(distances, np.float64).T:
        at = np.flatnonzero(values > FENCE)
        apart = (np.diff(at) > max(1.0, EPISODE_GAP * len(values))) | (np.diff(numbers[at]) != 0)
        episodes = np.split(at, np.flatnonzero(apart) + 1) if len(at) else []
        if len(episodes) <= MAX_EPISODES:
            for episode in episodes:
                odd[episode[0] : episode[-1] + 1] = True
    return odd if odd.mean() <= MAX_ODD else np.zeros(len(odd), bool)
