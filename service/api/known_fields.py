"""Which fields an object of a request's body may have, so that an unknown one can be answered with what was meant."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from fastapi.routing import APIRoute
from pydantic import TypeAdapter

Json = dict[str, Any]


def known_fields(route: APIRoute, location: Sequence[object]) -> list[str]:
    """The fields of the object in which a field was not known.

    Args:
        route: Whose body it is.
        location: Where the unknown field is, as pydantic says it: names and indices within the body, its own last.
    """
    if route.body_field is None:
        return []
    annotation: Any = route.body_field.field_info.annotation
    whole = _schema(annotation)
    parts = [whole]
    for step in location[:-1]:
        parts = [inner for part in parts for inner in _within(whole, part, step)]
    found = (name for part in parts for each in _objects(whole, part) for name in each.get("properties", ()))
    return list(dict.fromkeys(found))


@lru_cache(maxsize=64)
def _schema(kind: Any) -> Json:
    return TypeAdapter(kind).json_schema()


def _within(whole: Json, part: Json, step: object) -> Iterator[Json]:
    """What may be at a step further in: the value of a field, or an item of a list."""
    for each in _objects(whole, part):
        if isinstance(step, int) and "items" in each:
            yield each["items"]
        elif step in each.get("properties", {}):
            yield each["properties"][step]


def _objects(whole: Json, part: Json) -> Iterator[Json]:
    """A schema without its references and alternatives."""
    if "$ref" in part:
        yield from _objects(whole, whole["$defs"][part["$ref"].rsplit("/", 1)[-1]])
    elif "anyOf" in part:
        for each in part["anyOf"]:
            yield from _objects(whole, each)
    else:
        yield part
