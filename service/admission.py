"""Whether the machine can carry one more stream: measured, not guessed."""

from __future__ import annotations

from service.errors import Overloaded
from service.pipeline.worker import Worker

FULL_LOAD = 0.85
"""Share of its time that the worker may be busy. Above it a burst of frames waits longer than a frame takes, and
latency grows for every stream."""

RETRY_AFTER_S = 30
"""Load is measured over ten seconds; trying again sooner sees the same numbers."""


def admit(worker: Worker, running: int, limit: int) -> None:
    """Refuse a stream that would slow down the others.

    A new stream is taken to cost what the running ones cost on average.

    Args:
        worker: Whose load is measured.
        running: Streams that run now.
        limit: The most streams that the settings allow.

    Raises:
        Overloaded: With the budget and when to come back.
    """
    if running >= limit:
        code, msg = "too_many_streams", f"expected fewer than {limit} streams (WATCHWORD_MAX_STREAMS), got {running}"
        raise Overloaded(code, msg, RETRY_AFTER_S, streams=running, limit=limit)
    load = worker.load
    share = load / running if running else 0.0
    if load + share > FULL_LOAD:
        code = "machine_full"
        msg = (
            f"expected room for one more stream at about {share:.0%} of the worker's time, got {load:.0%} of at most "
            f"{FULL_LOAD:.0%} in use by {running} streams"
        )
        raise Overloaded(code, msg, RETRY_AFTER_S, load=round(load, 3), share=round(share, 3), budget=FULL_LOAD)
