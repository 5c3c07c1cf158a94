"""The watchdog: one thread that looks after every stream from outside their decode threads."""

from __future__ import annotations

import logging
import threading
import time
from typing import Protocol

logger = logging.getLogger(__name__)

# Sleeping ends by itself so often, so that a deadline that moved forward is never missed by much.
_MAX_SLEEP_S = 0.5
_SHORTEST_SLEEP_S = 0.005


class Supervised(Protocol):
    """Something with deadlines."""

    def supervise(self, now: float) -> float:
        """Do what is due at ``now`` (monotonic) without ever blocking; returns when to look again."""
        ...


class Supervisor:
    """Calls ``supervise`` of every member when it is due or when ``wake`` says that there is news.

    Its thread exists only while there are members, so nobody has to close it.
    """

    def __init__(self) -> None:
        self._news = threading.Condition()
        self._woken = False
        self._members: list[Supervised] = []
        self._thread: threading.Thread | None = None

    def add(self, member: Supervised) -> None:
        """Look after a member from now on."""
        with self._news:
            self._members.append(member)
            self._woken = True
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="ingest supervisor", daemon=True)
                self._thread.start()
            self._news.notify()

    def remove(self, member: Supervised) -> None:
        """Look after it no longer. Idempotent; a call that is under way may still end after this."""
        with self._news:
            if member in self._members:
                self._members.remove(member)
            self._woken = True
            self._news.notify()

    def wake(self) -> None:
        """Look at every member now. Cheap, from any thread."""
        with self._news:
            self._woken = True
            self._news.notify()

    def _run(self) -> None:
        while True:
            with self._news:
                if not self._members:
                    self._thread = None
                    return
                members = list(self._members)
                self._woken = False
            next_look = min(_supervise(member) for member in members)
            with self._news:
                if not self._woken:
                    self._news.wait(min(max(next_look - time.monotonic(), _SHORTEST_SLEEP_S), _MAX_SLEEP_S))


def _supervise(member: Supervised) -> float:
    try:
        return member.supervise(time.monotonic())
    except Exception:
        logger.exception("a stream's supervision failed; the others go on")
        return time.monotonic() + _MAX_SLEEP_S


SHARED = Supervisor()
"""The one that streams use unless they are given another."""
