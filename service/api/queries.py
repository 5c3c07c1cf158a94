"""Query parameters: one that a path does not know is refused, and so is one that came twice where one is meant."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from typing import Any, TypeVar, get_args, get_origin

from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, APIWebSocketRoute
from starlette.requests import HTTPConnection

from service.errors import REPEATED_PARAMETER, UNKNOWN_PARAMETER, InvalidInput
from service.redact import redact

T = TypeVar("T")

_SHOWN = 40
"""Characters of an unknown name that are repeated in the answer."""


async def known_parameters(connection: HTTPConnection) -> None:
    """A dependency of every route: its query has parameters that it knows, each as often as it may come.

    Raises:
        InvalidInput: ``unknown_parameter`` or ``repeated_parameter``.
    """
    route = connection.scope["route"]
    assert isinstance(route, APIRoute | APIWebSocketRoute)
    known = parameters_of(route)
    for name, times in Counter(name for name, _ in connection.query_params.multi_items()).items():
        if name not in known:
            raise InvalidInput(UNKNOWN_PARAMETER, _unknown(name, list(known)), known=sorted(known))
        if times > 1 and not known[name]:
            raise InvalidInput(
                REPEATED_PARAMETER, f"Give `{name}` only once, or leave it out; it came {_times(times)}."
            )


def either(name: str, value: T | None, older_name: str, older_value: T | None) -> T | None:
    """The value of a parameter that has an older name as well.

    Raises:
        InvalidInput: ``repeated_parameter``, if it came under both.
    """
    if value is not None and older_value is not None:
        raise InvalidInput(REPEATED_PARAMETER, f"Give `{name}` or `{older_name}`, which mean the same, and not both.")
    return older_value if value is None else value


def did_you_mean(name: str, known: Sequence[str]) -> str | None:
    """The known name that was most likely meant, if one is near enough."""
    near = get_close_matches(name.casefold(), known, n=1)
    return near[0] if near else None


def parameters_of(route: APIRoute | APIWebSocketRoute) -> dict[str, bool]:
    """The query parameters of a route, and whether each may come several times."""
    return {field.alias: _is_list(field.field_info.annotation) for field in _query_fields(route.dependant)}


def _query_fields(dependant: Dependant) -> Iterator[Any]:
    yield from dependant.query_params
    for each in dependant.dependencies:
        yield from _query_fields(each)


def _is_list(annotation: Any) -> bool:
    return get_origin(annotation) is list or any(_is_list(part) for part in get_args(annotation))


def _unknown(name: str, known: list[str]) -> str:
    shown = redact(name)  # before it is cut: a URL cut short hides where its credentials end
    shown = shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}..."
    refused = f"There is no query parameter `{shown}` here."
    if not known:
        return f"{refused} This path takes none."
    meant = did_you_mean(name, known)
    if meant is not None:
        return f"{refused} Did you mean `{meant}`? Known: {_list(known)}."
    return f"{refused} Known: {_list(known)}."


def _list(names: list[str]) -> str:
    return ", ".join(f"`{each}`" for each in sorted(names))


def _times(times: int) -> str:
    return "twice" if times == 2 else f"{times} times"
