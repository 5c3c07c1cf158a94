"""The ways in which the head finds objects and windows unusual, and where each stands among a frame's distances."""

from __future__ import annotations

from models.heads.attributes.windows import HEIGHTS
from models.heads.base import Term

UNUSUAL = 1.0
"""Evidence of an object's term from which captions say it. One normal frame in a hundred reaches 0.5 of it."""

_SPEED, _DIRECTION = "moves at a speed that is not usual there", "moves in a direction that is not usual there"
OBJECT_WORDS = {
    "speed": Term(_SPEED, "fast", UNUSUAL),
    "direction": Term(_DIRECTION, "wrong way", UNUSUAL),
    "size": Term("is of a size that is not usual there"),
    "appearance": Term("looks unlike what is usual there"),
}
WINDOW_WORDS = {"motion speed": Term(_SPEED), "motion direction": Term(_DIRECTION)}

OBJECT_TERMS, WINDOW_TERMS = tuple(OBJECT_WORDS), tuple(WINDOW_WORDS)
TERMS = (*OBJECT_TERMS, *WINDOW_TERMS)

COLUMNS = len(OBJECT_TERMS) + len(WINDOW_TERMS) * len(HEIGHTS)
"""Of frames' distances: the object terms, then both window terms of each window size."""


def column_of(term: str) -> int:
    """The term's column; for a window term that of the smallest size, and the others follow."""
    if term in OBJECT_TERMS:
        return OBJECT_TERMS.index(term)
    return len(OBJECT_TERMS) + WINDOW_TERMS.index(term) * len(HEIGHTS)
