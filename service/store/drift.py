"""How unusual each day of each stream was, for a month, with small pictures of the most unusual of the last days."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, delete, insert, select, text

from service.store.database import Database
from service.store.tables import drift_days, drift_moments

KEPT_DAYS = 30
"""Days that counts are kept: 60 bytes each."""


@dataclass(frozen=True, slots=True)
class DayCount:
    """One day of one stream under one profile.

    Attributes:
        stream_id: The stream.
        day: The day where its camera hangs, as ``date.toordinal`` counts.
        learned_at: When the profile was fitted that judged it.
        frames: Frames that were scored.
        unusual: Those of them that were as unusual as one frame in a hundred was while learning.
    """

    stream_id: str
    day: int
    learned_at: datetime
    frames: int
    unusual: int


@dataclass(frozen=True, slots=True)
class DayMoment:
    """One of the most unusual moments of a day.

    Attributes:
        stream_id: The stream.
        day: As of its ``DayCount``.
        at: When it was captured.
        surprise: -log10(p), without text rules.
        picture: A small JPEG.
    """

    stream_id: str
    day: int
    at: datetime
    surprise: float
    picture: bytes


# Written by hand, because both databases understand the same words and SQLAlchemy has none for both.
_PUT = text(
    "INSERT INTO drift_days (stream_id, day, learned_at, frames, unusual) "
    "VALUES (:stream_id, :day, :learned_at, :frames, :unusual) ON CONFLICT (stream_id, day) DO UPDATE SET "
    "learned_at = excluded.learned_at, frames = excluded.frames, unusual = excluded.unusual"
).bindparams(*(bindparam(column.name, type_=column.type) for column in drift_days.c))


class DriftStore:
    """Keeps days and their moments. Thread-safe."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def days(self) -> Sequence[DayCount]:
        """All that are kept, of all streams."""
        with self._database.reading() as connection:
            rows = connection.execute(select(drift_days)).all()
        return [DayCount(**row._mapping) for row in rows]

    def moments(self) -> Sequence[DayMoment]:
        """All that are kept, of all streams."""
        with self._database.reading() as connection:
            rows = connection.execute(select(drift_moments)).all()
        return [DayMoment(**row._mapping) for row in rows]

    def write(
        self, counts: Sequence[DayCount], moments: Sequence[DayMoment], dropped: Collection[tuple[str, int]] = ()
    ) -> None:
        """Write days with all of their moments, and let go of others, in one transaction.

        Args:
            counts: The days that have changed.
            moments: Of these days, all that are to be kept.
            dropped: Stream and day of those that are to be deleted.
        """
        with self._database.transaction() as connection:
            if counts:
                connection.execute(_PUT, [_row(each) for each in counts])
            for stream_id, day in [*((each.stream_id, each.day) for each in counts), *dropped]:
                of_day = (drift_moments.c.stream_id == stream_id, drift_moments.c.day == day)
                connection.execute(delete(drift_moments).where(*of_day))
            for stream_id, day in dropped:
                connection.execute(
                    delete(drift_days).where(drift_days.c.stream_id == stream_id, drift_days.c.day == day)
                )
            if moments:
                connection.execute(insert(drift_moments), [_row(each) for each in moments])

    def forget(self, stream_id: str) -> None:
        """Delete a stream's days."""
        with self._database.transaction() as connection:
            for table in (drift_days, drift_moments):
                connection.execute(delete(table).where(table.c.stream_id == stream_id))


def _row(each: DayCount | DayMoment) -> dict[str, object]:
    return {name: getattr(each, name) for name in each.__slots__}
