"""Moments of an enrolment that a person should see: what was left out as odd, and the most unusual of what was not."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from models.arrays import Arrays
from service.profiles.samples import Choice, Span


class MomentKind(StrEnum):
    """Why a moment is shown."""

    ODD = "odd"
    """Something that stood out, and was left out by itself or by a person, or kept by one."""

    UNUSUAL = "unusual"
    """The most unusual of what was learned to be normal."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A stretch of the footage that was learned from.

    Attributes:
        span: Which.
        kind: Why it is shown.
        left_out: Whether what was learned is without it.
        choice: What a person said of it; None if nobody did.
        recording: What its recording is called; empty for the live picture.
        at: When its peak was captured, Unix seconds; NaN in recordings.
        peak: Presentation time of its peak, seconds.
        surprise: At the peak, -log10(p): of an unusual moment as the service would have scored it live, by what was
            learned from the rest of the footage; of an odd one before smoothing; NaN if nothing could be said.
        why: In which way it stands out, as alerts say it; empty if no term says so.
        picture: A small JPEG of about its peak; empty if there is none.
    """

    span: Span
    kind: MomentKind
    left_out: bool
    choice: Choice | None
    recording: str
    at: float
    peak: float
    surprise: float
    why: str
    picture: bytes

    @property
    def id(self) -> str:
        """By which it is asked for; the same as long as the stretch is."""
        return f"{self.span.recording}-{self.span.begin * 1000:.0f}-{self.span.end * 1000:.0f}"


def to_arrays(moments: Sequence[Moment]) -> dict[str, NDArray[np.generic]]:
    """As named arrays, for storing."""
    said = [
        {
            "span": [moment.span.recording, moment.span.begin, moment.span.end],
            "kind": moment.kind,
            "left_out": moment.left_out,
            "choice": moment.choice,
            "recording": moment.recording,
            "numbers": [moment.at, moment.peak, moment.surprise],
            "why": moment.why,
            "picture": len(moment.picture),
        }
        for moment in moments
    ]
    return {
        "about": np.frombuffer(json.dumps(said).encode(), np.uint8),
        "pictures": np.frombuffer(b"".join(moment.picture for moment in moments), np.uint8),
    }


def from_arrays(arrays: Arrays) -> tuple[Moment, ...]:
    """The moments that ``to_arrays`` wrote; none if it wrote nothing, as earlier versions did."""
    if "about" not in arrays:
        return ()
    pictures, begin, moments = np.asarray(arrays["pictures"], np.uint8).tobytes(), 0, []
    for said in json.loads(np.asarray(arrays["about"], np.uint8).tobytes()):
        recording, *times = said["span"]
        at, peak, surprise = map(float, said["numbers"])
        end = begin + int(said["picture"])
        moments.append(
            Moment(
                span=Span(int(recording), *map(float, times)),
                kind=MomentKind(said["kind"]),
                left_out=bool(said["left_out"]),
                choice=None if said["choice"] is None else Choice(said["choice"]),
                recording=str(said["recording"]),
                at=at,
                peak=peak,
                surprise=surprise,
                why=str(said["why"]),
                picture=pictures[begin:end],
            )
        )
        begin = end
    return tuple(moments)
