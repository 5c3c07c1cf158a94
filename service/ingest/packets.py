"""Packets of a live source, read as they arrive by a thread of their own, however long decoding takes."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice

from av.packet import Packet
from av.video.stream import VideoStream

from service.ingest.arrivals import Arrivals
from service.ingest.loss_reports import LossReports

MAX_WAITING_BYTES = 32_000_000
"""Half a minute of a 4K camera. Beyond it reading waits, and what the camera sends backs up as it would without."""


LOOK_AHEAD = 32
"""Packets that are looked at before they are decoded: a second of a camera that a network held up."""


@dataclass(frozen=True, slots=True)
class Received:
    """A packet and when it came.

    Attributes:
        packet: To be decoded.
        arrived: Monotonic clock.
        wall: Unix seconds, at the same moment.
        era: Which clock its stamp is of (``Arrivals.note``).
        after_skip: Whether packets before it were let go: the decoder has to begin anew.
        lost: Whether something was lost on the way before it, or of it.
    """

    packet: Packet[VideoStream]
    arrived: float
    wall: float
    era: int = 0
    after_skip: bool = False
    lost: bool = False


class PacketQueue:
    """Reads ahead of who decodes, so that packets have their true time of arrival, and what is late is known.

    One thread begins to read with ``start``, and has ended when ``close`` returns; another takes the packets.
    """

    def __init__(self, packets: Iterator[Packet[VideoStream]], name: str, *, in_pieces: bool) -> None:
        """Read nothing before ``start``.

        Args:
            packets: Of the source, in decoding order; read in the queue's thread alone.
            name: Of that thread.
            in_pieces: As ``Arrivals`` takes it.
        """
        self._packets = packets
        self._thread = threading.Thread(target=self._read, name=name, daemon=True)
        self._changed = threading.Condition()
        self._waiting: deque[Received] = deque()
        self._bytes = 0
        self._skipped = False
        self._ended = False
        self._failure: Exception | None = None
        self._closing = False
        self._arrivals = Arrivals(in_pieces=in_pieces)

    def start(self) -> None:
        """Begin to read, once."""
        self._thread.start()

    def close(self) -> None:
        """End reading: at its next packet, or when the present read gives up. Returns when it has ended. Idempotent."""
        with self._changed:
            self._closing = True
            self._waiting.clear()
            self._changed.notify_all()
        if self._thread.ident is not None:
            self._thread.join()

    # ---- for who decodes

    def take(self) -> Received | None:
        """The next packet; waits for it. None at the end of the source.

        Raises:
            Exception: What reading raised, after the packets that came before.
        """
        with self._changed:
            while not self._waiting:
                if self._failure is not None:
                    raise self._failure
                if self._ended or self._closing:
                    return None
                self._changed.wait()
            received = self._waiting.popleft()
            self._bytes -= received.packet.size
            self._changed.notify_all()
        if self._skipped:
            self._skipped = False
            return replace(received, after_skip=True)
        return received

    def skip(self) -> int:
        """Let go of what waits before the newest key frame that waits; returns how many packets."""
        with self._changed:
            keys = [index for index, received in enumerate(self._waiting) if received.packet.is_keyframe]
            count = keys[-1] if keys else 0
            for _ in range(count):
                self._bytes -= self._waiting.popleft().packet.size
            self._skipped = self._skipped or count > 0
            self._changed.notify_all()
            return count

    @property
    def arrivals(self) -> tuple[float, ...]:
        """When the next packets arrived (monotonic), of at most ``LOOK_AHEAD``; empty while none waits."""
        with self._changed:
            return tuple(received.arrived for received in islice(self._waiting, LOOK_AHEAD))

    @property
    def hold_s(self) -> float:
        """As ``Arrivals.hold_s``."""
        with self._changed:
            return self._arrivals.hold_s

    def behind(self, pts: float, arrived: float, era: int) -> float:
        """As ``Arrivals.behind``."""
        with self._changed:
            return self._arrivals.behind(pts, arrived, era)

    # ---- the thread that reads

    def _read(self) -> None:
        try:
            with LossReports() as reports:
                for packet in self._packets:
                    if not self._put(packet, time.monotonic(), time.time(), lost=reports.lost()):
                        return
        except Exception as error:  # raised again in the thread that takes
            self._failure = error
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify_all()

    def _put(self, packet: Packet[VideoStream], arrived: float, wall: float, *, lost: bool) -> bool:
        with self._changed:
            while self._bytes > MAX_WAITING_BYTES and not self._closing:
                self._changed.wait()
            if self._closing:
                return False
            pts = None if packet.pts is None else float(packet.pts * packet.time_base)
            era = 0 if pts is None else self._arrivals.note(pts, arrived)
            self._waiting.append(Received(packet, arrived, wall, era, lost=lost))
            self._bytes += packet.size
            self._changed.notify_all()
        return True
