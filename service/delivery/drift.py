"""From scored frames to how unusual each day was: counted in memory, written once a minute."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo

from sqlalchemy.exc import SQLAlchemyError

from service.metrics import Metrics
from service.pipeline.scored import ScoredFrame
from service.profiles.drift import SURPRISE
from service.profiles.thumbnail import thumbnail
from service.store.drift import KEPT_DAYS, DayCount, DayMoment, DriftStore

logger = logging.getLogger(__name__)

FLUSH_S = 60.0
"""How often what has changed is written. A crash costs a minute of a day."""

MOMENTS = 6
"""Of each day; they are to show what is new, not all of it."""

PICTURED_DAYS = 3
"""Days of which pictures are kept: the two that a notice is about, and today, of which little may have been seen yet.
With ``MOMENTS`` 75 KB a stream."""

APART_S = 60.0
"""What is nearer to a moment than this is the same one."""

HIGHER = 0.1
"""A moment gets another picture where the surprise is so much above that of the last one: a tenth is a quarter rarer.
While something comes nearer the worker makes one or two pictures a second of it at most."""


@dataclass(slots=True)
class _Day:
    learned_at: datetime
    frames: int = 0
    unusual: int = 0
    moments: list[DayMoment] = field(default_factory=list)


class DriftWatch:
    """Counts the unusual frames of every day, from ``start`` to ``close``. Thread-safe."""

    def __init__(self, store: DriftStore, metrics: Metrics) -> None:
        """Nothing is known, and nothing runs, before ``start``.

        Args:
            store: Where days are kept.
            metrics: Get today's share.
        """
        self._store = store
        self._metrics = metrics
        self._lock = threading.Lock()
        self._days: dict[str, dict[int, _Day]] = {}
        self._changed: set[tuple[str, int]] = set()
        self._dropped: set[tuple[str, int]] = set()
        self._failing = False
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="drift", daemon=True)

    # ---- life

    def start(self) -> None:
        """Read what was kept, and start the thread that writes."""
        for count in self._store.days():
            day = _Day(count.learned_at, count.frames, count.unusual)
            self._days.setdefault(count.stream_id, {})[count.day] = day
        for moment in self._store.moments():
            known = self._days.get(moment.stream_id, {}).get(moment.day)
            if known is not None:
                known.moments.append(moment)
        self._thread.start()

    def close(self) -> None:
        """Write what there is, and end the thread. Idempotent."""
        if self._closing.is_set():
            return
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join()
            self.flush()

    def _run(self) -> None:
        while not self._closing.wait(FLUSH_S):
            self.flush()

    # ---- what streams say

    def take(self, stream_id: str, frame: ScoredFrame, learned_at: datetime, zone: tzinfo) -> None:
        """Count a frame, if something could be said of it. Never waits for the store.

        Args:
            stream_id: Of which stream.
            frame: After the last stage.
            learned_at: When the profile was fitted that it was scored by.
            zone: By whose clocks days begin.
        """
        surprise = frame.unguided
        if surprise is None or frame.unsmoothed is None or frame.source.ghostly:
            return
        moment = datetime.fromtimestamp(frame.source.frame.captured_at, zone)
        number = moment.date().toordinal()
        with self._lock:
            days = self._days.setdefault(stream_id, {})
            day = days.get(number)
            if day is None or day.learned_at != learned_at:
                day = days[number] = _Day(learned_at)
                self._let_go(stream_id, days)
            day.frames += 1
            self._changed.add((stream_id, number))
            if surprise < SURPRISE:
                return
            day.unusual += 1
            place = _place(day.moments, moment, surprise)
        if place is not None:
            # Outside the lock, as it takes a millisecond; one thread alone takes the frames of a stream.
            made = DayMoment(stream_id, number, moment.astimezone(UTC), surprise, thumbnail(frame.source.frame.image))
            with self._lock:
                day.moments[place : place + 1] = [made]

    def forget(self, stream_id: str) -> None:
        """Drop a deleted stream's days, also those that are kept. Call it after its last frame."""
        with self._lock:
            self._days.pop(stream_id, None)
            self._changed = {key for key in self._changed if key[0] != stream_id}
            self._dropped = {key for key in self._dropped if key[0] != stream_id}
        try:
            self._store.forget(stream_id)
        except (SQLAlchemyError, OSError) as error:
            logger.warning("the days of deleted stream %s stay until they are a month old: %s", stream_id, error)

    def _let_go(self, stream_id: str, days: dict[int, _Day]) -> None:
        """Keep so many days of a stream, and pictures of fewer: by number, so that a wrong clock deletes none."""
        for number in sorted(days)[:-KEPT_DAYS]:
            del days[number]
            self._dropped.add((stream_id, number))
        for number in sorted(days)[:-PICTURED_DAYS]:
            if days[number].moments:
                days[number].moments.clear()
                self._changed.add((stream_id, number))

    # ---- asking

    def days(self, stream_id: str, learned_at: datetime) -> Sequence[DayCount]:
        """The days of a stream that were judged by one profile, the newest first. Asks no store.

        Args:
            stream_id: The stream.
            learned_at: When that profile was fitted.
        """
        with self._lock:
            found = sorted(self._days.get(stream_id, {}).items(), reverse=True)
            return [
                DayCount(stream_id, number, day.learned_at, day.frames, day.unusual)
                for number, day in found
                if day.learned_at == learned_at
            ]

    def moments(self, stream_id: str, day: int) -> Sequence[DayMoment]:
        """The most unusual moments of a day, the newest first; none of one that is long past."""
        with self._lock:
            known = self._days.get(stream_id, {}).get(day)
            return [] if known is None else sorted(known.moments, key=lambda each: each.at, reverse=True)

    # ---- writing

    def flush(self) -> None:
        """Write the days that have changed; what the store does not take waits for the next time."""
        with self._lock:
            changed, self._changed = self._changed, set()
            dropped, self._dropped = self._dropped, set()
            known = [(key, self._days[key[0]][key[1]]) for key in changed if key[1] in self._days.get(key[0], {})]
            counts = [DayCount(*key, day.learned_at, day.frames, day.unusual) for key, day in known]
            moments = [moment for _, day in known for moment in day.moments]
        for count in _newest(counts):
            self._metrics.unusual_share.labels(count.stream_id).set(count.unusual / count.frames)
        if not counts:
            return
        try:
            self._store.write(counts, moments, dropped)
        except (SQLAlchemyError, OSError) as error:
            with self._lock:
                self._changed |= changed
                self._dropped |= dropped
            if not self._failing:
                logger.warning("how unusual days were cannot be stored, and is kept in memory for now: %s", error)
            self._failing = True
            return
        self._failing = False


def _newest(counts: Sequence[DayCount]) -> Sequence[DayCount]:
    """Of each stream the newest day."""
    return list({count.stream_id: count for count in sorted(counts, key=lambda count: count.day)}.values())


def _place(moments: Sequence[DayMoment], at: datetime, surprise: float) -> int | None:
    """Which moment another one replaces, or how many there are if it is one more; None if it is none."""
    near = [index for index, moment in enumerate(moments) if abs(moment.at - at) < timedelta(seconds=APART_S)]
    if near:
        return near[0] if surprise >= moments[near[0]].surprise + HIGHER else None
    if len(moments) < MOMENTS:
        return len(moments)
    least = min(range(len(moments)), key=lambda index: moments[index].surprise)
    return least if surprise > moments[least].surprise else None
