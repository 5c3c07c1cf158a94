"""Tables and columns that are named for what they hold: embeddings of alerts' objects, and what verdicts taught."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Rename them. An index keeps its name when its table gets another, so those are made anew."""
    op.drop_index("alert_clips_by_time", "alert_clips")
    op.rename_table("alert_clips", "alert_embeddings")
    op.alter_column("alert_embeddings", "clips", new_column_name="vectors")
    op.create_index("alert_embeddings_by_time", "alert_embeddings", ["recorded_at", "alert_id"])
    op.drop_index("taught_by_stream", "taught")
    op.rename_table("taught", "feedback")
    op.alter_column("feedback", "clips", new_column_name="vectors")
    op.create_index("feedback_by_stream", "feedback", ["stream_id", "taught_at"])
