"""From exceptions to problems: what was raised on purpose, and what the framework refuses."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Never

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match
from starlette.types import Scope

from models.packs import PackError
from service.api.field_problems import MAX_FIELD_PROBLEMS, field_problem
from service.api.known_fields import known_fields
from service.api.problems import problem_response
from service.errors import (
    BODY_TOO_LARGE,
    BODY_TOO_SLOW,
    INVALID_INPUT,
    MALFORMED_BODY,
    METHOD_NOT_ALLOWED,
    NO_SUCH_PATH,
    PACK_KINDS,
    STORAGE_KINDS,
    UNSUPPORTED_MEDIA_TYPE,
    ErrorKind,
    Overloaded,
    WatchwordError,
    declare_answer,
)
from service.store.storage_trouble import storage_trouble


def install(app: FastAPI) -> None:
    """Make every error of this application a problem."""
    app.add_exception_handler(WatchwordError, _foreseen)
    app.add_exception_handler(PackError, _bad_pack)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(SQLAlchemyError, _not_stored)
    app.add_exception_handler(OSError, _not_stored)


async def _foreseen(request: Request, error: Exception) -> Response:
    assert isinstance(error, WatchwordError)
    headers = {"Retry-After": str(error.retry_after)} if isinstance(error, Overloaded) else None
    return problem_response(error.kind, error.message, headers=headers, context=error.context)


async def _not_stored(request: Request, error: Exception) -> Response:
    """What the disk refuses to take. Any other error of a file or the database is one that nobody foresaw."""
    trouble = None if request.method in {"GET", "HEAD"} else storage_trouble(error)
    if trouble is None:
        raise error
    return problem_response(STORAGE_KINDS[trouble.kind], f"Nothing was changed. {trouble.detail}")


async def _bad_pack(request: Request, error: Exception) -> Response:
    assert isinstance(error, PackError)
    # A head that another distribution brings may have codes of its own.
    kind = PACK_KINDS.get(error.code) or declare_answer(error.code, 422, "Invalid pack", error.message)
    return problem_response(kind, error.message)


async def _http(request: Request, error: Exception) -> Response:
    """What the framework refuses: unknown paths, wrong methods, unreadable bodies."""
    assert isinstance(error, HTTPException)
    headers, detail = error.headers, error.detail
    kind: ErrorKind[Never]
    match error.status_code:
        case 400:
            kind, detail = MALFORMED_BODY, "The body cannot be read as JSON."
        case 404:
            kind, detail = NO_SUCH_PATH, f"There is nothing at {request.url.path}. /docs shows what there is."
        case 405:
            allowed = _methods(request)
            headers = {"Allow": ", ".join(allowed)}
            kind, detail = (
                METHOD_NOT_ALLOWED,
                f"{request.method} is not possible here. Possible: {' and '.join(allowed)}.",
            )
        case 408:
            kind = BODY_TOO_SLOW
        case 413:
            kind = BODY_TOO_LARGE
        case other:
            status = HTTPStatus(other)
            kind = declare_answer(status.name.lower(), other, status.phrase, detail)
    return problem_response(kind, detail, headers=headers)


def _methods(request: Request) -> list[str]:
    """The methods that the path has; the router itself names only those of the first route on it."""
    routes = request.app.routes
    asked = {method: {**request.scope, "method": method} for method in ("GET", "HEAD", "POST", "PATCH", "DELETE")}
    return [method for method, scope in asked.items() if any(_serves(route, scope) for route in routes)]


def _serves(route: BaseRoute, scope: Scope) -> bool:
    return route.matches(scope)[0] is Match.FULL


def _known_fields(request: Request, error: Mapping[str, Any]) -> list[str]:
    """Of a field of the body that is not known: those that are in its place."""
    place, *location = error["loc"]
    if error["type"] != "extra_forbidden" or place != "body":
        return []
    return known_fields(request.scope["route"], location)


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    found = error.errors()
    for one in found:
        if one["type"] == "json_invalid":
            detail = f"The body is not JSON: {one['ctx']['error']} at character {one['loc'][-1]}."
            return problem_response(MALFORMED_BODY, detail)
        if isinstance(one.get("input"), bytes):
            came = request.headers.get("content-type") or "none"
            detail = f"Send the body as application/json. Its Content-Type is {came[:100]}."
            return problem_response(UNSUPPORTED_MEDIA_TYPE, detail)
    problems = [field_problem(one, _known_fields(request, one)) for one in found[:MAX_FIELD_PROBLEMS]]
    more = len(found) - len(problems)
    detail = " ".join(one.message for one in problems[:3])
    if len(found) > 3:
        detail += f" And {len(found) - 3} more."
    context = {"more_errors": more} if more else None
    return problem_response(INVALID_INPUT, detail, errors=problems, context=context)
