from __future__ import annotations

import queue

import pytest

from service.contracts.alert import AlertEvent
from service.sinks import MemorySink
from support.alerts import make_alert


def event(number: int) -> AlertEvent:
    return AlertEvent(id=f"a-{number}", event="updated", alert=make_alert("a"))


def test_the_newest_events_are_kept() -> None:
    sink = MemorySink(maxlen=3)
    for number in range(5):
        sink.publish(event(number))
    assert sink.recent() == [event(2), event(3), event(4)]


def test_each_subscriber_gets_every_event_once_while_it_listens() -> None:
    sink = MemorySink(maxlen=10)
    sink.publish(event(0))
    with sink.subscribe() as one, sink.subscribe() as other:
        sink.publish(event(1))
        assert one.get_nowait() == other.get_nowait() == event(1)
    sink.publish(event(2))
    with pytest.raises(queue.Empty):
        one.get_nowait()


def test_a_subscriber_that_does_not_read_loses_its_oldest_and_slows_nobody() -> None:
    sink = MemorySink(maxlen=10, subscriber_queue=2)
    with sink.subscribe() as slow, sink.subscribe() as fast:
        for number in range(5):
            sink.publish(event(number))
            assert fast.get_nowait() == event(number)
        assert [slow.get_nowait(), slow.get_nowait()] == [event(3), event(4)]
        assert slow.empty()
