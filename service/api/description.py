"""The API's description of itself (OpenAPI 3.1), beyond what the routes say."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel

from service.api import alerts, enrolment, guidance, health, packs, pictures, scores, streams
from service.api.problems import MEDIA_TYPE, Problem, example, responses
from service.contracts.alert import Alert, AlertCount, AlertDay
from service.contracts.enrolment import EnrolmentOut
from service.contracts.guidance import GuidanceAudit, GuidanceOut, TaughtOut
from service.contracts.score import ScoreMessage, ScorePoint
from service.contracts.stream import StreamOut
from service.errors import REPEATED_PARAMETER, STREAM_NOT_FOUND, UNKNOWN_PARAMETER

SUMMARY = "How unusual is what a camera sees, frame by frame, against what is normal there."

DESCRIPTION = """
Watchword watches cameras and says, frame by frame, how unusual what it sees is. What is normal is learned from each
camera's own footage.

1. `POST /streams` registers a camera; with `enrolment` it learns what is normal at once.
2. `WS /streams/{id}/scores` follows its scores; `GET /streams/{id}/live.mjpg` shows what it sees.
3. `POST /streams/{id}/guidance` says in words what is normal there, or what is not, from the next frame on.
4. `GET /alerts` lists what happened; `PATCH /alerts/{id}` says what it was.

A `score` is between 0 and 1: 0.5 means that one normal frame in a thousand looks at least this unusual, 1 that not one
in a million does. It is null, never 0, while a stream is not live.

Every error is `application/problem+json` (RFC 9457). Programs go by its `code`, which is stable; `detail` says what was
expected and what came. A 503 says in `Retry-After` when to come back. No answer ever holds a camera's credentials.

What the service does not know is refused and never ignored: a query parameter of another name is 422
`unknown_parameter`, a field of another name in a body is 422 `invalid_input`, each with the name that was most likely
meant. Times have a zone; `from` is the first moment that counts and `until` the first that does not.

Programs may call from anywhere that reaches the service. Browsers may for its own page only: what changes something,
and every WebSocket, is refused with 403 if its `Origin` is another than the address that was called or
`WATCHWORD_PUBLIC_URL`. While the service listens on a loopback address it answers to IP addresses, `localhost` and the
host of `WATCHWORD_PUBLIC_URL`, and refuses other names with 421, so that no page can reach it by a name made up for it.
"""

TAGS = [
    {"name": streams.TAG, "description": "Cameras and files that are watched: register, change, pause, delete."},
    {"name": enrolment.TAG, "description": "Learning what is normal on a stream, from its own footage."},
    {"name": guidance.TAG, "description": "Rules in words that redefine what is normal, at once and without training."},
    {"name": pictures.TAG, "description": "What a camera sees now, with or without boxes."},
    {"name": scores.TAG, "description": "How unusual each frame is: past ones over REST, new ones over WebSocket."},
    {"name": alerts.TAG, "description": "Incidents, each with one id from its opening to its end, and what they were."},
    {"name": packs.TAG, "description": "Scoring methods and detectors that streams can name."},
    {"name": health.TAG, "description": "For orchestrators and Prometheus."},
]


def describe(app: FastAPI) -> None:
    """Make ``/openapi.json`` say all of it."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = get_openapi(
                title=app.title,
                version=app.version,
                summary=SUMMARY,
                description=DESCRIPTION,
                routes=app.routes,
                tags=TAGS,
                license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
            )
            _add_problem(schema)
            _add_parameter_problems(schema)
            _complete_examples(schema)
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # how FastAPI wants it


def _add_problem(schema: dict[str, Any]) -> None:
    """The schema that every error response refers to; routes cannot bring it, for its media type is not JSON's."""
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    components = schema.setdefault("components", {}).setdefault("schemas", {})
    components.update(problem.pop("$defs"))
    components["Problem"] = {**problem, "examples": [example(STREAM_NOT_FOUND)]}


def _add_parameter_problems(schema: dict[str, Any]) -> None:
    """What every operation may answer to a query (``service.api.queries``), so that no route has to say it."""
    for operation in (each for item in schema["paths"].values() for each in item.values()):
        single = any(
            each["in"] == "query" and each["schema"].get("type") != "array" for each in operation.get("parameters", ())
        )
        kinds = (UNKNOWN_PARAMETER, REPEATED_PARAMETER) if single else (UNKNOWN_PARAMETER,)
        added = responses(*kinds)[UNKNOWN_PARAMETER.status]
        answer = operation["responses"].setdefault(str(UNKNOWN_PARAMETER.status), added)
        for content in answer["content"].values():
            content["examples"] |= added["content"][MEDIA_TYPE]["examples"]
        operation["responses"] = dict(sorted(operation["responses"].items()))


def _complete_examples(schema: dict[str, Any]) -> None:
    """Put back what is null in the examples of answers: FastAPI leaves it out, the API does not."""
    answers: tuple[type[BaseModel], ...] = (
        *(Alert, AlertCount, AlertDay, EnrolmentOut, ScoreMessage, ScorePoint, StreamOut, packs.PackOut),
        *(GuidanceOut, GuidanceAudit, TaughtOut),
    )
    for model in answers:
        component = schema["components"]["schemas"][model.__name__]
        component["examples"] = model.model_json_schema()["examples"]
