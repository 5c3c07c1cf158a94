"""The tables as they are after all migrations, for building statements. A test holds the two together."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.types import TypeDecorator

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class UtcTime(TypeDecorator[datetime]):
    """A point in time, kept as whole microseconds since 1970."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """To microseconds. A time without a zone is refused: it would silently mean another moment."""
        if value is None:
            return None
        if value.tzinfo is None:
            msg = f"expected a time with a zone, got {value.isoformat()}"
            raise ValueError(msg)
        return (value - _EPOCH) // _MICROSECOND

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        """From microseconds, in UTC."""
        return None if value is None else _EPOCH + value * _MICROSECOND


class JsonText(TypeDecorator[Any]):
    """JSON kept as text."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """To text."""
        return None if value is None else orjson.dumps(value).decode()

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        """From text."""
        return None if value is None else orjson.loads(value)


metadata = MetaData()

streams = Table(
    "streams",
    metadata,
    Column("id", Text, primary_key=True),
    Column("spec", JsonText, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
)

secrets = Table(
    "secrets",
    metadata,
    Column("stream_id", Text, ForeignKey("streams.id", ondelete="CASCADE"), primary_key=True),
    Column("url", Text, nullable=False),
)

pending_enrolments = Table(
    "pending_enrolments",
    metadata,
    Column("stream_id", Text, ForeignKey("streams.id", ondelete="CASCADE"), primary_key=True),
    Column("spec", JsonText, nullable=False),
)

alerts = Table(
    "alerts",
    metadata,
    Column("id", Text, primary_key=True),
    Column("stream_id", Text, nullable=False),
    Column("stream_name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("opened_at", UtcTime, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
    Column("closed_at", UtcTime),
    Column("opened_pts", Double),
    Column("closed_pts", Double),
    Column("peak_score", Double),
    Column("peak_at", UtcTime),
    Column("threshold", Double),
    Column("heads", JsonText, nullable=False),
    Column("objects", JsonText, nullable=False),
    Column("message", Text, nullable=False),
    Column("verdict", Text),
    Column("snapshot", Text),
    Column("clip", Text),
    Column("revision", Integer, nullable=False),
    Column("note", Text),
    Column("reviewed_at", UtcTime),
)

alert_words = Table(
    "alert_words",
    metadata,
    Column("opened_at", UtcTime, primary_key=True),
    Column("id", Text, ForeignKey("alerts.id", ondelete="CASCADE"), primary_key=True, unique=True),
    Column("stream_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("verdict", Text),
    Column("words", Text, nullable=False),
)

score_minutes = Table(
    "score_minutes",
    metadata,
    Column("stream_id", Text, primary_key=True),
    Column("minute", BigInteger, primary_key=True),
    Column("score", Double),
    Column("state", Text, nullable=False),
)

drift_days = Table(
    "drift_days",
    metadata,
    Column("stream_id", Text, primary_key=True),
    Column("day", BigInteger, primary_key=True),
    Column("learned_at", UtcTime, nullable=False),
    Column("frames", BigInteger, nullable=False),
    Column("unusual", BigInteger, nullable=False),
)

drift_moments = Table(
    "drift_moments",
    metadata,
    Column("stream_id", Text, primary_key=True),
    Column("day", BigInteger, primary_key=True),
    Column("at", UtcTime, primary_key=True),
    Column("surprise", Double, nullable=False),
    Column("picture", LargeBinary, nullable=False),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("sink", Text, nullable=False),
    Column("alert_id", Text, nullable=False),
    Column("event_id", Text, nullable=False),
    Column("event", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_at", UtcTime, nullable=False),
    UniqueConstraint("sink", "event_id"),
)

guidance = Table(
    "guidance",
    metadata,
    Column("id", Text, primary_key=True),
    Column("stream_id", Text, ForeignKey("streams.id", ondelete="CASCADE"), nullable=False),
    Column("spec", JsonText, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
    Column("edited_at", UtcTime, nullable=False),
)

guidance_audit = Table(
    "guidance_audit",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("stream_id", Text, nullable=False),
    Column("rule_id", Text, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("who", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("before", JsonText),
    Column("after", JsonText),
    Column("created_at", UtcTime, nullable=False),
    Column("undoes", BigInteger),
    Column("edited_at", UtcTime, nullable=False),
)

alert_embeddings = Table(
    "alert_embeddings",
    metadata,
    Column("alert_id", Text, ForeignKey("alerts.id", ondelete="CASCADE"), primary_key=True),
    Column("stream_id", Text, nullable=False),
    Column("encoder", Text, nullable=False),
    Column("dim", Integer, nullable=False),
    Column("vectors", LargeBinary, nullable=False),
    Column("recorded_at", UtcTime, nullable=False),
)

feedback = Table(
    "feedback",
    metadata,
    Column("alert_id", Text, primary_key=True),
    Column("stream_id", Text, ForeignKey("streams.id", ondelete="CASCADE"), nullable=False),
    Column("encoder", Text, nullable=False),
    Column("dim", Integer, nullable=False),
    Column("vectors", LargeBinary, nullable=False),
    Column("radius", Double, nullable=False),
    Column("taught_at", UtcTime, nullable=False),
)
