"""What a long enrolment has learned so far, tried on what comes next: footage that it has not seen, scored as if live.

While all frames fit into the samples, a profile is tried on stretches that were left out of it (``fit.py``). Of more
footage only a share is kept, so it is tried as it comes: once the samples are full a profile for the time being is
fitted, and each further frame is scored by it before it is learned from. Whenever there is twice as much footage, a new
one is fitted from what is kept then. (Dawid, Statistical theory: the prequential approach, 1984.)
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from concurrent.futures import Executor

from models.inputs import stands_s
from models.scoring.smoothing import SMOOTHING_S, CausalSmoother
from models.scoring.trial import NormalTrial, TrialRecorder
from service.engine.heads import LoadedHead
from service.profiles.fit import EnrolmentError, fit_profile
from service.profiles.hindsight import WHOLE_DAY_S, Hindsight
from service.profiles.profile import Profile
from service.profiles.samples import Sample, Samples

logger = logging.getLogger(__name__)

REFIT = 2.0
"""A profile for the time being is fitted anew whenever there are so many times the frames: seven fits a day at 10
frames a second."""


class Rehearsal:
    """Looks on while samples are gathered, and keeps the trial. Of one enrolment, and ends with it.

    One thread at a time adds frames; a fit in the executor hands over its profile and nothing else.
    """

    def __init__(
        self,
        samples: Samples,
        heads: Mapping[str, LoadedHead],
        executor: Executor | None = None,
        profile: Profile | None = None,
    ) -> None:
        """Look on from now on.

        Args:
            samples: Of the enrolment.
            heads: By pack name.
            executor: Fits beside what gathers the frames; None fits in between, as is right for files.
            profile: What is extended: it is tried on all that comes.
        """
        self._samples = samples
        self._heads = heads
        self._executor = executor
        self._parts: list[NormalTrial] = []
        self._judge: FrameJudge | None = None
        self._recorder = TrialRecorder()
        self._hindsight = Hindsight()
        self._new: Profile | None = None
        self._fitting = False
        self._due = 0.0
        self._closed = False
        if profile is not None:
            if profile.trial is not None:
                self._parts.append(_smoothed(profile.trial, profile))
            self._judge_from(profile)
        samples.onlooker = self

    def look(self, sample: Sample) -> None:
        """Score a frame by what was learned before it, and see whether it is time to learn again."""
        if self._new is not None:
            fitted, self._new = self._new, None
            if self._judge is None and fitted.trial is not None:
                self._parts.append(_smoothed(fitted.trial, fitted))
            self._judge_from(fitted)
        if self._judge is not None:
            surprise = self._judge.judge(sample)
            self._recorder.add(surprise, sample.pts, sample.recording, self._samples.clock(sample))
            self._hindsight.note(len(self._parts), len(self._recorder) - 1, surprise, sample)
        if self._samples.full and self._samples.frames >= self._due and not self._fitting:
            self._refit()

    def trial(self, profile: Profile) -> NormalTrial | None:
        """All that was tried, on the scale of the profile that is learned in the end; None if that is nothing yet.

        Of a whole day and more, that profile judges what was loud once more (``hindsight.py``).

        Args:
            profile: Learned from the samples as they are now.
        """
        self.close()
        self._end_part()
        if not self._parts:
            return None
        whole = NormalTrial()
        for part in self._parts:
            whole = whole.joined(part)
        whole = whole.on_scale(profile.fused.surprise)
        if len(whole.seconds) < WHOLE_DAY_S:
            return whole
        judge = FrameJudge(profile, self._heads)
        return self._hindsight.judged(self._parts, whole, judge.judge_alone, self._samples.kept())

    def close(self) -> None:
        """Look on no more. Idempotent."""
        self._closed = True
        self._samples.onlooker = None

    def _refit(self) -> None:
        self._fitting = True
        self._due = REFIT * self._samples.frames
        snapshot = self._samples.snapshot()
        if self._executor is None:
            self._fit(snapshot)
        else:
            self._executor.submit(self._fit, snapshot)

    def _fit(self, samples: Samples) -> None:
        try:
            if self._closed:
                return
            self._new = fit_profile(self._heads, samples, "", (), "", moments=False)
        except EnrolmentError as error:
            logger.warning("what was learned so far cannot be tried yet: %s", error)
        except Exception:  # a head that fails here fails again at the end, and says so to who enrols
            logger.exception("what was learned so far cannot be tried")
        finally:
            self._fitting = False

    def _judge_from(self, profile: Profile) -> None:
        self._end_part()
        self._judge = FrameJudge(profile, self._heads)

    def _end_part(self) -> None:
        if self._judge is not None:
            part = self._recorder.taken()
            if part.hours:
                self._parts.append(_smoothed(part, self._judge.profile))


class FrameJudge:
    """Final surprises of frames by their features alone; what ``Scorer`` does without objects and rules."""

    def __init__(self, profile: Profile, heads: Mapping[str, LoadedHead]) -> None:
        """Judge by a profile.

        Args:
            profile: Of these heads.
            heads: By pack name.
        """
        self.profile = profile
        self._heads = heads
        self._stands = {name: stands_s(loaded.head.inputs) for name, loaded in heads.items()}
        self._said: dict[str, tuple[float, float]] = {}
        self._smoother = CausalSmoother(SMOOTHING_S)
        self._recording: int | None = None

    def judge(self, sample: Sample) -> float:
        """The surprise of a frame, NaN while nothing can be said."""
        if sample.recording != self._recording:
            self._recording = sample.recording
            self._smoother.reset()
            self._said.clear()
        said = [self._surprise(name, sample) for name in self._heads]
        most = max((value for value in said if not math.isnan(value)), default=math.nan)
        smooth = self._smoother.update(most, sample.pts)
        return math.nan if math.isnan(smooth) else float(self.profile.fused.surprise(smooth))

    def judge_alone(self, sample: Sample) -> float:
        """The same of a frame as if it were the first: what came before it is forgotten."""
        self._recording = None
        return self.judge(sample)

    def _surprise(self, name: str, sample: Sample) -> float:
        """Of a head, or what it said last where that still stands."""
        learned = self.profile.heads[name]
        scores = self._heads[name].head.score(sample.features[name], learned.arrays)
        if scores.informative and math.isfinite(scores.frame):
            value = float(learned.calibration.surprise(scores.frame))
            self._said[name] = sample.pts, value
            return value
        at, value = self._said.get(name, (-math.inf, math.nan))
        return value if sample.pts - at <= self._stands[name] else math.nan


def _smoothed(trial: NormalTrial, profile: Profile) -> NormalTrial:
    """On the scale before the last calibration, which profiles of the same heads share."""
    return trial.on_scale(profile.fused.raw)
