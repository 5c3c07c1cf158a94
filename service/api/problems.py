"""Errors as the API tells them: RFC 9457 ``application/problem+json``, for every error there is.

Programs go by ``code``, people by ``detail``; fields that are not what was expected are listed one by one. Nothing
that came in is repeated without its credentials taken out, and what nobody foresaw is logged under an incident id,
of which the client learns only that id.
"""

from __future__ import annotations

import json
import logging
import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Literal, NamedTuple

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from models.packs import PackError
from service.errors import Overloaded, WatchwordError
from service.redact import redact

logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"

Documented = dict[int | str, dict[str, Any]]

Place = Literal["body", "query", "path", "header", "cookie"]


class FieldProblem(BaseModel):
    """One field that is not what was expected."""

    place: Place = Field(description="Which part of the request the field is in.")
    field: str = Field(description="Its path, such as `zones[0].polygon`; empty for the whole of the place.")
    expected: str = Field(description="What would have been right.")
    got: str = Field(description="What came, shortened and without credentials.")
    message: str = Field(description="Both in one sentence, for people.")


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


class _Kind(NamedTuple):
    status: int
    title: str
    example: str


_KINDS = {
    "malformed_body": _Kind(400, "Malformed body", "expected a JSON document, got an error at character 17"),
    "cross_origin": _Kind(403, "Cross-origin request", "expected a page of this service, got one of http://elsewhere"),
    "stream_not_found": _Kind(404, "Not found", "expected the id of a registered stream, got 'porch'"),
    "alert_not_found": _Kind(404, "Not found", "expected an alert's id, got 'a1'"),
    "snapshot_not_found": _Kind(404, "Not found", "expected an alert with a picture; 'a1' has none"),
    "rule_not_found": _Kind(404, "Not found", "expected the id of a rule of this stream, got 'r1'"),
    "pack_not_found": _Kind(404, "Not found", "expected the name of a pack, got 'svad'"),
    "no_such_path": _Kind(404, "Not found", "expected a path of this API, got /stream"),
    "method_not_allowed": _Kind(405, "Method not allowed", "expected GET or HEAD, got PUT"),
    "body_too_slow": _Kind(408, "Request timeout", "expected the whole body within 30 s, got 512 bytes"),
    "no_picture": _Kind(409, "Conflict", "expected a stream that delivers pictures; this one has none to show now"),
    "enrolment_running": _Kind(409, "Conflict", "expected no enrolment under way, got one that is collecting"),
    "nothing_to_extend": _Kind(409, "Conflict", "expected a profile to extend; this stream has none"),
    "stream_broken": _Kind(409, "Conflict", "expected a stream that can run; this one cannot be restored: ..."),
    "no_profile": _Kind(409, "Conflict", "expected a stream with a profile to take over, got a1 with none"),
    "too_many_rules": _Kind(409, "Conflict", "expected fewer than 50 rules on a stream (WATCHWORD_MAX_RULES), got 50"),
    "nothing_to_undo": _Kind(409, "Conflict", "expected an edit of rule r1 to take back, got none"),
    "stream_paused": _Kind(409, "Conflict", "expected an enabled stream to learn from its live picture; it is paused"),
    "body_too_large": _Kind(413, "Body too large", "expected at most 1000000 bytes of body, got 5000000"),
    "unsupported_media_type": _Kind(
        415, "Unsupported media type", "expected Content-Type application/json, got text/plain"
    ),
    "unknown_host": _Kind(421, "Misdirected request", "expected a Host this service is known by, got rebound.example"),
    "unknown_pack": _Kind(422, "Invalid pack", "expected a pack of attributes, motion, svad, words; got 'gait'"),
    "wrong_hash": _Kind(422, "Invalid pack", "pack words: expected sha256 9f86 of image.onnx, got 2c26"),
    "missing_file": _Kind(422, "Invalid pack", "pack words: expected the file image.onnx, found none"),
    "bad_manifest": _Kind(422, "Invalid pack", "pack svad: expected JSON in manifest.json"),
    "unknown_format": _Kind(422, "Invalid pack", "pack svad: expected format 1 in manifest.json, got 2"),
    "pack_kind": _Kind(422, "Invalid input", "expected a pack of kind head, got 'motion' of kind detector"),
    "unknown_class": _Kind(422, "Invalid input", "expected classes of the detector, got 'unicorn'"),
    "invalid_cursor": _Kind(422, "Invalid input", "expected `before` to be an alert's id, got 'x'"),
    "unknown_zone": _Kind(422, "Invalid input", "expected a zone of the stream, of 'Gate'; got 'Moon'"),
    "expires_in_past": _Kind(422, "Invalid input", "expected `expires_at` in the future, got 2020-01-01T00:00:00Z"),
    "source_scheme": _Kind(
        422, "Invalid source", "expected a URL that starts with one of rtsp, ...; got scheme 'gopher'"
    ),
    "source_host": _Kind(422, "Invalid source", "expected rtsp://HOST..., got no host"),
    "source_port": _Kind(422, "Invalid source", "expected a port from 1 to 65535, got 99999"),
    "source_path": _Kind(422, "Invalid source", "expected file:PATH with a path relative to the media folder"),
    "source_missing": _Kind(422, "Invalid source", "expected a file that is there under the media folder"),
    "source_options": _Kind(422, "Invalid source", "expected ?loop=true or ?rate=N, got another option"),
    "source_characters": _Kind(422, "Invalid source", "expected @ percent-encoded in passwords, got a bare @"),
    "source_masked": _Kind(422, "Invalid source", "expected the real value of a secret parameter, got its mask ***"),
    "source_self": _Kind(422, "Invalid source", "expected a camera, got an address of this service itself"),
    "source_unreachable": _Kind(422, "Source refused", "rtsp://camera/1: expected a first frame within 5 s, got none"),
    "source_unauthorized": _Kind(422, "Source refused", "rtsp://camera/1: expected valid credentials, got refused"),
    "source_unsupported": _Kind(422, "Source refused", "rtsp://camera/1: expected a video stream, got only audio"),
    "source_unreadable": _Kind(422, "Source refused", "file:notes.mp4: expected a video, got something else"),
    "invalid_input": _Kind(422, "Invalid input", "fps: expected a number greater than 0, got 0"),
    "upgrade_required": _Kind(426, "Upgrade required", "expected a WebSocket handshake, got a plain GET"),
    "internal_error": _Kind(500, "Internal error", "this should not have happened; the log says more under 4f1c09ab"),
    "too_many_streams": _Kind(503, "Overloaded", "expected fewer than 256 streams (WATCHWORD_MAX_STREAMS), got 256"),
    "machine_full": _Kind(503, "Overloaded", "expected room for one more stream, got 84% of at most 85% in use"),
    "probes_busy": _Kind(503, "Overloaded", "expected at most 16 sources being tried at once, got another"),
    "too_many_probes": _Kind(503, "Overloaded", "expected at most 64 sources waiting to be tried, got one more"),
    "too_many_changes": _Kind(503, "Overloaded", "expected at most 64 changes waiting to be made, got one more"),
    "too_many_previews": _Kind(503, "Overloaded", "expected at most 4 rules waiting to be tried, got one more"),
    "too_many_clients": _Kind(503, "Overloaded", "expected fewer than 500 live clients (WATCHWORD_MAX_CLIENTS)"),
    "not_ready": _Kind(503, "Not ready", "bringing back streams, 3 so far"),
}


