"""What of a recording could not be read: counted, and named by where it was."""

from __future__ import annotations

from dataclasses import dataclass, field

_NAMED = 20
"""Stretches that are kept by their place; a recording with more is described by its share."""

_TOLD = 3
_NEAR_S = 1.0


@dataclass(slots=True)
class Damage:
    """What was left out of one recording. Written by the thread that reads it.

    Attributes:
        kept: Frames that were read whole.
        lost: Frames that did not decode, not whole, or showed what was left of frames before.
        cut_off: Whether it breaks off before its end.
        unreadable: Why nothing of it could be read at all, in a sentence; else None.
        stretches: From and to, in seconds of the recording, where frames are missing; the first of them.
    """

    kept: int = 0
    lost: int = 0
    cut_off: bool = False
    unreadable: str | None = None
    stretches: list[tuple[float, float]] = field(default_factory=list)

    @property
    def share(self) -> float:
        """What part of it is lost, 0 to 1."""
        if self.unreadable is not None:
            return 1.0
        return self.lost / max(1, self.kept + self.lost)

    def add(self, lost: int, start: float | None, end: float | None) -> None:
        """Frames were lost.

        Args:
            lost: How many.
            start: Seconds, of the last frame before that was whole; None where the beginning is missing.
            end: Seconds, of the next frame that is whole; None where the end is missing.
        """
        self.lost += lost
        if start is None and end is None:
            return
        first = start if start is not None else 0.0
        last = end if end is not None else first
        if self.stretches and first - self.stretches[-1][1] <= _NEAR_S:
            self.stretches[-1] = self.stretches[-1][0], last
        elif len(self.stretches) < _NAMED:
            self.stretches.append((first, last))

    def sentence(self, name: str) -> str | None:
        """What is to be said of it, or None if it is whole.

        Args:
            name: Of the recording, for people.
        """
        if self.unreadable is not None:
            return f"{name} could not be read and was left out: {self.unreadable}"
        if not self.lost:
            return None
        frames = "1 frame" if self.lost == 1 else f"{self.lost} frames"
        share = f"{self.share:.1%}" if self.share < 0.1 else f"{self.share:.0%}"
        said = f"{name} is damaged: {frames} ({share}) left out"
        places = [_place(start, end) for start, end in self.stretches[:_TOLD]]
        if places:
            more = len(self.stretches) - len(places)
            said += f", {', '.join(places)}" + (f" and in {more} more places" if more > 0 else "")
        return said + ("; it breaks off before its end." if self.cut_off else ".")


def _place(start: float, end: float) -> str:
    return f"{start:.1f} to {end:.1f} s" if end - start >= 0.05 else f"at {start:.1f} s"
