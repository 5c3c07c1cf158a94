"""The ways in which the head finds objects and windows unusual, and where each stands among a frame's distances."""

from __future__ import annotations

from itertools import accumulate

from models.heads.attributes.windows import HEIGHTS
from models.heads.base import Term
from models.posture import LIKELY, level

UNUSUAL = 3.0
"""Weighted surprise of an object's term from which captions say it: of a term that counts whole, what one normal frame
in a thousand reaches."""

TOLD_FROM, TOLD_TO = 1.5, 10.0
"""Times what is usual, between which a number is said: below, it is in the noise of what was measured; above, one of
something hardly seen before."""


def _times(ratio: float) -> str:
    """How many times, as people say it."""
    if ratio < 1.75:
        return "about one and a half times"
    return "about twice" if ratio < 2.5 else f"about {ratio:.0f} times"


def fast(ratio: float) -> str:
    """What is said of a speed.

    Args:
        ratio: To what is fast there: 99 % of all that moves is slower.
    """
    if ratio < TOLD_FROM:
        return "moving unusually fast"
    if ratio > TOLD_TO:
        return "moving many times as fast as is usual there"
    return f"moving {_times(ratio)} as fast as is usual there"


def tall(ratio: float) -> str:
    """What is said of a size.

    Args:
        ratio: The height to the usual one.
    """
    if 1 / TOLD_FROM < ratio < TOLD_FROM:
        return "of an unusual shape"
    if ratio < 1:
        return "less than half as tall as is usual there" if ratio < 0.5 else "much lower than is usual there"
    return "many times as tall as is usual there" if ratio > TOLD_TO else f"{_times(ratio)} as tall as is usual there"


def posed(tilt: float) -> str:
    """What is said of a posture.

    Args:
        tilt: Of the torso, in degrees; see ``models.posture``.
    """
    return "lying down, which is unusual there" if level(tilt) >= LIKELY else "in an unusual posture"


def _seconds(seconds: float) -> str:
    """How long, as people say it."""
    if seconds < 100:
        return f"{seconds:.0f} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 5400 else f"{seconds / 3600:.0f} hours"


def stays(seconds: float) -> str:
    """What is said of who or what stays for so many seconds."""
    return f"staying in one place for {_seconds(seconds)}, longer than is usual there"


def left(seconds: float) -> str:
    """What is said of something that was left behind so many seconds ago."""
    return f"left here {_seconds(seconds)} ago"


def gone(seconds: float) -> str:
    """What is said of a place from which something is gone for so many seconds."""
    return f"missing from here for {_seconds(seconds)}"


_SPEED, _DIRECTION = "moving unusually fast", "moving in an unusual direction"
BOX_WORDS = {
    "speed": Term(_SPEED, "fast", UNUSUAL, fast),
    "direction": Term(_DIRECTION, "wrong way", UNUSUAL),
    "size": Term("of an unusual size", say=tall),
    "appearance": Term("looking unlike anything usual there"),
}
BODY_WORDS = {
    "pose": Term("in an unusual posture", say=posed),
    "limbs": Term("moving arms or legs unusually fast"),
    "stillness": Term("staying unusually long in one place", say=stays),
}
OBJECT_WORDS = BOX_WORDS | BODY_WORDS
WINDOW_WORDS = {"motion speed": Term(_SPEED, say=fast), "motion direction": Term(_DIRECTION)}
CHANGE_WORDS = {"left behind": Term("left behind here", say=left), "gone": Term("missing from here", say=gone)}
LIGHT = "light"
LIGHT_WORDS = {LIGHT: Term("the light here has just changed")}

BOX_TERMS, BODY_TERMS = tuple(BOX_WORDS), tuple(BODY_WORDS)
OBJECT_TERMS, WINDOW_TERMS, CHANGE_TERMS = tuple(OBJECT_WORDS), tuple(WINDOW_WORDS), tuple(CHANGE_WORDS)
CALIBRATED_TERMS = (*OBJECT_TERMS, *WINDOW_TERMS, *CHANGE_TERMS)
"""Those whose evidence has a distribution in normal footage."""

TERMS = (*CALIBRATED_TERMS, LIGHT)

WIDTHS = {
    term: len(HEIGHTS) if term in WINDOW_TERMS else 1
    for term in (*BOX_TERMS, *WINDOW_TERMS, *BODY_TERMS, *CHANGE_TERMS)
}
"""Columns of each term, in the order of frames' distances."""

COLUMNS = sum(WIDTHS.values())
"""Of frames' distances: one of each object term and of each change, and of each window term one of each size."""

_STARTS = dict(zip(WIDTHS, [0, *accumulate(WIDTHS.values())][:-1], strict=True))


def column_of(term: str) -> int:
    """The term's column; for a window term that of the smallest size, and the others follow."""
    return _STARTS[term]
