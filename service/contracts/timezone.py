"""Names of time zones."""

from __future__ import annotations

from functools import cache
from typing import Annotated
from zoneinfo import available_timezones

from pydantic import AfterValidator, StringConstraints


def check_timezone(name: str) -> str:
    """An IANA time zone's name, as it came.

    Raises:
        ValueError: If there is no such zone.
    """
    if name not in _names():
        msg = f"There is no time zone {name[:40]!r}. Use an IANA name, such as Europe/Berlin."
        raise ValueError(msg)
    return name


@cache
def _names() -> frozenset[str]:
    """All names. Looked up once: it reads the beginning of 600 files.

    Files of other names can be opened as zones too. ``localtime`` is what this computer is set to, which the next one
    is not, and ``Factory`` says that nobody has set it.
    """
    return frozenset(available_timezones() - {"localtime", "Factory"})


Timezone = Annotated[str, StringConstraints(min_length=1, max_length=64), AfterValidator(check_timezone)]
