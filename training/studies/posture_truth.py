"""What people do in footage, told on the command line: by clips whose names say it, by frames, or by labelled events.

    a08*=sitting               all frames of clips with such names
    test:2390-2719=lying       frames counted from 1, the first and the last, as annotations count them
    a0[1-4]*:event+2=lying     from two seconds after the beginning of each labelled event to its end
    a0[1-4]*:event=-           left out

Of a frame that several name, the last one counts; a frame that none names is of nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

import numpy as np
from numpy.typing import NDArray

from service.errors import InvalidInput, declare
from training.datasets import Clip, Truth

LEFT_OUT = "-"
"""Of frames of which nobody can say what they show."""

UNREADABLE_POSTURE = declare(
    "posture", InvalidInput, 'expected "CLIP=POSTURE", "CLIP:FIRST-LAST=POSTURE", got "sitting"'
)

_GIVEN = re.compile(
    r"(?P<clip>[^=:]+)(?::(?:(?P<first>\d+)-(?P<last>\d+)|event(?:\+(?P<after>\d+(?:\.\d+)?))?))?(?P<is>=)(?P<posture>.+)"
)


@dataclass(frozen=True, slots=True)
class PostureTruth:
    """One of them.

    Attributes:
        clip: Pattern of clips' names, as of files.
        posture: What is done there.
        frames: The first and the last frame, counted from 0; None for all of the clip, or for its events.
        after_s: Seconds after the beginning of each labelled event from which on it is so; None where no event counts.
    """

    clip: str
    posture: str
    frames: tuple[int, int] | None = None
    after_s: float | None = None

    @classmethod
    def parse(cls, text: str) -> PostureTruth:
        """Read one.

        Raises:
            InvalidInput: If it is none of these.
        """
        found = _GIVEN.fullmatch(text.strip())
        first, last = (
            (None, None) if found is None or found["first"] is None else (int(found["first"]), int(found["last"]))
        )
        if found is None or (first is not None and last is not None and not 1 <= first <= last):
            msg = (
                'expected "CLIP=POSTURE", "CLIP:FIRST-LAST=POSTURE" with frames from 1, or '
                f'"CLIP:event+SECONDS=POSTURE", got {text!r}'
            )
            raise InvalidInput(UNREADABLE_POSTURE, msg)
        frames = None if first is None or last is None else (first - 1, last - 1)
        of_events = ":event" in text[: found.start("is")]
        after = float(found["after"] or 0.0) if of_events else None
        return cls(found["clip"].strip(), found["posture"].strip(), frames, after)

    def covers(self, clip: Clip, truth: Truth | None, count: int) -> NDArray[np.bool_]:
        """``(count,)``, the frames of a clip that this is of."""
        mask = np.zeros(count, np.bool_)
        if not fnmatchcase(clip.name, self.clip):
            return mask
        if self.after_s is not None:
            for start, end in () if truth is None else truth.events:
                mask[start + round(self.after_s * clip.fps) : end] = True
            return mask
        first, last = self.frames or (0, count - 1)
        mask[first : last + 1] = True
        return mask


def postures_of(clip: Clip, truth: Truth | None, count: int, given: Sequence[PostureTruth]) -> tuple[str | None, ...]:
    """What is done in each of a clip's frames; None where nobody said, or it is left out.

    Args:
        clip: With ``count`` frames.
        truth: Of its labelled events; None where there are none.
        count: Of frames.
        given: What was said; the last that covers a frame counts.
    """
    done: list[str | None] = [None] * count
    for one in given:
        for index in np.flatnonzero(one.covers(clip, truth, count)).tolist():
            done[index] = None if one.posture == LEFT_OUT else one.posture
    return tuple(done)
