"""The command line ``watchword``: one file a command. Heavy imports happen inside the commands."""

from __future__ import annotations

import sys


def main() -> None:
    """Entry point of the console script."""
    from service.cli.app import CommandError, assemble

    try:
        app = assemble()
    except CommandError as error:
        sys.exit(f"error: {error}")
    app()
