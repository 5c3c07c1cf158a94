from __future__ import annotations

import math
import threading
import time

import pytest

import service.ingest.supervisor as module
from service.ingest.supervisor import Supervisor


class Member:
    """Wants to be looked at every `period` seconds."""

    def __init__(self, period: float, breaks: bool = False) -> None:
        self.period = period
        self.breaks = breaks
        self.looks: list[float] = []

    def supervise(self, now: float) -> float:
        self.looks.append(now)
        if self.breaks:
            raise RuntimeError("broken")
        return now + self.period


def threads() -> int:
    return sum(thread.name == "ingest supervisor" for thread in threading.enumerate())


def wait_until(condition, timeout: float = 60.0) -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_one_thread_for_all_and_none_for_none() -> None:
    supervisor, members = Supervisor(), [Member(0.02) for _ in range(5)]
    assert threads() == 0
    for member in members:
        supervisor.add(member)
    wait_until(lambda: all(len(member.looks) >= 3 for member in members))
    assert threads() == 1
    for member in members:
        supervisor.remove(member)
        supervisor.remove(member)
    wait_until(lambda: threads() == 0)
    again = Member(0.02)
    supervisor.add(again)
    wait_until(lambda: len(again.looks) >= 2)
    supervisor.remove(again)
    wait_until(lambda: threads() == 0)


def test_news_are_looked_at_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MAX_SLEEP_S", 600)
    supervisor, member = Supervisor(), Member(math.inf)
    supervisor.add(member)
    wait_until(lambda: len(member.looks) == 1)
    supervisor.wake()
    wait_until(lambda: len(member.looks) >= 2)
    supervisor.remove(member)


def test_one_that_breaks_does_not_stop_the_others(caplog: pytest.LogCaptureFixture) -> None:
    supervisor, broken, sound = Supervisor(), Member(0.02, breaks=True), Member(0.02)
    supervisor.add(broken)
    supervisor.add(sound)
    wait_until(lambda: len(sound.looks) >= 5)
    assert broken.looks
    supervisor.remove(broken)
    supervisor.remove(sound)
    assert "the others go on" in caplog.text


def test_it_sleeps_between_deadlines() -> None:
    supervisor, member = Supervisor(), Member(math.inf)
    began = time.monotonic()
    supervisor.add(member)
    time.sleep(1.2)
    supervisor.remove(member)
    assert len(member.looks) <= 3 + (time.monotonic() - began) / module._MAX_SLEEP_S
