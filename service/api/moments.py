"""Moments and spans of time in queries."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Query
from pydantic import AfterValidator, AwareDatetime, BeforeValidator

from service.errors import INVALID_INPUT, InvalidInput

_EXAMPLE = "2026-03-01T12:00:00Z"


def _no_number(value: object) -> object:
    """Refuse bare numbers: they could be seconds, milliseconds, or the number of a message."""
    if isinstance(value, str) and re.fullmatch(r"\s*[-+]?[\d._]+\s*", value):
        msg = f"{value.strip()[:40]} is a number, not a time. Write a time with its zone, such as {_EXAMPLE}."
        raise ValueError(msg)
    return value


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        msg = "expected a moment between the years 1 and 9999 in UTC, got one beyond"
        raise ValueError(msg) from None


InUtc = Annotated[AwareDatetime, BeforeValidator(_no_number), AfterValidator(_in_utc)]

FROM = Query(alias="from", description="Only at or after this moment, with its zone.", examples=[_EXAMPLE])
UNTIL = Query(description="Only before this moment, with its zone.", examples=[_EXAMPLE])
Since = Annotated[
    InUtc | None,
    Query(description="The same as `from`, by its older name.", examples=[_EXAMPLE], deprecated=True),
]


def span(begin: datetime | None, end: datetime | None) -> None:
    """See that a span of time is one.

    Raises:
        InvalidInput: ``invalid_input``, if it ends before it begins, or as it does.
    """
    if begin is not None and end is not None and end <= begin:
        msg = f"`until` ({_brief(end)}) must come after `from` ({_brief(begin)})."
        raise InvalidInput(INVALID_INPUT, msg)


def _brief(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
