"""What people read of a field that is not what was expected."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, Field, ValidationError, model_validator

from service.contracts.field_words import expected_and_got, field_path, sentence


class Window(BaseModel):
    name: str = Field("a", min_length=1, max_length=5)
    rate: float = Field(1, gt=0)
    points: list[float] = Field([1, 2, 3], min_length=3)
    open: bool = True
    start: int = 0
    end: int = 1

    @model_validator(mode="after")
    def _lasts(self) -> Window:
        if self.end == self.start:
            msg = f"A window from {self.start} to {self.end} never opens."
            raise ValueError(msg)
        if self.end < self.start:
            msg = f"expected an end after {self.start}, got {self.end}"
            raise ValueError(msg)
        return self


class House(BaseModel):
    windows: list[Window]


def read(document: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        House.model_validate(document)
    [error] = caught.value.errors()
    return sentence(error, field_path(error["loc"]), *expected_and_got(error, secret=False))


def window(**fields: object) -> dict[str, object]:
    return {"windows": [fields]}


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({}, "`windows` is missing."),
        (3, "This must be an object, not 3."),
        ({"windows": {}}, "`windows` must be a list, not an object."),
        (window(rate=0), "`windows[0].rate` must be a number greater than 0, not 0."),
        (window(rate="fast"), "`windows[0].rate` must be a number, not 'fast'."),
        (window(start=1.5), "`windows[0].start` must be a whole number, not 1.5."),
        (window(open="perhaps"), "`windows[0].open` must be true or false, not 'perhaps'."),
        (window(name=""), "`windows[0].name` is empty."),
        (window(name=7), "`windows[0].name` must be text, not 7."),
        (window(name="casement"), "`windows[0].name` must be text with at most 5 characters, not 'casement'."),
        (window(points=[1]), "`windows[0].points` must be a list with at least 3 items, not a list of 1 item."),
        (window(start=1), "windows[0]: A window from 1 to 1 never opens."),
        (window(start=2), "`windows[0]` must be an end after 2, not 1."),
    ],
)
def test_a_sentence(document: Any, said: str) -> None:
    assert read(document) == said
