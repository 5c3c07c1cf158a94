"""What problems say, and what they keep to themselves."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from fastapi import FastAPI, WebSocket
from httpx import ASGITransport, AsyncClient, Response
from pydantic import BaseModel, Field, ValidationError

from models.packs import PackError
from service.api import problems
from service.api.problems import Incidents, example, field_problem, problem_response, responses
from service.errors import Conflict, InvalidSource, NotFound, Overloaded, WatchwordError

SECRET = "hunter2"


class Inner(BaseModel):
    size: float = Field(gt=0, le=60)


class Sample(BaseModel, extra="forbid"):
    number: int = 1
    size: float = Field(1, gt=0, le=60)
    name: str = Field("a", min_length=1, max_length=5, pattern="^[a-z]*$")
    items: list[Inner] = Field([], max_length=2)
    flag: bool = False
    token: str = Field("a", max_length=3)


def describe(body: dict[str, Any]) -> tuple[str, str, str]:
    with pytest.raises(ValidationError) as caught:
        Sample.model_validate(body)
    [error] = caught.value.errors()
    found = field_problem({**error, "loc": ("body", *error["loc"])})
    return found.field, found.expected, found.got


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"size": 0}, ("size", "a number greater than 0", "0")),
        ({"size": 61}, ("size", "a number less than or equal to 60", "61")),
        ({"size": None}, ("size", "a valid number", "null")),
        ({"size": float("nan")}, ("size", "a number less than or equal to 60", "nan")),
        ({"number": 1.5}, ("number", "a valid integer", "1.5")),
        ({"size": 10**200}, ("size", "a number less than or equal to 60", "a number of 201 digits")),
        ({"size": "6" * 200}, ("size", "a number less than or equal to 60", f"'{'6' * 80}'... of 200 characters")),
        ({"flag": "perhaps"}, ("flag", "a valid boolean", "'perhaps'")),
        ({"name": ""}, ("name", "text with at least 1 character", "''")),
        ({"name": "abcdef"}, ("name", "text with at most 5 characters", "'abcdef'")),
        ({"name": "ABC"}, ("name", "text that matches pattern '^[a-z]*$'", "'ABC'")),
        ({"name": ["a"]}, ("name", "a valid string", "a list of 1 item")),
        ({"items": {}}, ("items", "a valid list", "an object")),
        ({"items": [{"size": 1}] * 3}, ("items", "a list with at most 2 items", "a list of 3 items")),
        ({"items": [{"size": 1}, {}]}, ("items[1].size", "a value", "nothing")),
        ({"items": [3]}, ("items[0]", "an object", "3")),
        ({"extra": SECRET}, ("extra", "only fields that this object has", "one that it has not")),
        ({"token": SECRET}, ("token", "text with at most 3 characters", "text of 7 characters")),
        ({"name": f"rtsp://a:{SECRET}@b"}, ("name", "text with at most 5 characters", "'rtsp://***@b'")),
        (
            {"name": f"rtsp://a:{SECRET}" + "x" * 200 + "@b"},
            ("name", "text with at most 5 characters", "'rtsp://***@b'"),
        ),
        ({"name": "y" * 100}, ("name", "text with at most 5 characters", f"'{'y' * 80}'... of 100 characters")),
        ({f"rtsp://a:{SECRET}@b": 1}, ("rtsp://***@b", "only fields that this object has", "one that it has not")),
    ],
)
def test_a_field_is_told_as_expected_and_got(body: dict[str, Any], expected: tuple[str, str, str]) -> None:
    assert describe(body) == expected


def test_a_problem_is_redacted_wherever_text_can_stand() -> None:
    url = f"rtsp://admin:{SECRET}@camera/1"
    context = {"url": url, "deep": [{"url": url}], "count": 3}
    response = problem_response(422, "source_refused", f"cannot open {url}", context=context)
    assert SECRET.encode() not in response.body
    problem = json.loads(response.body)
    assert problem["detail"] == "cannot open rtsp://***@camera/1"
    assert problem["context"] == {"url": "rtsp://***@camera/1", "deep": [{"url": "rtsp://***@camera/1"}], "count": 3}


def test_a_problem_can_say_what_utf8_cannot() -> None:
    response = problem_response(404, "no_such_path", "got /\ud800")
    assert json.loads(response.body)["detail"] == "got /\ud800"


def test_documented_responses_carry_an_example_for_every_code() -> None:
    documented = responses("stream_not_found", "alert_not_found", "no_picture")
    assert set(documented) == {404, 409, 421, 500}
    content = documented[404]["content"]["application/problem+json"]
    assert set(content["examples"]) == {"stream_not_found", "alert_not_found"}


@pytest.mark.parametrize("code", problems._KINDS)
def test_every_documented_example_is_a_problem(code: str) -> None:
    problem = problems.Problem.model_validate(example(code))
    assert 400 <= problem.status < 600
    assert problem.code == code


# ---- from exceptions


def failing_app(error: Exception) -> FastAPI:
    app = FastAPI()
    app.add_middleware(Incidents)
    problems.install(app)

    @app.get("/")
    def fail() -> None:
        raise error

    @app.websocket("/socket")
    async def fail_socket(websocket: WebSocket) -> None:
        await websocket.accept()
        raise error

    return app


async def answer(error: Exception) -> Response:
    async with AsyncClient(transport=ASGITransport(failing_app(error)), base_url="http://test") as client:
        return await client.get("/")


@pytest.mark.parametrize(
    ("error", "status", "code", "title"),
    [
        (NotFound("stream_not_found", "expected a, got b"), 404, "stream_not_found", "Not found"),
        (Conflict("no_picture", "expected a, got b"), 409, "no_picture", "Conflict"),
        (InvalidSource("source_scheme", "expected a, got b"), 422, "source_scheme", "Invalid source"),
        (Overloaded("machine_full", "expected a, got b", 30, load=0.9), 503, "machine_full", "Overloaded"),
        (PackError("pack_hash", "expected a, got b"), 422, "pack_hash", "Invalid pack"),
    ],
)
async def test_errors_on_purpose_keep_their_code(error: Exception, status: int, code: str, title: str) -> None:
    response = await answer(error)
    problem = response.json()
    assert (response.status_code, problem["status"], problem["code"], problem["title"]) == (status, status, code, title)
    assert problem["detail"] == "expected a, got b"
    assert response.headers.get("retry-after") == ("30" if status == 503 else None)
    assert problem.get("context") == ({"load": 0.9} if isinstance(error, WatchwordError) and error.context else None)


async def test_an_unforeseen_error_tells_an_incident_and_nothing_else(caplog: pytest.LogCaptureFixture) -> None:
    response = await answer(RuntimeError("the internals"))
    problem = response.json()
    assert (response.status_code, problem["code"]) == (500, "internal_error")
    assert "internals" not in response.text
    [record] = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert problem["incident"] in record.getMessage()
    assert record.exc_info is not None
    assert "the internals" in str(record.exc_info[1])


async def test_an_unforeseen_error_closes_a_socket_with_its_incident() -> None:
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "websocket", "path": "/socket", "headers": [], "query_string": b"", "subprotocols": []}
    await failing_app(RuntimeError("the internals"))(scope, receive, send)
    assert [message["type"] for message in sent] == ["websocket.accept", "websocket.close"]
    assert sent[1]["code"] == 1011
    assert sent[1]["reason"].startswith("internal error, incident ")
