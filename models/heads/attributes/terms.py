"""The ways in which the head finds objects and windows unusual, and where each stands among a frame's distances."""

from __future__ import annotations

from models.heads.attributes.windows import HEIGHTS
from models.heads.base import Term

UNUSUAL = 1.0
"""Evidence of an object's term from which captions say it. One normal frame in a hundred reaches 0.5 of it."""

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


_SPEED, _DIRECTION = "moving unusually fast", "moving in an unusual direction"
OBJECT_WORDS = {
    "speed": Term(_SPEED, "fast", UNUSUAL, fast),
    "direction": Term(_DIRECTION, "wrong way", UNUSUAL),
    "size": Term("of an unusual size", say=tall),
    "appearance": Term("looking unlike anything usual there"),
}
WINDOW_WORDS = {"motion speed": Term(_SPEED, say=fast), "motion direction": Term(_DIRECTION)}

OBJECT_TERMS, WINDOW_TERMS = tuple(OBJECT_WORDS), tuple(WINDOW_WORDS)
TERMS = (*OBJECT_TERMS, *WINDOW_TERMS)

COLUMNS = len(OBJECT_TERMS) + len(WINDOW_TERMS) * len(HEIGHTS)
"""Of frames' distances: the object terms, then both window terms of each window size."""


def column_of(term: str) -> int:
    """The term's column; for a window term that of the smallest size, and the others follow."""
    if term in OBJECT_TERMS:
        return OBJECT_TERMS.index(term)
    return len(OBJECT_TERMS) + WINDOW_TERMS.index(term) * len(HEIGHTS)
