"""When the packets of a live source arrived: where its present is, and how evenly it sends."""

from __future__ import annotations

from collections import deque

from service.ingest.trust import REORDER_S

MAX_HOLD_S = 10.0
"""Pictures are held back for so long at most, so that what comes in pieces is looked at evenly."""

_PRESENT_S = 15.0
"""The present is where the earliest packet of the last one to two of these stood, so that a slow drift of the camera's
clock and a longer way through the network are forgotten."""

_PIECE_S = 0.5
"""A packet that comes so much later than its stamp says begins a piece: of a playlist, or of a buffer on the way."""

_PIECES, _PIECES_S = 8, 60.0
"""Pieces remembered. The second longest pause counts, so that one hiccup of a network makes nothing wait."""

_LEAP_S = 10.0
"""A stamp so far ahead of its arrival is a clock that was set anew."""


class Arrivals:
    """Notes the packets of one live source in the order in which they arrive. Not thread-safe."""

    def __init__(self, *, in_pieces: bool) -> None:
        """Nothing has arrived yet.

        Args:
            in_pieces: Whether it is known to come in pieces, as a playlist of segments does: then what comes at once at
                the start is not let go before the pieces' length is known.
        """
        self._in_pieces = in_pieces
        self._minima: deque[tuple[float, float]] = deque(maxlen=2)  # (start of a window, least delay in it)
        self._newest: tuple[float, float] | None = None  # (stamp, arrival)
        self._first_delay = 0.0
        self._pauses: deque[tuple[float, float]] = deque(maxlen=_PIECES)  # (arrival, seconds)
        self._era = 0

    def note(self, pts: float, arrived: float) -> int:
        """Take in the next packet; returns the number of its clock, another one after each leap.

        Args:
            pts: Its stamp in seconds.
            arrived: Monotonic clock.
        """
        delay = arrived - pts
        if self._newest is not None:
            late = delay - (self._newest[1] - self._newest[0])
            if pts < self._newest[0] - REORDER_S or late < -_LEAP_S:
                self._minima.clear()
                self._newest = None
                self._era += 1
            elif late > _PIECE_S:
                self._pauses.append((arrived, late))
        if self._newest is None:
            self._first_delay = delay
        if self._newest is None or pts > self._newest[0]:
            self._newest = pts, arrived
        if not self._minima or arrived - self._minima[-1][0] > _PRESENT_S:
            self._minima.append((arrived, delay))
        start, least = self._minima[-1]
        self._minima[-1] = start, min(least, delay)
        return self._era

    def behind(self, pts: float, arrived: float, era: int) -> float:
        """Seconds by which a packet arrived later than the earliest did of late.

        Args:
            pts: Its stamp.
            arrived: When it arrived.
            era: What ``note`` gave for it; of an earlier clock nothing is known.
        """
        if era != self._era or not self._minima:
            return 0.0
        return max(0.0, arrived - pts - self._least)

    @property
    def hold_s(self) -> float:
        """How long pictures are to be held back behind the present, so that they can be looked at evenly."""
        if self._newest is None:
            return 0.0
        since = self._newest[1] - _PIECES_S
        pauses = sorted(seconds for at, seconds in self._pauses if at >= since)
        if len(pauses) >= 2:
            return min(MAX_HOLD_S, pauses[-2])
        return min(MAX_HOLD_S, self._first_delay - self._least) if self._in_pieces else 0.0

    @property
    def _least(self) -> float:
        return min(least for _, least in self._minima)
