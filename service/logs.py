"""Logging set up once, by whoever starts the process. No line of it carries a credential."""

from __future__ import annotations

import logging
import sys

from service.redact import RedactingFilter

FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"


def configure(level: str = "INFO") -> None:
    """Send all logging to standard error, redacted.

    Raises:
        ValueError: If the level is not one of logging's.
    """
    number = logging.getLevelNamesMapping().get(level.upper())
    if number is None:
        msg = f"expected a log level of DEBUG, INFO, WARNING or ERROR, got {level!r}"
        raise ValueError(msg)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter(FORMAT))
    handler.addFilter(RedactingFilter())
    logging.basicConfig(level=number, handlers=[handler], force=True)
    # One line per request would drown what an operator needs to see.
    for noisy in ("uvicorn.access", "httpx", "httpcore", "asyncio", "alembic"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