BODY = ("malformed_body", "body_too_slow", "body_too_large", "unsupported_media_type", "invalid_input")
"""Codes of what may be wrong with any body."""

CHANGE = ("cross_origin",)
"""Codes of requests that change something."""

SOURCE = tuple(code for code in _KINDS if code.startswith("source_"))
"""Codes of what may be wrong with a source."""

PACK = ("unknown_pack", "wrong_hash", "missing_file", "bad_manifest", "unknown_format", "pack_kind", "unknown_class")
"""Codes of what may be wrong with a pack or detector."""


def problem_response(
    status: int,
    code: str,
    detail: str,
    *,
    title: str | None = None,
    headers: Mapping[str, str] | None = None,
    errors: Sequence[FieldProblem] | None = None,
    context: Mapping[str, object] | None = None,
    incident: str | None = None,
) -> Response:
    """An answer that is a problem. ``detail`` and the strings of ``context`` are redacted here."""
    if title is None:
        title = _KINDS[code].title if code in _KINDS else HTTPStatus(status).phrase
    problem = Problem(
        type=f"urn:problem-type:watchword:{code}",
        title=title,
        status=status,
        code=code,
        detail=redact(detail),
        errors=None if errors is None else list(errors),
        context=None if not context else {key: _redacted(value) for key, value in context.items()},
        incident=incident,
    )
    # ASCII, because what came may hold half of a surrogate pair, which UTF-8 cannot say.
    body = json.dumps(problem.model_dump(exclude_none=True), default=str).encode("ascii")
    return Response(body, status, headers, MEDIA_TYPE)


def _redacted(value: object) -> object:
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {str(key): _redacted(each) for key, each in value.items()}
    if isinstance(value, Sequence | set | frozenset):
        return [_redacted(each) for each in value]
    return value


def example(code: str, status: int | None = None) -> dict[str, Any]:
    """An example of a problem of this code, for the API's description."""
    kind = _KINDS[code]
    return {
        "type": f"urn:problem-type:watchword:{code}",
        "title": kind.title,
        "status": status or kind.status,
        "code": code,
        "detail": kind.example,
    }


def responses(*codes: str) -> Documented:
    """What an operation may answer when it fails, by code, for its ``responses=`` argument.

    Every operation may fail with ``internal_error``, and with ``unknown_host`` where hosts are checked.
    """
    documented: dict[int, dict[str, Any]] = {}
    for code in (*codes, "unknown_host", "internal_error"):
        kind = _KINDS[code]
        response = documented.setdefault(
            kind.status,
            {
                "description": kind.title,
                "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "examples": {}}},
            },
        )
        response["content"][MEDIA_TYPE]["examples"][code] = {"summary": kind.title, "value": example(code)}
    return {status: documented[status] for status in sorted(documented)}


# ---- from exceptions


