"""How unusual each day of a stream was, with pictures of what was most unusual."""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add them. No reference to streams: days are written in the background, also as their stream is deleted."""
    blob = "BLOB" if op.get_bind().dialect.name == "sqlite" else "BYTEA"
    op.execute(
        """CREATE TABLE drift_days (
            stream_id TEXT NOT NULL,
            day BIGINT NOT NULL,
            learned_at BIGINT NOT NULL,
            frames BIGINT NOT NULL,
            unusual BIGINT NOT NULL,
            PRIMARY KEY (stream_id, day)
        )"""
    )
    op.execute(
        f"""CREATE TABLE drift_moments (
            stream_id TEXT NOT NULL,
            day BIGINT NOT NULL,
            at BIGINT NOT NULL,
            surprise DOUBLE PRECISION NOT NULL,
            picture {blob} NOT NULL,
            PRIMARY KEY (stream_id, day, at)
        )"""
    )
