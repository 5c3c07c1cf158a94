"""When a stream counts as offline and when as back: the state machine of one stream's outages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from service.contracts.stream import DELIVERING, StreamState


@dataclass(frozen=True, slots=True)
class OutageRules:
    """What turns a stream's states into few alerts.

    Attributes:
        grace_s: Down for so long is an outage.
        recovery_s: And delivering for so long ends it, so that a stream that flaps is one outage and not
            many: a camera that reboots tends to come up twice within a few seconds.
        cooldown_s: After an alert was really sent, the next outage of the stream is told of only if it
            lasts beyond this.
    """

    grace_s: float
    recovery_s: float = 5.0
    cooldown_s: float = 20.0


class OutageMachine:
    """Follows one stream. Not thread-safe. ``now`` is in seconds on any clock that never goes back."""

    def __init__(self, rules: OutageRules) -> None:
        self._rules = rules
        self._down_since: float | None = None
        self._up_since: float | None = None
        self._open = False
        self._sent_at: float | None = None
        self._lasted_s = 0.0

    def report(self, state: StreamState, now: float) -> Literal["closed"] | None:
        """Take a stream's new state. A pause ends an outage at once: nobody expects pictures then."""
        if state is StreamState.PAUSED:
            closed = self.close(now)
            self._down_since = self._up_since = None
            return closed
        if state in DELIVERING:
            if self._up_since is None:
                self._up_since = now
            if not self._open:
                self._down_since = None
            return None
        self._up_since = None
        if self._down_since is None:
            self._down_since = now
        return None

    def elapse(self, now: float) -> Literal["opened", "closed"] | None:
        """Let time pass; call it about twice a second."""
        if self._open:
            if self._up_since is None or now - self._up_since < self._rules.recovery_s:
                return None
            closed = self.close(now)
            self._down_since = None
            return closed
        if self._down_since is None or now - self._down_since < self._rules.grace_s:
            return None
        if self._sent_at is not None and now - self._sent_at < self._rules.cooldown_s:
            return None
        self._open = True
        return "opened"

    def down_for(self, now: float) -> float:
        """Seconds since the stream stopped delivering; 0 while it delivers."""
        return 0.0 if self._down_since is None else now - self._down_since

    def sent(self, now: float) -> None:
        """The alert was really sent: its cooldown starts."""
        self._sent_at = now

    @property
    def lasted_s(self) -> float:
        """Seconds from the last picture before the last outage that was ended to the first one after it."""
        return self._lasted_s

    def close(self, now: float) -> Literal["closed"] | None:
        """End an outage that was told of, if there is one."""
        self._lasted_s = self.down_for(now if self._up_since is None else self._up_since)
        was_open, self._open = self._open, False
        return "closed" if was_open else None
