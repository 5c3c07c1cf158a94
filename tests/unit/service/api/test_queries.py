from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

import pytest
from fastapi import APIRouter, Depends, FastAPI, Header, Query
from httpx import ASGITransport, AsyncClient
from starlette.testclient import TestClient, WebSocketDenialResponse
from starlette.websockets import WebSocket

from service.api.handlers import install
from service.api.queries import did_you_mean, either, known_parameters
from service.errors import InvalidInput


def _page(limit: int = 10, kind: Annotated[list[str] | None, Query()] = None) -> tuple[int, list[str] | None]:
    return limit, kind


@pytest.fixture
def app() -> FastAPI:
    router = APIRouter()

    @router.get("/things/{thing}")
    async def things(
        thing: str,
        page: Annotated[tuple[int, list[str] | None], Depends(_page)],
        from_: Annotated[str | None, Query(alias="from")] = None,
        x_user: Annotated[str | None, Header()] = None,
    ) -> object:
        return [thing, page, from_]

    @router.websocket("/follow")
    async def follow(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.close()

    app = FastAPI()
    install(app)
    app.include_router(router, dependencies=[Depends(known_parameters)])
    return app


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[AsyncClient]:
    async with AsyncClient(transport=ASGITransport(app), base_url="http://localhost") as client:
        yield client


@pytest.mark.parametrize("query", ["", "?limit=3", "?kind=a&kind=b", "?from=a&limit=1&kind=c", "?"])
async def test_what_a_route_or_what_it_depends_on_knows_passes(client: AsyncClient, query: str) -> None:
    assert (await client.get(f"/things/a{query}")).status_code == 200


@pytest.mark.parametrize(
    ("query", "code", "detail"),
    [
        ("form=a", "unknown_parameter", "There is no query parameter `form` here. Did you mean `from`?"),
        ("LIMIT=a", "unknown_parameter", "There is no query parameter `LIMIT` here. Did you mean `limit`?"),
        ("from_=a", "unknown_parameter", "There is no query parameter `from_` here. Did you mean `from`?"),
        ("thing=a", "unknown_parameter", "There is no query parameter `thing` here. Known: `from`, `kind`, `limit`."),
        ("x_user=a", "unknown_parameter", "There is no query parameter `x_user` here. Known: "),
        ("x-user=a", "unknown_parameter", "There is no query parameter `x-user` here. Known: "),
        (f"{'a' * 99}=1", "unknown_parameter", f"There is no query parameter `{'a' * 40}...` here. Known: "),
        ("limit=1&limit=1", "repeated_parameter", "Give `limit` only once, or leave it out; it came twice."),
        ("from=&from=&from=", "repeated_parameter", "Give `from` only once, or leave it out; it came 3 times."),
        ("limit=x&nobody=1", "unknown_parameter", "There is no query parameter `nobody` here. Known: "),
    ],
)
async def test_what_it_does_not_know_is_refused(client: AsyncClient, query: str, code: str, detail: str) -> None:
    problem = (await client.get(f"/things/a?{query}")).json()
    assert (problem["status"], problem["code"]) == (422, code)
    assert problem["detail"].startswith(detail)
    if code == "unknown_parameter":
        assert problem["context"] == {"known": ["from", "kind", "limit"]}


def test_a_handshake_is_answered_with_the_reason(app: FastAPI) -> None:
    with TestClient(app) as client:
        with pytest.raises(WebSocketDenialResponse) as refused, client.websocket_connect("/follow?stream=a"):
            pass
        assert refused.value.status_code == 422
        assert refused.value.json()["code"] == "unknown_parameter"
        with client.websocket_connect("/follow"):
            pass


def test_a_parameter_may_come_under_one_of_its_names() -> None:
    assert either("from", 1, "since", None) == either("from", None, "since", 1) == 1
    assert either("from", None, "since", None) is None
    with pytest.raises(InvalidInput, match="Give `from` or `since`, which mean the same, and not both"):
        either("from", 1, "since", 1)


@pytest.mark.parametrize(("name", "meant"), [("limt", "limit"), ("kinds", "kind"), ("zzz", None), ("", None)])
def test_the_nearest_name_is_meant(name: str, meant: str | None) -> None:
    assert did_you_mean(name, ["from", "kind", "limit"]) == meant
