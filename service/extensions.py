"""What installed distributions bring, by entry point: so the service names nothing that lies above it.

One that does not load is logged and left out; it costs the others nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from importlib.metadata import EntryPoint, entry_points
from typing import Any

_log = logging.getLogger(__name__)


def extension(group: str, name: str) -> Any | None:
    """The first installed object of this name that loads, or None.

    Args:
        group: Of entry points, such as ``watchword.engine_builders``.
        name: Of one of them.
    """
    return next((found for _, found in _load(entry_points(group=group, name=name))), None)


def extensions(group: str) -> dict[str, Any]:
    """Every object of a group that loads, by name; of two with one name the first that is found."""
    found: dict[str, Any] = {}
    for name, extension in _load(entry_points(group=group)):
        found.setdefault(name, extension)
    return found


def _load(points: Iterable[EntryPoint]) -> Iterator[tuple[str, Any]]:
    for point in points:
        try:
            yield point.name, point.load()
        except (Exception, SystemExit) as error:  # foreign code can fail in any way
            reason = f"{type(error).__name__}: {error}"
            _log.warning("%s %s (%s) is left out: %s", point.group, point.name, point.value, reason)
