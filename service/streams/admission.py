"""Whether the machine can carry one more stream: measured, not guessed."""

from __future__ import annotations

from dataclasses import dataclass

from service.errors import MACHINE_FULL, Overloaded

RETRY_AFTER_S = 30
"""Load is measured over half a minute; trying again sooner sees the same numbers."""


@dataclass(frozen=True, slots=True)
class Use:
    """What the streams that run take of one resource.

    Attributes:
        load: Share of it that was in use over the last half minute.
        frames_per_second: Frames that were processed with it a second, of all streams together.
        now: And at present, which is more where streams have just begun.
    """

    load: float
    frames_per_second: float
    now: float

    @property
    def used(self) -> float:
        """Share in use once what has just begun counts in full."""
        return self.load * max(1.0, self.now / self.frames_per_second) if self.frames_per_second > 0 else self.load

    def needed(self, fps: float) -> float:
        """Share that so many more frames a second take, if each costs what the others do on average."""
        return self.load / self.frames_per_second * fps if self.frames_per_second > 0 else 0.0


def admit(uses: tuple[Use, ...], fps: float, limit: float) -> None:
    """Refuse a stream that would slow down the others.

    Args:
        uses: Of every resource that it takes a share of.
        fps: Frames of it that are to be looked at a second.
        limit: Share of each resource that may be in use.

    Raises:
        Overloaded: With the shares and when to come back.
    """
    for use in uses:
        used, needed = use.used, use.needed(fps)
        if used + needed > limit:
            msg = (
                f"This computer is too busy for another camera ({used:.0%} used, about {needed:.0%} more needed, limit "
                f"{limit:.0%}). Lower a camera's frame rate, or pause one."
            ).replace("%", " %")
            raise Overloaded(
                MACHINE_FULL, msg, RETRY_AFTER_S, load=round(used, 3), share=round(needed, 3), budget=limit
            )
