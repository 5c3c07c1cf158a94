"""What pydantic found wrong with a field, in words for people."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from service.redact import redact

_SHOWN = 80
_SHOULD = re.compile(r"^(?P<noun>\w+) should (?P<verb>be|have|match) (?P<rest>.*?)(?: after validation, not \d+)?$")
_ASIDE = re.compile(r", (?:unable to|got) .*$")
_PLAIN = {
    "a valid dictionary": "an object",
    "a valid string": "text",
    "a valid number": "a number",
    "a valid integer": "a whole number",
    "a valid boolean": "true or false",
    "a valid list": "a list",
}
_SENTENCE = re.compile(r"^(?:Value error, )?expected (?P<expected>.*?)[,;] got (?P<got>.*)$", re.DOTALL)


def sentence(error: Mapping[str, Any], field: str, expected: str, got: str) -> str:
    """All of it in one sentence.

    Args:
        error: Of pydantic's.
        field: Its place, as ``field_path`` has it.
        expected: What would have been right.
        got: What came.
    """
    if is_sentence(error):
        return f"{field}: {expected}" if field else expected
    if error["type"] == "missing":
        return f"`{field}` is missing." if field else f"Nothing came; {expected} is needed."
    if error["type"] == "string_too_short" and not error.get("input", "").strip():
        return f"`{field}` is empty."
    what = f"`{field}`" if field else "This"
    return f"{what} must be {expected}, not {got}."


def is_sentence(error: Mapping[str, Any]) -> bool:
    """Whether a check of our own said all there is to say, in a sentence for people."""
    return error["type"] == "value_error" and _SENTENCE.match(str(error["msg"])) is None


def expected_and_got(error: Mapping[str, Any], *, secret: bool) -> tuple[str, str]:
    """What would have been right, and what came.

    Args:
        error: Of pydantic's.
        secret: Whether what came must not be shown.
    """
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
    rest = next((plain for technical, plain in _PLAIN.items() if rest.startswith(technical)), rest)
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


def field_path(location: Iterable[object]) -> str:
    """A place in a document, such as ``zones[0].polygon``; empty for the whole of it."""
    path = ""
    for step in location:
        if isinstance(step, int):
            path += f"[{step}]"
        else:
            path += f".{str(step)[:_SHOWN]}" if path else str(step)[:_SHOWN]
    return path
