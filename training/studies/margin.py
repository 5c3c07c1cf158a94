"""How far normal footage goes above the level at which footage of the same length before it was silent.

    watchword study margin DATASET... --out OUT

Some recordings of a data set's normal footage are learned, as an enrolment would, and the others are scored. Where what
was learned was just silent is set against the highest that the others reach, on the scales on which a margin could be
a factor. ``models.scoring.promise.MARGIN`` is from here; no test clip is looked at.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import chain, pairwise

import numpy as np

from models.scoring.smoothing import MAX_SURPRISE
from models.scoring.trial import TrialRecorder
from service.frames import PreparedFrame
from service.pipeline.offline import OfflinePipeline
from service.profiles.fit import fit_profile
from service.profiles.rehearsal import FrameJudge
from service.profiles.samples import Sample, Samples
from training.datasets import Dataset
from training.evaluation.evaluate import Progress, Silent, decoded
from training.evaluation.tables import table
from training.studies.study import Setup, Study

SCALES = ("smoothed", "final", "way")
"""The smoothed surprise, the final one, and the share of the way that is left to the highest smoothed surprise."""

QUIET = 0.75
"""The margin is the least at which this share of recordings stays silent."""


@dataclass(frozen=True, slots=True)
class MarginSplit:
    """What was learned and what came of the rest: smoothed and final surprises, each the highest sustained.

    Attributes:
        hours: That were learned from.
        silent: Above which nothing of it was, held out.
        reached: What the others reached.
    """

    hours: float
    silent: tuple[float, float]
    reached: tuple[float, float]

    def needed(self, scale: str) -> float:
        """The margin on a scale that would just have kept the others silent."""
        if scale == "way":
            return (self.reached[0] - self.silent[0]) / max(1e-6, MAX_SURPRISE - self.silent[0])
        which = 0 if scale == "smoothed" else 1
        return self.reached[which] / max(1e-6, self.silent[which])


def study_margin(
    datasets: Sequence[Dataset],
    setup: Setup,
    progress: Progress | None = None,
    piece_s: float = 300.0,
    splits: int = 20,
) -> Study:
    """What margin normal footage needs, by cross-validation over recordings.

    Args:
        datasets: Of them the normal clips.
        setup: As of every study.
        progress: Told how far it is.
        piece_s: Longer clips are cut into pieces of so many seconds, and each is tried on the next; of shorter ones a
            half drawn by chance is tried on the other half, ``splits`` times.
        splits: See there.
    """
    random_of, shown = random.Random(setup.seed), progress or Silent()
    found: dict[str, list[MarginSplit]] = {}
    with setup.pipeline(setup.rate(datasets)) as pipeline:
        for dataset in datasets:
            shown.begin(f"normal footage: {dataset.name}", len(dataset.train))
            clips = []
            for clip in dataset.train:
                with closing(decoded(clip, setup.settings, setup.fps, pipeline.windows)) as frames:
                    clips.append([_kept(pipeline, piece) for piece in pieces(frames, piece_s)])
                shown.advance()
            pairs = list(_pairs(clips, splits, random_of))
            shown.begin(f"splits: {dataset.name}", len(pairs))
            for learned, tried in pairs:
                found.setdefault(dataset.name, []).append(_split(pipeline, learned, tried))
                shown.advance()
    return _told(found)


def pieces(frames: Iterator[PreparedFrame], piece_s: float) -> Iterator[Iterator[PreparedFrame]]:
    """A clip in pieces of so many seconds, the last one shorter; each is to be read to its end before the next."""
    ahead = next(frames, None)

    def piece() -> Iterator[PreparedFrame]:
        nonlocal ahead
        began = None
        while ahead is not None and (began is None or ahead.frame.pts - began < piece_s):
            began = ahead.frame.pts if began is None else began
            yield ahead
            ahead = next(frames, None)

    while ahead is not None:
        yield piece()


def _kept(pipeline: OfflinePipeline, piece: Iterator[PreparedFrame]) -> list[Sample]:
    samples = pipeline.gather([piece])
    if samples.onlooker is not None:
        samples.onlooker.close()
    return samples.kept()


def _pairs(
    clips: Sequence[Sequence[list[Sample]]], splits: int, random_of: random.Random
) -> Iterator[tuple[list[list[Sample]], list[list[Sample]]]]:
    """What is learned, and what it is tried on."""
    if any(len(clip) > 1 for clip in clips):
        for clip in clips:
            for learned, tried in pairwise(clip):
                yield [learned], [tried]
        return
    whole = [piece for piece in chain.from_iterable(clips) if piece]
    for _ in range(splits):
        random_of.shuffle(whole)
        yield whole[: len(whole) // 2], whole[len(whole) // 2 :]


def _split(pipeline: OfflinePipeline, learned: Sequence[list[Sample]], tried: Sequence[list[Sample]]) -> MarginSplit:
    samples, heads = Samples(), pipeline.stages.heads
    for sample in _numbered(learned):
        samples.add(sample)
    profile = fit_profile(heads, samples, "", (), "")
    judge, recorder = FrameJudge(profile, heads), TrialRecorder()
    for sample in _numbered(tried):
        recorder.add(judge.judge(sample), sample.pts, sample.recording)
    silent = 0.0 if profile.trial is None else profile.trial.silent
    reached = recorder.trial.silent
    return MarginSplit(
        samples.seconds / 3600, (profile.fused.raw(silent), silent), (profile.fused.raw(reached), reached)
    )


def _numbered(recordings: Sequence[list[Sample]]) -> Iterator[Sample]:
    """The frames of several pieces, each a recording, which may hold some."""
    number = 0
    for recording in recordings:
        last = None
        for sample in recording:
            number += last is not None and sample.recording != last
            last = sample.recording
            yield Sample(number, sample.pts, sample.features)
        number += 1


def _told(found: Mapping[str, Sequence[MarginSplit]]) -> Study:
    """For each data set, and for all with each of them weighing the same."""
    needed = {
        name: {scale: np.array([split.needed(scale) for split in splits]) for scale in SCALES}
        for name, splits in found.items()
    }
    rows = {
        name: {
            "splits": len(found[name]),
            "minutes": 60 * float(np.mean([split.hours for split in found[name]])),
            "silent_without": float(np.mean(scales["smoothed"] <= 1)),
            **{scale: float(np.quantile(values, QUIET, method="inverted_cdf")) for scale, values in scales.items()},
        }
        for name, scales in needed.items()
    }
    pooled = {scale: _pooled([scales[scale] for scales in needed.values()]) for scale in SCALES}
    text = table(
        ("data set", "splits", "minutes learned", "silent without margin", *SCALES),
        [(name, *row.values()) for name, row in rows.items()] + [("all", "", "", "", *pooled.values())],
    )
    values = {name: {scale: each.tolist() for scale, each in scales.items()} for name, scales in needed.items()}
    return Study({"datasets": rows, "quiet": QUIET, "margin": pooled, "needed": values}, text)


def _pooled(values: Sequence[np.ndarray]) -> float:
    """The least margin at which the share of splits that stay silent, the mean over data sets, is ``QUIET``."""
    candidates = np.sort(np.concatenate(list(values)))
    shares = [float(np.mean([np.mean(each <= candidate) for each in values])) for candidate in candidates]
    return float(candidates[int(np.argmax(np.array(shares) >= QUIET - 1e-9))])
