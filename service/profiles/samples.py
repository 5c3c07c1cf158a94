"""The features of normal frames that enrolment keeps: bounded, in whole stretches of time."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.arrays import Arrays
from models.scoring.calibration import Calibration
from models.scoring.trial import NormalTrial

BLOCK_FRAMES = 100
"""Frames are kept or let go in runs of this length, so that what follows what in time stays visible: smoothing
and the rate of alerts are calibrated on runs (10 s at 10 frames a second)."""

MAX_BLOCKS = 60
"""At most 6,000 frames: ten minutes at 10 frames a second in full, longer recordings as a fair sample."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One normal frame: when it was, which unbroken recording it is from, and its features by head."""

    recording: int
    pts: float
    features: dict[str, Arrays]


class Onlooker(Protocol):
    """Is shown every frame that samples are added, kept or not, and tries on it what was learned before."""

    def look(self, sample: Sample) -> None:
        """Take the next frame, before it is added. Called by whoever adds it; must not take long."""
        ...

    def trial(self, fused: Calibration) -> NormalTrial | None:
        """All that was tried, under the last calibration; None if that is nothing. Nothing is looked at any more."""
        ...

    def close(self) -> None:
        """Look on no more. Idempotent."""
        ...


@dataclass(slots=True)
class _Block:
    number: int
    samples: list[Sample] = field(default_factory=list)


class Samples:
    """A bounded, fair sample of the frames seen, by reservoir sampling over blocks. Not thread-safe."""

    def __init__(self) -> None:
        self._blocks: list[_Block] = []
        self._open = _Block(0)
        self._seen_blocks = 0
        self._random = random.Random(0)
        self.frames = 0
        self.seconds = 0.0
        self.left_out_s = 0.0
        self._last: Sample | None = None
        self.onlooker: Onlooker | None = None

    def add(self, sample: Sample) -> None:
        """Add the next frame in time; a new recording starts with a new number."""
        if self.onlooker is not None:
            self.onlooker.look(sample)
        if self._last is not None and sample.recording == self._last.recording:
            self.seconds += sample.pts - self._last.pts
        elif self._open.samples:
            self._seal()
        self._last = sample
        self.frames += 1
        self._open.samples.append(sample)
        if len(self._open.samples) == BLOCK_FRAMES:
            self._seal()

    def leave_out(self, seconds: float) -> None:
        """Count seconds in which nothing could be seen."""
        self.left_out_s += seconds

    def kept(self) -> list[Sample]:
        """The frames that are kept, in the order in which they came."""
        blocks = sorted(self._blocks, key=lambda block: block.number)
        return [sample for block in [*blocks, self._open] for sample in block.samples]

    @property
    def full(self) -> bool:
        """Whether of what comes now not all is kept any more."""
        return self._seen_blocks >= MAX_BLOCKS

    def snapshot(self) -> Samples:
        """What is kept now, for another thread to learn from; nobody is shown what is added to it."""
        copy = Samples()
        copy._blocks = [_Block(block.number, list(block.samples)) for block in [*self._blocks, self._open]]
        copy._open = _Block(self._open.number + 1)
        copy.frames, copy.seconds, copy._last = self.frames, self.seconds, self._last
        return copy

    @property
    def next_recording(self) -> int:
        """A recording's number that no frame has yet."""
        return 0 if self._last is None else self._last.recording + 1

    def _seal(self) -> None:
        block, self._open = self._open, _Block(self._open.number + 1)
        self._seen_blocks += 1
        if len(self._blocks) < MAX_BLOCKS:
            self._blocks.append(block)
            return
        place = self._random.randrange(self._seen_blocks)
        if place < MAX_BLOCKS:
            self._blocks[place] = block

    def to_arrays(self) -> dict[str, NDArray[np.generic]]:
        """As named arrays, each feature of all frames in one, with the frames' lengths beside it."""
        samples = self.kept()
        arrays: dict[str, NDArray[np.generic]] = {
            "clip": np.array([sample.recording for sample in samples], np.int64),
            "pts": np.array([sample.pts for sample in samples], np.float64),
            "seen": np.array([self.frames, self.seconds], np.float64),
        }
        heads = samples[0].features if samples else {}
        for head, first in heads.items():
            for key in first:
                rows = [np.atleast_1d(sample.features[head][key]) for sample in samples]
                arrays[f"rows/{head}/{key}"] = np.concatenate(rows)
                arrays[f"length/{head}/{key}"] = np.array([len(row) for row in rows], np.int64)
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Samples:
        """Read back what ``to_arrays`` gave."""
        features: list[dict[str, dict[str, NDArray[np.generic]]]] = [{} for _ in arrays["clip"]]
        for name in arrays:
            kind, _, rest = name.partition("/")
            if kind != "rows":
                continue
            head, _, key = rest.partition("/")
            ends = np.cumsum(arrays[f"length/{rest}"])[:-1]
            for frame, rows in zip(features, np.split(arrays[name], ends), strict=True):
                frame.setdefault(head, {})[key] = rows
        samples = cls()
        for recording, pts, frame in zip(arrays["clip"], arrays["pts"], features, strict=True):
            samples.add(Sample(int(recording), float(pts), dict(frame)))
        samples.frames, samples.seconds = int(arrays["seen"][0]), float(arrays["seen"][1])
        return samples


MAX_GAP_S, GAP_STEPS = 1.0, 8.0
"""A pause between two frames that is longer than this, and than so many usual steps, ends a run: a camera of one frame
in two seconds would else have no two in a row."""


def gaps(samples: Sequence[Sample]) -> NDArray[np.bool_]:
    """Where a run of frames starts: ``(N,)``, true at the first, at a new recording, and after a pause."""
    recordings = np.array([sample.recording for sample in samples])
    steps = np.diff(np.array([sample.pts for sample in samples]))
    goes_on = (np.diff(recordings) == 0) & (steps > 0)
    usual = float(np.quantile(steps[goes_on], 0.5, method="lower")) if goes_on.any() else 0.0
    longest = max(MAX_GAP_S, GAP_STEPS * usual)
    starts = np.ones(len(samples), bool)
    starts[1:] = ~goes_on | (steps > longest)
    return starts
