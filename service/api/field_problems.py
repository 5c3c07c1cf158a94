"""One field of a request that is not what was expected, of what pydantic found."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from pydantic import BaseModel, Field

from service.redact import redact

MAX_FIELD_PROBLEMS = 20
"""A body of a megabyte can be wrong in a hundred thousand places; nobody reads more than a screenful."""

Place = Literal["body", "query", "path", "header", "cookie"]

_SHOWN = 80
_SECRET_NAME = re.compile(r"pass|pwd|secret|token|key|auth|cred", re.IGNORECASE)
_SHOULD = re.compile(r"^(?P<noun>\w+) should (?P<verb>be|have|match) (?P<rest>.*?)(?: after validation, not \d+)?$")
_ASIDE = re.compile(r", (?:unable to|got) .*$")
_SENTENCE = re.compile(r"^(?:Value error, )?expected (?P<expected>.*?)[,;] got (?P<got>.*)$", re.DOTALL)


class FieldProblem(BaseModel):
    """One field that is not what was expected."""

    place: Place = Field(description="Which part of the request the field is in.")
    field: str = Field(description="Its path, such as `zones[0].polygon`; empty for the whole of the place.")
    expected: str = Field(description="What would have been right.")
    got: str = Field(description="What came, shortened and without credentials.")
    message: str = Field(description="Both in one sentence, for people.")


def field_problem(error: Mapping[str, Any]) -> FieldProblem:
    """What pydantic found, in terms of expected and got."""
    location = list(error["loc"])
    place = location.pop(0) if location else "body"
    field = _path(location)
    expected, got = _expected_and_got(error, secret=bool(_SECRET_NAME.search(field)))
    message = expected if _is_sentence(error) else f"expected {expected}, got {got}"
    if field:
        message = f"{field}: {message}"
    return FieldProblem(
        place=place,
        field=redact(field),
        expected=redact(expected),
        got=redact(got),
        message=redact(message),
    )


def _is_sentence(error: Mapping[str, Any]) -> bool:
    """Whether a check of our own said all there is to say, in a sentence for people."""
    return error["type"] == "value_error" and _SENTENCE.match(str(error["msg"])) is None


def _expected_and_got(error: Mapping[str, Any], *, secret: bool) -> tuple[str, str]:
    value, message = error.get("input"), str(error["msg"])
    if error["type"] == "missing":
        return "a JSON object" if tuple(error["loc"]) == ("body",) else "a value", "nothing"
    if error["type"] == "extra_forbidden":
        return "only fields that this object has", "one that it has not"
    if found := _SENTENCE.match(message):
        return found["expected"], found["got"]
    return _expected(message), _kind_of(value) if secret else _shown(value)


def _expected(message: str) -> str:
    """``Input should be a valid number`` as ``a valid number``, and so on."""
    found = _SHOULD.match(message)
    if found is None:
        return message.removeprefix("Value error, ")
    rest = _ASIDE.sub("", found["rest"])
    if rest.startswith("a valid dictionary"):
        rest = "an object"
    if found["verb"] == "be":
        is_bound = rest.startswith(("greater", "less"))
        return f"a number {rest}" if is_bound else rest
    noun = {"string": "text"}.get(found["noun"].lower(), f"a {found['noun'].lower()}")
    return f"{noun} with {rest}" if found["verb"] == "have" else f"{noun} that matches {rest}"


def _kind_of(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return f"text of {len(value)} characters"
        case list() | tuple():
            return f"a list of {len(value)} item{'' if len(value) == 1 else 's'}"
        case _:
            return "an object"


def _shown(value: object) -> str:
    """A value as a reader knows it again. Lists and objects are not shown: who knows what is in them."""
    if isinstance(value, str):
        text = redact(value)  # before it is cut: a URL cut short hides where its credentials end
        return f"{text[:_SHOWN]!r}" if len(text) <= _SHOWN else f"{text[:_SHOWN]!r}... of {len(text)} characters"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        text = str(value)
        return text if len(text) <= _SHOWN else f"a number of {len(text)} digits"
    return _kind_of(value)


def _path(location: Iterable[object]) -> str:
    path = ""
    for step in location:
        if isinstance(step, int):
            path += f"[{step}]"
        else:
            path += f".{str(step)[:_SHOWN]}" if path else str(step)[:_SHOWN]
    return path
