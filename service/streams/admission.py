"""Whether the machine can carry one more stream: measured, not guessed."""

from __future__ import annotations

from service.errors import MACHINE_FULL, Overloaded
from service.pipeline.worker import Worker

FULL_LOAD = 0.85
"""Share of the worker's time, and of all cores, that may be in use. Above it a burst of frames waits longer than a
frame takes, and latency grows for every stream."""

RETRY_AFTER_S = 30
"""Load is measured over ten seconds; trying again sooner sees the same numbers."""


def admit(worker: Worker, running: int, *, enrolling_files: bool) -> None:
    """Refuse a stream that would slow down the others.

    A new stream is taken to cost what the running ones cost on average, of the worker's time and of all cores.

    Args:
        worker: Whose load is measured.
        running: Streams that run now.
        enrolling_files: Whether video files are being read now: that takes what the cores have left, so the use
            of the cores says nothing meanwhile.

    Raises:
        Overloaded: With the budget and when to come back.
    """
    if not running:
        return
    loads = {"the worker's time": worker.load}
    if not enrolling_files:
        loads["all cores"] = worker.processor_load
    for what, load in loads.items():
        share = load / running
        if load + share > FULL_LOAD:
            msg = (
                f"expected room for one more stream at about {share:.0%} of {what}, got {load:.0%} of at most "
                f"{FULL_LOAD:.0%} in use by {running} streams"
            )
            raise Overloaded(
                MACHINE_FULL, msg, RETRY_AFTER_S, load=round(load, 3), share=round(share, 3), budget=FULL_LOAD
            )
