"""The features of normal frames that enrolment keeps: bounded, in whole stretches of time."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from models.arrays import Arrays, Mask

BLOCK_FRAMES = 100
"""Frames are kept or let go in runs of this length, so that what follows what in time stays visible: smoothing
and the rate of alerts are calibrated on runs (10 s at 10 frames a second)."""

MAX_BLOCKS = 60
"""At most 6,000 frames: ten minutes at 10 frames a second in full, longer recordings as a fair sample."""


_RECORDED, _RECORDING_S = -1e12, 1e7
"""Where the clocks of recordings begin, and how far apart: longer than any of them is."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One normal frame.

    Attributes:
        recording: Which unbroken recording it is from.
        pts: Presentation time within it, seconds.
        features: By head.
        at: When it was captured, Unix seconds; NaN where only the recording's own time is known.
        picture: A small JPEG of it; None for most frames.
    """

    recording: int
    pts: float
    features: dict[str, Arrays]
    at: float = math.nan
    picture: bytes | None = None


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A stretch of a recording, from ``begin`` to ``end``, both included, in seconds of its presentation time."""

    recording: int
    begin: float
    end: float


class Choice(StrEnum):
    """What a person said of a stretch of the footage that was learned from."""

    LEAVE_OUT = "leave_out"
    KEEP = "keep"


class Onlooker(Protocol):
    """Is shown every frame that samples are added, kept or not, and tries on it what was learned before."""

    def look(self, sample: Sample) -> None:
        """Take the next frame, before it is added. Called by whoever adds it; must not take long."""
        ...

    def close(self) -> None:
        """Look on no more. Idempotent."""
        ...


@dataclass(slots=True)
class _Block:
    number: int
    samples: list[Sample] = field(default_factory=list)


