"""What Alembic runs for each of its commands, in the transaction that ``migrate`` hands over."""

from __future__ import annotations

from alembic import context


def run() -> None:
    """Take the schema to where the command wants it. Logging stays as whoever started the process set it up."""
    context.configure(connection=context.config.attributes["connection"])
    context.run_migrations()


if __name__ == "env_py":  # as Alembic names it; an import by anything else changes nothing
    run()
