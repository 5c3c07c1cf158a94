"""What is said of a field that is not what was expected."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, Field, ValidationError

from service.api.field_problems import field_problem

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
        ({"size": None}, ("size", "a number", "null")),
        ({"size": float("nan")}, ("size", "a number less than or equal to 60", "nan")),
        ({"number": 1.5}, ("number", "a whole number", "1.5")),
        ({"size": 10**200}, ("size", "a number less than or equal to 60", "a number of 201 digits")),
        ({"size": "6" * 200}, ("size", "a number less than or equal to 60", f"'{'6' * 80}'... of 200 characters")),
        ({"flag": "perhaps"}, ("flag", "true or false", "'perhaps'")),
        ({"name": ""}, ("name", "text with at least 1 character", "''")),
        ({"name": "abcdef"}, ("name", "text with at most 5 characters", "'abcdef'")),
        ({"name": "ABC"}, ("name", "text that matches pattern '^[a-z]*$'", "'ABC'")),
        ({"name": ["a"]}, ("name", "text", "a list of 1 item")),
        ({"items": {}}, ("items", "a list", "an object")),
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
