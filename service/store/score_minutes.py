"""The highest score of every minute of every stream, for a month."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, func, select, text

from service.contracts.stream import StreamState
from service.store.database import Database
from service.store.tables import score_minutes

KEPT_DAYS = 30
"""Days that minutes are kept. A stream has 1440 a day at about 45 bytes: 2 MB in 30 days, 500 MB for 256 streams."""

MINUTES_A_DAY = 1440

PRUNED_AT_ONCE = 120
"""Minutes of all streams that one pruning may delete, from the oldest on: two hours. Asked every hour it keeps up, and
a clock that is wrong at that moment costs no more than this."""


@dataclass(frozen=True, slots=True)
class ScoreMinute:
    """What is kept of one minute of one stream.

    Attributes:
        stream_id: The stream.
        minute: Minutes since 1970, UTC.
        score: The highest display score of its frames, 0..1; None if no frame was scored.
        state: The stream's state when a frame had that score, else at the minute's end.
    """

    stream_id: str
    minute: int
    score: float | None
    state: StreamState

    def with_(self, other: ScoreMinute) -> ScoreMinute:
        """Both as one: the higher score, or what was said last if neither has one."""
        if other.score is None:
            return self if self.score is not None else other
        return self if self.score is not None and self.score >= other.score else other


# Written by hand, because both databases understand the same words and SQLAlchemy has none for both.
_MERGE = text(
    "INSERT INTO score_minutes (stream_id, minute, score, state) VALUES (:stream_id, :minute, :score, :state) "
    "ON CONFLICT (stream_id, minute) DO UPDATE SET score = excluded.score, state = excluded.state "
    "WHERE score_minutes.score IS NULL OR excluded.score > score_minutes.score"
)


class ScoreMinuteStore:
    """Keeps minutes. Thread-safe."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def merge(self, minutes: Sequence[ScoreMinute]) -> None:
        """Write minutes, in one transaction; of one that is there already the higher score stays."""
        rows = [
            {"stream_id": each.stream_id, "minute": each.minute, "score": each.score, "state": each.state.value}
            for each in minutes
        ]
        if rows:
            with self._database.transaction() as connection:
                connection.execute(_MERGE, rows)

    def between(self, stream_id: str, first: int, end: int) -> Sequence[ScoreMinute]:
        """The minutes of a stream from ``first`` on and before ``end``, oldest first; those that nobody saw lack."""
        columns = score_minutes.c
        wanted = (columns.stream_id == stream_id, columns.minute >= first, columns.minute < end)
        query = select(columns.minute, columns.score, columns.state).where(*wanted).order_by(columns.minute)
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        return [ScoreMinute(stream_id, minute, score, StreamState(state)) for minute, score, state in rows]

    def prune(self, now: int) -> None:
        """Delete what is more than `KEPT_DAYS` older than now and than the newest minute, a little at a time.

        A computer may begin in 1970, or a month ahead, until it has asked for the time. So what lies ahead is never
        deleted before its time has come and is a month gone, and a clock that has run ahead of what is kept says
        nothing of its age. Call it before what the same clock dated is merged.

        Args:
            now: This minute.
        """
        minute = score_minutes.c.minute
        with self._database.reading() as connection:
            oldest, newest = connection.execute(select(func.min(minute), func.max(minute))).one()
        if oldest is None:
            return
        end = min(min(now, newest) - KEPT_DAYS * MINUTES_A_DAY, oldest + PRUNED_AT_ONCE)
        if oldest < end:
            with self._database.transaction() as connection:
                connection.execute(delete(score_minutes).where(minute < end))

    def forget(self, stream_id: str) -> None:
        """Delete a stream's minutes."""
        with self._database.transaction() as connection:
            connection.execute(delete(score_minutes).where(score_minutes.c.stream_id == stream_id))
