"""The loud seconds of a rehearsal, judged again by what was learned in the end.

The first morning of a camera that has learned a night is unusual throughout, and the second is not. So once a whole day
has been seen, what was loud when it came is loud only if it still is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from models.scoring.calibration import SECONDS_PER_DAY
from models.scoring.trial import NormalTrial
from service.profiles.samples import Sample

WHOLE_DAY_S = 0.95 * SECONDS_PER_DAY
"""Of less footage, what comes next is another time of day, and as new as what came last."""

LOUD = 2.0
"""Surprise from which a second is kept: one normal frame in a hundred. In a day of the office, 1.2 hours of 24."""

MOST = 3600
"""Seconds that are kept, the loudest: about 15 MB of features."""


class Hindsight:
    """Keeps of each loud second its loudest frame. Not thread-safe."""

    def __init__(self) -> None:
        self._frames: dict[tuple[int, int], tuple[float, Sample]] = {}

    def note(self, part: int, second: int, surprise: float, sample: Sample) -> None:
        """Take a frame that was just judged.

        Args:
            part: Of which of the rehearsal's trials.
            second: In which of its seconds.
            surprise: As it was judged; NaN if nothing could be said.
            sample: The frame.
        """
        before = self._frames.get((part, second))
        if not surprise >= LOUD or (before is not None and before[0] >= surprise):
            return
        self._frames[part, second] = surprise, sample
        if len(self._frames) > 1.25 * MOST:
            loudest = sorted(self._frames.items(), key=lambda item: -item[1][0])
            self._frames = dict(loudest[:MOST])

    def judged(
        self, parts: Sequence[NormalTrial], whole: NormalTrial, judge: Callable[[Sample], float], kept: Sequence[Sample]
    ) -> NormalTrial:
        """The whole trial, with what was loud judged again.

        No second gets louder. One whose frame was learned from is left out: it would be no trial.

        Args:
            parts: The rehearsal's trials.
            whole: All of them together, on the scale of ``judge``; of very long ones the newest seconds.
            judge: Gives the surprise of a frame by what was learned in the end; NaN if nothing can be said.
            kept: What was learned from.
        """
        learned = {(sample.recording, sample.pts) for sample in kept}
        starts = np.cumsum([0, *(len(part.seconds) for part in parts)])
        gone = int(starts[-1]) - len(whole.seconds)
        seconds, keep = whole.seconds.copy(), np.ones(len(whole.seconds), bool)
        for (part, second), (_, sample) in self._frames.items():
            at = int(starts[part]) + second - gone
            if at < 0:
                continue
            if (sample.recording, sample.pts) in learned:
                keep[at] = False
                continue
            again = judge(sample)
            seconds[at] = min(float(seconds[at]), 0.0 if math.isnan(again) else again)
        return NormalTrial(seconds, whole.starts, whole.began).where(keep)
