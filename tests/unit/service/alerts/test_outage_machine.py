from __future__ import annotations

import pytest

from service.alerts.outage_machine import OutageMachine, OutageRules
from service.contracts.stream import StreamState

STATES = {
    "C": StreamState.CONNECTING,
    "E": StreamState.ENROLLING,
    "L": StreamState.LIVE,
    "S": StreamState.STALLED,
    "O": StreamState.OFFLINE,
    "F": StreamState.FAILED,
    "P": StreamState.PAUSED,
}

# One letter a second, a dash for a second without news; grace 10 s, recovery 5 s, cooldown 30 s.
STORIES = [
    ("it lives", "CL" + "-" * 60, ""),
    ("it learns", "CE" + "-" * 60, ""),
    ("it was never reached", "C" + "-" * 60, "opened@10"),
    ("wrong credentials", "CF" + "-" * 60, "opened@10"),
    ("a short stall", "L---S------L" + "-" * 30, ""),
    ("a long one", "L---S----O" + "-" * 60, "opened@14"),
    ("it recovers", "L---S----O" + "-" * 10 + "L" + "-" * 10, "opened@14 closed@25"),
    ("it flaps while it recovers", "S" + "-" * 12 + "L--S--L--C--L" + "-" * 10, "opened@10 closed@30"),
    ("reconnecting is still down", "S--C--S--C--S", "opened@10"),
    ("paused before it counts", "S----P" + "-" * 60, ""),
    ("paused while down", "S" + "-" * 14 + "P" + "-" * 60, "opened@10 closed@15"),
    ("down again soon, and briefly", "S" + "-" * 12 + "L-----S" + "-" * 12 + "L" + "-" * 40, "opened@10 closed@18"),
    ("down again soon, and for long", "S" + "-" * 12 + "L-----S" + "-" * 40, "opened@10 closed@18 opened@40"),
]


@pytest.mark.parametrize(("states", "expected"), [story[1:] for story in STORIES], ids=[story[0] for story in STORIES])
def test_stories(states: str, expected: str) -> None:
    machine = OutageMachine(OutageRules(grace_s=10, cooldown_s=30))
    events: list[str] = []
    for second, letter in enumerate(states):
        reported = machine.report(STATES[letter], second) if letter != "-" else None
        for change in filter(None, (reported, machine.elapse(second))):
            events.append(f"{change}@{second}")
            if change == "opened":
                machine.sent(second)
    assert " ".join(events) == expected


def test_how_long_it_is_down() -> None:
    machine = OutageMachine(OutageRules(grace_s=10, cooldown_s=30))
    machine.report(StreamState.LIVE, 0)
    assert machine.down_for(5) == 0
    machine.report(StreamState.STALLED, 6)
    machine.report(StreamState.OFFLINE, 8)
    assert machine.down_for(9.5) == 3.5


def test_closing_from_outside_is_told_once() -> None:
    machine = OutageMachine(OutageRules(grace_s=10, cooldown_s=30))
    assert machine.close(0) is None
    machine.report(StreamState.STALLED, 0)
    assert machine.elapse(10) == "opened"
    assert machine.close(12) == "closed"
    assert machine.lasted_s == 12
    assert machine.close(13) is None


def test_an_outage_lasts_from_picture_to_picture() -> None:
    machine = OutageMachine(OutageRules(grace_s=10, recovery_s=5))
    machine.report(StreamState.STALLED, 100)
    assert machine.elapse(110) == "opened"
    machine.report(StreamState.LIVE, 225)
    assert machine.elapse(229) is None
    assert machine.elapse(230) == "closed"
    assert machine.lasted_s == 125
    machine.report(StreamState.STALLED, 300)
    assert machine.elapse(310) == "opened"
    assert machine.report(StreamState.PAUSED, 340) == "closed"
    assert machine.lasted_s == 40
