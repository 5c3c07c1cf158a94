from __future__ import annotations

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from service.api.known_fields import known_fields
from service.contracts.alert import AlertReviewsSpec
from service.contracts.guidance import PreviewSpec
from service.contracts.stream import StreamSpec

app = FastAPI()


@app.post("/stream")
async def take_stream(sent: StreamSpec) -> None:
    """Take a body."""


@app.post("/preview")
async def take_preview(sent: PreviewSpec) -> None:
    """Take a body."""


@app.post("/reviews")
async def take_reviews(sent: AlertReviewsSpec) -> None:
    """Take a body."""


@app.post("/nothing")
async def take_nothing() -> None:
    """Take none."""


def route(path: str) -> APIRoute:
    return next(each for each in app.routes if isinstance(each, APIRoute) and each.path == path)


@pytest.mark.parametrize(
    ("path", "location", "some"),
    [
        ("/stream", ["colour"], {"name", "url", "fps", "zones"}),
        ("/stream", ["zones", 3, "colour"], {"name", "polygon", "mode"}),
        ("/stream", ["detection", "colour"], {"classes", "confidence", "min_height"}),
        ("/stream", ["enrolment", "colour"], {"seconds", "sources"}),
        ("/preview", ["rule", "schedule", "form"], {"days", "from", "to", "overnight", "timezone"}),
        ("/reviews", ["verdikt"], {"ids", "verdict", "note"}),
    ],
)
def test_the_fields_of_the_object_that_has_an_unknown_one(path: str, location: list[object], some: set[str]) -> None:
    assert some <= set(known_fields(route(path), location))


def test_where_there_is_no_such_object_nothing_is_known() -> None:
    assert known_fields(route("/stream"), ["name", "first", "colour"]) == []
    assert known_fields(route("/nothing"), ["colour"]) == []
