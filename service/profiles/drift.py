"""Whether a day's share of unusual frames is more than what was learned allows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from models.scoring.calibration import Calibration
from service.profiles.rates import more_than_chance

SURPRISE = 2.0
"""What counts as unusual here: one frame in a hundred while learning. Rarer frames are too few a day to count, and
more common ones say nothing of alerts."""

EXPECTED = 10.0**-SURPRISE

MATTERS = 2.0
"""A share less than twice what is expected is let be, however surely it is more: a promise of alerts is good to a
factor of two."""

BY_CHANCE = 1e-3
"""A day is beyond what was learned if chance alone would make so few days like it. Two in a row by chance are one in a
million, so that of 256 cameras one in ten years asks for nothing."""

DAYS = 2
"""A day that is beyond it may be a holiday or a storm; normal has changed where the next one is like it."""

LEAST_HOURS = 1.0
"""A day of which less was scored is passed over: it says nothing of the day."""


@dataclass(frozen=True, slots=True)
class Counted:
    """Frames of a day, and those of them that were unusual."""

    frames: int
    unusual: int

    @property
    def share(self) -> float:
        """Of unusual frames, in [0, 1]."""
        return self.unusual / self.frames if self.frames else 0.0


def beyond(day: Counted, calibration: Calibration) -> bool:
    """Whether a day has more unusual frames than chance and little footage explain.

    Unusual frames come in runs, so runs are counted: frames times the extremal index. What was learned is a sample as
    well: of ten minutes the share of one in a hundred is known from a handful of runs. So the two counts are compared
    as two Poisson counts, each with the frames it was seen in, by an exact test. After ten minutes (6,000 frames, runs
    of ten) it takes 3 % of a day's frames, after a whole day 2 %.

    Args:
        day: What was counted.
        calibration: Of the final score.
    """
    if day.share < MATTERS * EXPECTED:
        return False
    learned = math.ceil(EXPECTED * calibration.count * calibration.extremal_index)
    seen = round(day.unusual * calibration.extremal_index)
    share = day.frames / (day.frames + calibration.count)
    return more_than_chance(seen, share, seen + learned) < BY_CHANCE


def changed(days: Sequence[Counted], calibration: Calibration, fps: float) -> bool:
    """Whether normal has changed: whether the newest days of which enough was scored are all beyond what was learned.

    Args:
        days: The newest first.
        calibration: Of the final score.
        fps: Frames scored a second.
    """
    enough = [day for day in days if counts(day, fps)][:DAYS]
    return len(enough) == DAYS and all(beyond(day, calibration) for day in enough)


def counts(day: Counted, fps: float) -> bool:
    """Whether enough of a day was scored to say something of it."""
    return day.frames >= LEAST_HOURS * 3600 * fps
