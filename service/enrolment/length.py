"""How long a live enrolment has to be: in seconds as it was asked for, and in frames as a profile needs them."""

from __future__ import annotations

import math

from service.errors import TOO_FEW_FRAMES, InvalidInput

LEAST_FRAMES = 100
"""Frames that a live enrolment gathers at least, however long that takes. What is learned is tried on five stretches of
time that were left out, and fewer than 20 scores of each say nothing (``models.scoring.calibration.MIN_SCORES``)."""


def check_length(seconds: float, fps: float) -> None:
    """Refuse to learn for too short a time at a rate that is known.

    Args:
        seconds: For which is to be learned.
        fps: Frames a second, at most.

    Raises:
        InvalidInput: ``too_few_frames``, with how long to learn instead.
    """
    frames = math.floor(seconds * fps + 1e-6)
    if frames >= LEAST_FRAMES:
        return
    least = math.ceil(LEAST_FRAMES / fps)
    rate = "1 frame" if fps == 1 else f"{fps:.3g} frames"
    msg = (
        f"At {rate} a second, {seconds:g} seconds are {frames} frames, and {LEAST_FRAMES} are needed to "
        f"learn what is normal. Learn for at least {least} seconds."
    )
    raise InvalidInput(TOO_FEW_FRAMES, msg, least_seconds=least)


def frames_wanted(wanted_s: float, fps: float, frames: int, seconds: float) -> int:
    """Frames that a live enrolment will have gathered at its end, as far as is known.

    Args:
        wanted_s: Seconds that it was asked to last.
        fps: Frames a second, at most.
        frames: Gathered so far.
        seconds: Over which they were.
    """
    rate = min(fps, (frames - 1) / seconds) if frames > 1 and seconds > 0 else fps
    return max(LEAST_FRAMES, frames, round(wanted_s * rate))


def share_done(wanted_s: float, frames: int, seconds: float) -> float:
    """How much of a live enrolment is done, in [0, 1]: of its seconds or of its frames, what is lacking more."""
    return min(1.0, seconds / wanted_s, frames / LEAST_FRAMES)
