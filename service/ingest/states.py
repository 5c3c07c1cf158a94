"""The states of a stream as an explicit machine: which may follow which, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from service.contracts.stream import StreamState

_ALWAYS = frozenset({StreamState.CONNECTING, StreamState.PAUSED, StreamState.FAILED})
"""A stream can be pointed elsewhere, paused, or found unusable at any time."""

_FLOWING = frozenset({StreamState.LIVE, StreamState.ENROLLING, StreamState.BLIND})

TRANSITIONS: Mapping[StreamState, frozenset[StreamState]] = {
    StreamState.CONNECTING: _ALWAYS | _FLOWING | {StreamState.OFFLINE},
    StreamState.ENROLLING: _ALWAYS | _FLOWING | {StreamState.STALLED, StreamState.OFFLINE},
    StreamState.LIVE: _ALWAYS | _FLOWING | {StreamState.STALLED, StreamState.OFFLINE},
    StreamState.BLIND: _ALWAYS | _FLOWING | {StreamState.STALLED, StreamState.OFFLINE},
    # Frames flowed a moment ago: back to them, or given up on after the grace time.
    StreamState.STALLED: _ALWAYS | _FLOWING | {StreamState.OFFLINE},
    StreamState.OFFLINE: _ALWAYS | _FLOWING,
    StreamState.FAILED: _ALWAYS | _FLOWING | {StreamState.OFFLINE},
    StreamState.PAUSED: frozenset({StreamState.CONNECTING}),
}
"""What may follow a state. Staying in a state, with a new detail, is always legal."""


class IllegalTransitionError(RuntimeError):
    """A state was asked for that may not follow the present one: an error of the program, not of a camera."""

    def __init__(self, current: StreamState, wanted: StreamState) -> None:
        legal = ", ".join(sorted(TRANSITIONS[current]))
        super().__init__(f"expected one of {legal} after {current}, got {wanted}")
        self.current = current
        self.wanted = wanted


class StateMachine:
    """Where a stream stands, why, and since when. Not thread-safe: its owner's lock guards it.

    Attributes:
        state: The present state.
        detail: Why, in a sentence, or None.
        since: When the state began, UTC; a new detail alone does not change it.
    """

    def __init__(self, state: StreamState = StreamState.CONNECTING, detail: str | None = None) -> None:
        self.state = state
        self.detail = detail
        self.since = datetime.now(UTC)

    def move(self, state: StreamState, detail: str | None = None) -> bool:
        """Go to a state.

        Returns:
            Whether the state or its detail is another than before.

        Raises:
            IllegalTransitionError: If ``state`` may not follow the present one.
        """
        if state is self.state:
            changed = detail != self.detail
            self.detail = detail
            return changed
        if state not in TRANSITIONS[self.state]:
            raise IllegalTransitionError(self.state, state)
        self.state, self.detail, self.since = state, detail, datetime.now(UTC)
        return True
