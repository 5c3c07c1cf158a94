"""How long to wait before the next attempt: exponential, with full jitter, bounded."""

from __future__ import annotations

import random


class Backoff:
    """Waits that double from attempt to attempt, each drawn evenly from zero to that length.

    Full jitter keeps the cameras behind one switch from all coming back in the same instant.
    """

    def __init__(self, first: float, chance: random.Random | None = None) -> None:
        """Begin without an attempt.

        Args:
            first: Seconds that the first wait is at most.
            chance: For tests that need the same waits.
        """
        self._first = first
        self._chance = chance or random.Random()
        self.attempts = 0

    def wait(self, longest: float) -> float:
        """Seconds until the next attempt, at most ``longest``."""
        # The exponent stops growing long before a float overflows.
        bound = min(longest, self._first * 2.0 ** min(self.attempts, 32))
        self.attempts += 1
        return self._chance.uniform(0.0, bound)

    def ease(self, attempts: int = 0) -> None:
        """Forget attempts beyond so many, after a sign of life."""
        self.attempts = min(self.attempts, attempts)
