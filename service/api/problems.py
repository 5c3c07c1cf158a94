"""Errors as the API tells them: RFC 9457 ``application/problem+json``, for every error there is.

Programs go by ``code``, people by ``detail``; fields that are not what was expected are listed one by one
(``field_problems``). Nothing that came in is repeated without its credentials taken out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Never

from pydantic import BaseModel, Field
from starlette.responses import Response

from models.packs.codes import UNUSABLE
from service.api.field_problems import FieldProblem
from service.errors import (
    APPEARANCE_NEEDED,
    BAD_PACK,
    BODY_TOO_LARGE,
    BODY_TOO_SLOW,
    CROSS_ORIGIN,
    INPUT_UNKNOWN,
    INTERNAL_ERROR,
    INVALID_INPUT,
    MALFORMED_BODY,
    PACK_KIND,
    PACK_KINDS,
    POSE_NEEDED,
    SOURCE_CHARACTERS,
    SOURCE_HOST,
    SOURCE_MASKED,
    SOURCE_MISSING,
    SOURCE_OPTIONS,
    SOURCE_PATH,
    SOURCE_PORT,
    SOURCE_SCHEME,
    SOURCE_SELF,
    SOURCE_TOO_LONG,
    SOURCE_UNAUTHORIZED,
    SOURCE_UNREACHABLE,
    SOURCE_UNREADABLE,
    SOURCE_UNSUPPORTED,
    STORAGE_KINDS,
    UNKNOWN_CLASS,
    UNKNOWN_HOST,
    UNSUPPORTED_MEDIA_TYPE,
    ErrorKind,
)
from service.redact import redact

MEDIA_TYPE = "application/problem+json"

Documented = dict[int | str, dict[str, Any]]


class Problem(BaseModel):
    """An error (RFC 9457)."""

    type: str = Field(description="`urn:problem-type:watchword:` and the code.")
    title: str = Field(description="The kind of error, for people.")
    status: int = Field(description="The HTTP status.")
    code: str = Field(description="The kind of error, for programs: stable, in snake_case.")
    detail: str = Field(description="What was expected and what came.")
    errors: list[FieldProblem] | None = Field(None, description="The fields that are wrong, of an invalid request.")
    context: dict[str, Any] | None = Field(None, description="Facts for programs, such as a limit that was reached.")
    incident: str | None = Field(None, description="Of an unforeseen error: the id it is logged under.")


BODY: tuple[ErrorKind[Never], ...] = (
    MALFORMED_BODY,
    BODY_TOO_SLOW,
    BODY_TOO_LARGE,
    UNSUPPORTED_MEDIA_TYPE,
    INVALID_INPUT,
)
"""What may be wrong with any body."""

CHANGE: tuple[ErrorKind[Never], ...] = (CROSS_ORIGIN, *STORAGE_KINDS.values())
"""Why a request that changes something may be refused."""

SOURCE = (
    *(SOURCE_SCHEME, SOURCE_HOST, SOURCE_PORT, SOURCE_PATH, SOURCE_MISSING, SOURCE_OPTIONS, SOURCE_CHARACTERS),
    *(SOURCE_MASKED, SOURCE_SELF, SOURCE_TOO_LONG),
    *(SOURCE_UNREACHABLE, SOURCE_UNAUTHORIZED, SOURCE_UNSUPPORTED, SOURCE_UNREADABLE),
)
"""What may be wrong with a source."""

PACK: tuple[ErrorKind[Never], ...] = (
    *(PACK_KINDS[code] for code in UNUSABLE),
    *(PACK_KIND, BAD_PACK, INPUT_UNKNOWN, POSE_NEEDED, APPEARANCE_NEEDED, UNKNOWN_CLASS),
)
"""What may be wrong with a pack or detector."""


def problem_response(
    kind: ErrorKind[Never],
    detail: str,
    *,
    headers: Mapping[str, str] | None = None,
    errors: Sequence[FieldProblem] | None = None,
    context: Mapping[str, object] | None = None,
    incident: str | None = None,
) -> Response:
    """An answer that is a problem.

    Args:
        kind: Of error.
        detail: What was expected and what came; redacted here.
        headers: Of the answer.
        errors: The fields that are wrong.
        context: Facts for programs; their strings are redacted here.
        incident: The id that an unforeseen error is logged under.
    """
    problem = Problem(
        type=_type(kind),
        title=kind.title,
        status=kind.status,
        code=kind.code,
        detail=redact(detail),
        errors=None if errors is None else list(errors),
        context=None if not context else {key: _redacted(value) for key, value in context.items()},
        incident=incident,
    )
    # ASCII, because what came may hold half of a surrogate pair, which UTF-8 cannot say.
    body = json.dumps(problem.model_dump(exclude_none=True), default=str).encode("ascii")
    return Response(body, kind.status, headers, MEDIA_TYPE)


def _type(kind: ErrorKind[Never]) -> str:
    return f"urn:problem-type:watchword:{kind.code}"


def _redacted(value: object) -> object:
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {str(key): _redacted(each) for key, each in value.items()}
    if isinstance(value, Sequence | set | frozenset):
        return [_redacted(each) for each in value]
    return value


def example(kind: ErrorKind[Never]) -> dict[str, Any]:
    """An example of a problem of this kind, for the API's description."""
    return {
        "type": _type(kind),
        "title": kind.title,
        "status": kind.status,
        "code": kind.code,
        "detail": kind.example,
    }


def responses(*kinds: ErrorKind[Never]) -> Documented:
    """What an operation may answer when it fails, for its ``responses=`` argument.

    Every operation may fail with ``internal_error``, and with ``unknown_host`` where hosts are checked.

    Args:
        *kinds: Of the errors that are this operation's own.
    """
    documented: dict[int, dict[str, Any]] = {}
    for kind in (*kinds, UNKNOWN_HOST, INTERNAL_ERROR):
        response = documented.setdefault(
            kind.status,
            {
                "description": kind.title,
                "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "examples": {}}},
            },
        )
        response["content"][MEDIA_TYPE]["examples"][kind.code] = {"summary": kind.title, "value": example(kind)}
    return {status: documented[status] for status in sorted(documented)}