class Samples:
    """A bounded, fair sample of the frames seen, by reservoir sampling over blocks. Not thread-safe.

    Attributes:
        frames: Seen.
        seconds: That they cover.
        left_out_s: Seconds in which nothing could be seen.
        objects: Tracked objects that were seen.
        choices: What people said of stretches of it, which do not overlap.
    """

    def __init__(self) -> None:
        self._blocks: list[_Block] = []
        self._open = _Block(0)
        self._seen_blocks = 0
        self._random = random.Random(0)
        self.frames = 0
        self.seconds = 0.0
        self.left_out_s = 0.0
        self.objects = 0
        self.choices: dict[Span, Choice] = {}
        self._names: dict[int, str] = {}
        self._live = False
        self._last: Sample | None = None
        self.onlooker: Onlooker | None = None

    def add(self, sample: Sample) -> None:
        """Add the next frame in time; a new recording starts with a new number."""
        if not self._live and not math.isnan(sample.at):
            sample = replace(sample, at=math.nan)  # when the file was read
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

    def begin(self, name: str) -> None:
        """Name what comes next; empty for the live picture, whose clock alone says something."""
        self._names[self.next_recording] = name
        self._live = name == ""

    def name_of(self, recording: int) -> str:
        """What the footage of a recording's number is called; empty for the live picture, or where nobody said."""
        return self._names.get(max((number for number in self._names if number <= recording), default=-1), "")

    @property
    def whole(self) -> bool:
        """Whether all frames that were seen are kept."""
        return self.frames == sum(len(block.samples) for block in [*self._blocks, self._open])

    def clock(self, sample: Sample) -> float:
        """When a frame was, Unix seconds; of a recording, whose time is not known, on a clock of its own before 1970.

        No other frame of these samples has that time, so that it can be found again in what was made of them.
        """
        return _RECORDED + _RECORDING_S * sample.recording + sample.pts if math.isnan(sample.at) else sample.at

    @property
    def recordings(self) -> int:
        """How many recordings were named, the live picture not among them."""
        return sum(name != "" for name in self._names.values())

    def choose(self, span: Span, choice: Choice | None) -> None:
        """Note what a person says of a stretch; None takes back what was said. It replaces what it overlaps."""
        self.choices = {other: said for other, said in self.choices.items() if not overlap(other, span)}
        if choice is not None:
            self.choices[span] = choice

    def chosen(self, samples: Sequence[Sample], choice: Choice) -> Mask:
        """``(N,)``, which of the samples lie in a stretch of which that was said."""
        mask = np.zeros(len(samples), np.bool_)
        for span, said in self.choices.items():
            if said is choice:
                mask |= within(samples, span)
        return mask

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
        copy.choices = dict(self.choices)
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

    def _about(self) -> dict[str, Any]:
        return {
            "names": {str(number): name for number, name in self._names.items()},
            "choices": [[span.recording, span.begin, span.end, choice] for span, choice in self.choices.items()],
            "objects": self.objects,
        }

    def _learn_about(self, about: Mapping[str, Any]) -> None:
        self._names = {int(number): str(name) for number, name in about["names"].items()}
        self.choices = {
            Span(int(recording), float(begin), float(end)): Choice(choice)
            for recording, begin, end, choice in about["choices"]
        }
        self.objects = int(about["objects"])

    def to_arrays(self) -> dict[str, NDArray[np.generic]]:
        """As named arrays, each feature of all frames in one, with the frames' lengths beside it."""
        samples = self.kept()
        arrays: dict[str, NDArray[np.generic]] = {
            "clip": np.array([sample.recording for sample in samples], np.int64),
            "pts": np.array([sample.pts for sample in samples], np.float64),
            "seen": np.array([self.frames, self.seconds], np.float64),
            "at": np.array([sample.at for sample in samples], np.float64),
            **_pictures(samples),
            "about": np.frombuffer(json.dumps(self._about()).encode(), np.uint8),
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
        samples._live = True  # what was no time when it was stored is none now
        # Files of earlier versions know neither times nor pictures.
        times = np.asarray(arrays.get("at", np.full(len(features), math.nan)), np.float64)
        pictures = _pictures_of(arrays)
        frames = zip(arrays["clip"], arrays["pts"], features, times, strict=True)
        for index, (recording, pts, frame, at) in enumerate(frames):
            samples.add(Sample(int(recording), float(pts), dict(frame), float(at), pictures.get(index)))
        if "about" in arrays:
            samples._learn_about(json.loads(np.asarray(arrays["about"], np.uint8).tobytes()))
        samples._live = False
        samples.frames, samples.seconds = int(arrays["seen"][0]), float(arrays["seen"][1])
        return samples


def overlap(one: Span, other: Span) -> bool:
    """Whether two stretches share a moment."""
    return one.recording == other.recording and one.begin <= other.end and other.begin <= one.end


def within(samples: Sequence[Sample], span: Span) -> Mask:
    """``(N,)``, which of the samples lie in a stretch."""
    return np.array(
        [sample.recording == span.recording and span.begin <= sample.pts <= span.end for sample in samples], np.bool_
    )


def _pictures(samples: Sequence[Sample]) -> dict[str, NDArray[np.generic]]:
    """The samples' pictures behind each other, with whose they are and how long."""
    found = [(index, sample.picture) for index, sample in enumerate(samples) if sample.picture is not None]
    return {
        "pictures": np.frombuffer(b"".join(picture for _, picture in found), np.uint8),
        "pictured": np.array([(index, len(picture)) for index, picture in found], np.int64).reshape(-1, 2),
    }


def _pictures_of(arrays: Arrays) -> dict[int, bytes]:
    """By the sample's place, what ``_pictures`` gave."""
    if "pictured" not in arrays:
        return {}
    places, lengths = np.asarray(arrays["pictured"], np.int64).T
    ends = np.cumsum(lengths)
    data = np.asarray(arrays["pictures"], np.uint8).tobytes()
    spans = zip(places.tolist(), (ends - lengths).tolist(), ends.tolist(), strict=True)
    return {place: data[begin:end] for place, begin, end in spans}


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
