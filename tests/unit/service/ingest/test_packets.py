from __future__ import annotations

import threading
from collections.abc import Iterator
from fractions import Fraction
from typing import cast

import av
import pytest
from av.packet import Packet
from av.video.stream import VideoStream

from service.ingest import packets
from service.ingest.packets import PacketQueue
from support.watching import wait_for


def packet(number: int, key: bool = False, size: int = 10) -> Packet[VideoStream]:
    made = cast("Packet[VideoStream]", av.Packet(bytes([number]) * size))
    made.pts, made.time_base, made.is_keyframe = number, Fraction(1, 10), key
    return made


def numbers(queue: PacketQueue) -> list[int]:
    taken = []
    while (received := queue.take()) is not None:
        taken.append(bytes(received.packet)[0])
    return taken


def reading(source: Iterator[Packet[VideoStream]]) -> PacketQueue:
    queue = PacketQueue(source, "read test", in_pieces=False)
    queue.start()
    return queue


def test_all_packets_in_order_then_the_end() -> None:
    queue = reading(packet(number) for number in range(50))
    assert numbers(queue) == list(range(50))
    assert queue.arrivals == ()
    queue.close()
    queue.close()


def test_what_reading_raises_comes_after_the_packets_before() -> None:
    def breaking() -> Iterator[Packet[VideoStream]]:
        yield packet(1)
        raise OSError("gone")

    queue = reading(breaking())
    assert queue.take() is not None
    with pytest.raises(OSError, match="gone"):
        queue.take()
    queue.close()


def test_skipping_leads_to_the_newest_key_frame_and_says_so() -> None:
    more = threading.Event()

    def source() -> Iterator[Packet[VideoStream]]:
        for number in range(10):
            yield packet(number, key=number in (0, 4, 7))
        more.wait(60)

    queue = reading(source())
    wait_for(lambda: queue.behind(0.0, 0.0, 0) == 0 and len(queue._waiting) == 10, "all packets")
    first = queue.take()
    assert first is not None
    assert not first.after_skip
    assert queue.skip() == 6
    assert queue.skip() == 0  # nothing newer to begin with
    following = [queue.take(), queue.take()]
    assert [(bytes(each.packet)[0], each.after_skip) for each in following if each] == [(7, True), (8, False)]
    more.set()
    queue.close()


def test_memory_is_bounded_and_closing_frees_who_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packets, "MAX_WAITING_BYTES", 100)
    given: list[int] = []

    def endless() -> Iterator[Packet[VideoStream]]:
        while True:
            given.append(1)
            yield packet(1, size=30)

    queue = reading(endless())
    wait_for(lambda: len(given) == 5, "four packets that wait, and one that finds no room")
    assert queue.take() is not None
    wait_for(lambda: len(given) == 6, "room for another")
    queue.close()
    assert len(given) == 6


def test_closing_before_the_start() -> None:
    queue = PacketQueue(iter([packet(1)]), "read test", in_pieces=False)
    queue.close()
    assert queue.take() is None