def install(app: FastAPI) -> None:
    """Make every error of this application a problem."""
    app.add_exception_handler(WatchwordError, _foreseen)
    app.add_exception_handler(PackError, _bad_pack)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)


def describe(error: WatchwordError) -> Response:
    """The answer to an error raised on purpose."""
    headers = {"Retry-After": str(error.retry_after)} if isinstance(error, Overloaded) else None
    return problem_response(
        error.status, error.code, error.message, title=error.title, headers=headers, context=error.context
    )


async def _foreseen(request: Request, error: Exception) -> Response:
    assert isinstance(error, WatchwordError)
    return describe(error)


async def _bad_pack(request: Request, error: Exception) -> Response:
    assert isinstance(error, PackError)
    return problem_response(422, error.code, error.message, title="Invalid pack")


async def _http(request: Request, error: Exception) -> Response:
    """What the framework refuses: unknown paths, wrong methods, unreadable bodies."""
    assert isinstance(error, HTTPException)
    headers = error.headers
    match error.status_code:
        case 400:
            code, detail = "malformed_body", "expected a JSON document, got something that cannot be read as one"
        case 404:
            code, detail = "no_such_path", f"expected a path of this API (see /openapi.json), got {request.url.path}"
        case 405:
            allowed = _methods(request)
            headers = {"Allow": ", ".join(allowed)}
            code, detail = "method_not_allowed", f"expected {' or '.join(allowed)}, got {request.method}"
        case 408:
            code, detail = "body_too_slow", error.detail
        case 413:
            code, detail = "body_too_large", error.detail
        case _:
            code, detail = HTTPStatus(error.status_code).name.lower(), error.detail
    return problem_response(error.status_code, code, detail, headers=headers)


def _methods(request: Request) -> list[str]:
    """The methods that the path has; the router itself names only those of the first route on it."""
    routes = request.app.routes
    asked = {method: {**request.scope, "method": method} for method in ("GET", "HEAD", "POST", "PATCH", "DELETE")}
    return [method for method, scope in asked.items() if any(_serves(route, scope) for route in routes)]


def _serves(route: BaseRoute, scope: Scope) -> bool:
    return route.matches(scope)[0] is Match.FULL


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    found = error.errors()
    for one in found:
        if one["type"] == "json_invalid":
            detail = f"expected a JSON document, got an error at character {one['loc'][-1]}: {one['ctx']['error']}"
            return problem_response(400, "malformed_body", detail)
        if isinstance(one.get("input"), bytes):
            came = request.headers.get("content-type") or "none"
            detail = f"expected Content-Type application/json, got {came[:100]}"
            return problem_response(415, "unsupported_media_type", detail)
    problems = [field_problem(one) for one in found[:MAX_FIELD_PROBLEMS]]
    more = len(found) - len(problems)
    detail = "; ".join(one.message for one in problems[:3])
    if len(found) > 3:
        detail += f"; and {len(found) - 3} more"
    context = {"more_errors": more} if more else None
    return problem_response(422, "invalid_input", detail, errors=problems, context=context)


# ---- fields

MAX_FIELD_PROBLEMS = 20
"""A body of a megabyte can be wrong in a hundred thousand places; nobody reads more than a screenful."""

_SHOWN = 80
_SECRET_NAME = re.compile(r"pass|pwd|secret|token|key|auth|cred", re.IGNORECASE)
_SHOULD = re.compile(r"^(?P<noun>\w+) should (?P<verb>be|have|match) (?P<rest>.*?)(?: after validation, not \d+)?$")
_ASIDE = re.compile(r", (?:unable to|got) .*$")
_SENTENCE = re.compile(r"^(?:Value error, )?expected (?P<expected>.*?)[,;] got (?P<got>.*)$", re.DOTALL)


def field_problem(error: Mapping[str, Any]) -> FieldProblem:
    """What pydantic found, in terms of expected and got."""
    location = list(error["loc"])
    place = location.pop(0) if location else "body"
    field = _path(location)
    expected, got = _expected_and_got(error, secret=bool(_SECRET_NAME.search(field)))
    message = f"expected {expected}, got {got}"
    if field:
        message = f"{field}: {message}"
    return FieldProblem(
        place=place,
        field=redact(field),
        expected=redact(expected),
        got=redact(got),
        message=redact(message),
    )


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


# ---- what nobody foresaw


class Incidents:
    """ASGI middleware: an unforeseen exception becomes a 500 with an incident id, and one log entry that has it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve, and answer for what was not caught further in."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = started or message["type"] in ("http.response.start", "websocket.accept", "websocket.close")
            await send(message)

        try:
            await self.app(scope, receive, watched)
        except Exception:
            incident = secrets.token_hex(4)
            logger.exception("incident %s: %s %s", incident, scope.get("method", "WebSocket"), scope["path"])
            detail = f"this should not have happened; the log says more under {incident}"
            if scope["type"] == "websocket" and started:
                await send({"type": "websocket.close", "code": 1011, "reason": f"internal error, incident {incident}"})
            elif not started:
                response = problem_response(500, "internal_error", detail, incident=incident)
                await response(scope, receive, send)
