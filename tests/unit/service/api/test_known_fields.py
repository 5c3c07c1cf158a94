from __future__ import annotations

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from service.api.known_fields import known_fields
from service.contracts.alert import AlertReviewsSpec
from service.contracts.guidance import PreviewSpec
from service.contracts.stream import StreamSpec


def route(body: type | None) -> APIRoute:
    app = FastAPI()

    async def take(sent: object) -> None: ...

    take.__annotations__["sent"] = body
    if body is None:

        async def take() -> None: ...  # type: ignore[misc]

    app.post("/")(take)
    found = app.routes[-1]
    assert isinstance(found, APIRoute)
    return found


@pytest.mark.parametrize(
    ("body", "location", "some"),
    [
        (StreamSpec, ["colour"], {"name", "url", "fps", "zones"}),
        (StreamSpec, ["zones", 3, "colour"], {"name", "polygon", "mode"}),
        (StreamSpec, ["detection", "colour"], {"classes", "confidence", "min_height"}),
        (StreamSpec, ["enrolment", "colour"], {"seconds", "sources"}),
        (PreviewSpec, ["rule", "schedule", "form"], {"days", "from", "to", "overnight", "timezone"}),
        (AlertReviewsSpec, ["verdikt"], {"ids", "verdict", "note"}),
    ],
)
def test_the_fields_of_the_object_that_has_an_unknown_one(body: type, location: list[object], some: set[str]) -> None:
    assert some <= set(known_fields(route(body), location))


def test_where_there_is_no_such_object_nothing_is_known() -> None:
    assert known_fields(route(StreamSpec), ["name", "first", "colour"]) == []
    assert known_fields(route(None), ["colour"]) == []
