"""Names of time zones."""

from __future__ import annotations

from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, StringConstraints


def check_timezone(name: str) -> str:
    """An IANA time zone's name, as it came.

    Raises:
        ValueError: If there is no such zone.
    """
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        msg = f"There is no time zone {name[:40]!r}. Use an IANA name, such as Europe/Berlin."
        raise ValueError(msg) from None
    return name


Timezone = Annotated[str, StringConstraints(min_length=1, max_length=64), AfterValidator(check_timezone)]
