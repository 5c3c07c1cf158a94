"""One field of a request that is not what was expected, of what pydantic found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, Field

from service.api.queries import did_you_mean
from service.contracts.field_words import expected_and_got, field_path, sentence
from service.redact import SECRET_NAME, redact

MAX_FIELD_PROBLEMS = 20
"""A body of a megabyte can be wrong in a hundred thousand places; nobody reads more than a screenful."""

Place = Literal["body", "query", "path", "header", "cookie"]


class FieldProblem(BaseModel):
    """One field that is not what was expected."""

    place: Place = Field(description="Which part of the request the field is in.")
    field: str = Field(description="Its path, such as `zones[0].polygon`; empty for the whole of the place.")
    expected: str = Field(description="What would have been right.")
    got: str = Field(description="What came, shortened and without credentials.")
    message: str = Field(description="Both in one sentence, for people.")


def field_problem(error: Mapping[str, Any], known: Sequence[str] = ()) -> FieldProblem:
    """What pydantic found, in terms of expected and got.

    Args:
        error: Of pydantic's.
        known: Of a field that is not known: those that are in its place.
    """
    location = list(error["loc"])
    place = location.pop(0) if location else "body"
    field = field_path(location)
    if known:
        expected, got, message = _known_field(known, str(location[-1]))
        message = f"{field}: {message}"
    else:
        expected, got = expected_and_got(error, secret=any(SECRET_NAME.fullmatch(str(part)) for part in location))
        message = sentence(error, field, expected, got)
    return FieldProblem(
        place=place,
        field=redact(field),
        expected=redact(expected),
        got=redact(got),
        message=redact(message),
    )


def _known_field(known: Sequence[str], unknown: str) -> tuple[str, str, str]:
    """What is to be said of a field that is not known: what was expected, what came, and both in a sentence."""
    names, meant = ", ".join(known), did_you_mean(unknown, known)
    if meant is None:
        return f"one of {names}", "an unknown field", f"There is no such field here. Known: {names}."
    return (
        f"a known field, such as `{meant}`",
        "an unknown one",
        f"There is no such field here. Did you mean `{meant}`?",
    )
