"""When what a rule says or does was last changed, apart from when it was last written."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the moment to rules and to their audit."""
    for statement in (
        "ALTER TABLE guidance ADD COLUMN edited_at BIGINT NOT NULL DEFAULT 0",
        "UPDATE guidance SET edited_at = updated_at",
        "ALTER TABLE guidance_audit ADD COLUMN edited_at BIGINT NOT NULL DEFAULT 0",
        # What it was before these edits was not kept: to undo one puts the rule back to its making.
        "UPDATE guidance_audit SET edited_at = created_at",
    ):
        op.execute(statement)
