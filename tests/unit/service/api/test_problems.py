"""What problems say, and what they keep to themselves."""

from __future__ import annotations

import json
from typing import Never

import pytest

from service.api.problems import Problem, example, problem_response, responses
from service.errors import (
    ALERT_NOT_FOUND,
    NO_PICTURE,
    NO_SUCH_PATH,
    SOURCE_UNREADABLE,
    STREAM_NOT_FOUND,
    ErrorKind,
)
from support.errors import catalogue

SECRET = "hunter2"


def test_a_problem_is_redacted_wherever_text_can_stand() -> None:
    url = f"rtsp://admin:{SECRET}@camera/1"
    context = {"url": url, "deep": [{"url": url}], "count": 3}
    response = problem_response(SOURCE_UNREADABLE, f"cannot open {url}", context=context)
    assert SECRET.encode() not in response.body
    problem = json.loads(bytes(response.body))
    assert problem["detail"] == "cannot open rtsp://***@camera/1"
    assert problem["context"] == {"url": "rtsp://***@camera/1", "deep": [{"url": "rtsp://***@camera/1"}], "count": 3}


def test_a_problem_can_say_what_utf8_cannot() -> None:
    response = problem_response(NO_SUCH_PATH, "got /\ud800")
    assert json.loads(bytes(response.body))["detail"] == "got /\ud800"


def test_documented_responses_carry_an_example_for_every_code() -> None:
    documented = responses(STREAM_NOT_FOUND, ALERT_NOT_FOUND, NO_PICTURE)
    assert set(documented) == {404, 409, 421, 500}
    content = documented[404]["content"]["application/problem+json"]
    assert set(content["examples"]) == {"stream_not_found", "alert_not_found"}


@pytest.mark.parametrize("kind", catalogue(), ids=lambda kind: f"{kind.code}-{kind.status}")
def test_the_example_of_every_kind_is_a_problem(kind: ErrorKind[Never]) -> None:
    problem = Problem.model_validate(example(kind))
    assert 400 <= problem.status < 600
    assert (problem.code, problem.detail) == (kind.code, kind.example)
