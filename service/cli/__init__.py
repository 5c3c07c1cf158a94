"""The command line ``watchword``: one file a command. Heavy imports happen inside the commands."""

from __future__ import annotations

import typer

app = typer.Typer(
    name="watchword",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_show_locals=False,
    help="Real-time video anomaly detection that learns each camera's normal.",
)


def main() -> None:
    """Entry point of the console script."""
    app()
