"""The page, the reference and the headers that every answer carries."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import AsyncIterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient

from service.api.app import create_app
from service.api.headers import DEFAULTS
from service.api.page import FOLDER, serve_page
from service.application import Application
from service.settings import Settings


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[AsyncClient]:
    application = Application(Settings(data_dir=tmp_path))
    async with AsyncClient(transport=ASGITransport(create_app(application)), base_url="http://localhost") as client:
        yield client
    application.close()


@pytest.mark.parametrize("path", ["/", "/style.css", "/docs", "/healthz", "/packs", "/openapi.json", "/nothing"])
async def test_every_answer_carries_the_security_headers(client: AsyncClient, path: str) -> None:
    headers = (await client.get(path)).headers
    for name in DEFAULTS:
        assert name in headers, name
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert "access-control-allow-origin" not in headers


@pytest.mark.parametrize("path", ["/packs", "/openapi.json", "/nothing", "/healthz"])
async def test_answers_of_the_moment_are_not_kept(client: AsyncClient, path: str) -> None:
    assert (await client.get(path)).headers["cache-control"] == "no-store"


async def test_every_file_of_the_page_is_served_and_revalidated(client: AsyncClient) -> None:
    names = [path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*") if path.is_file()]
    assert "index.html" in names
    for name in ["", *names]:
        response = await client.get(f"/{name}")
        assert response.status_code == 200, name
        assert response.content == (FOLDER / (name or "index.html")).read_bytes()
        assert response.headers["cache-control"] == "no-cache"
        again = await client.get(f"/{name}", headers={"if-none-match": response.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert (await client.head(f"/{name}")).status_code == 200


async def test_the_page_names_its_modules_so_that_they_come_at_once(client: AsyncClient) -> None:
    named = re.findall(r"<([^>]+)>; rel=modulepreload", (await client.get("/")).headers["link"])
    assert sorted(named) == sorted(path.name for path in FOLDER.glob("*.js"))
    assert "link" not in (await client.get("/app.js")).headers


async def test_a_file_of_the_page_that_was_changed_is_served_as_it_is_now(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("<!doctype html>")
    app = FastAPI()
    serve_page(app, tmp_path)
    async with AsyncClient(transport=ASGITransport(app), base_url="http://localhost") as client:
        before = await client.get("/")
        assert before.headers["content-type"].startswith("text/html")
        (tmp_path / "index.html").write_text("<!doctype html><title>Changed</title>")
        after = await client.get("/", headers={"if-none-match": before.headers["etag"]})
        assert (after.status_code, after.text) == (200, "<!doctype html><title>Changed</title>")


async def test_the_page_asks_for_nothing_that_its_policy_forbids(client: AsyncClient) -> None:
    html = (await client.get("/")).text
    assert not re.search(r"<script(?![^>]*\bsrc=)", html), "inline scripts do not run"
    assert not re.search(r"\s(?:style|on\w+)=", html), "inline styles and handlers do not work"
    assert not re.search(r"(?:src|href)=[\"'](?:https?:)?//", html), "other hosts are not reached"


class Links(HTMLParser):
    """Collects ids, links within the page, and whether the tags nest."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.targets: set[str] = set()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.ids.add(values.get("id") or "")
        target = values.get("href") or ""
        if target.startswith("#"):
            self.targets.add(target[1:])
        if tag not in ("meta", "!doctype"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


async def test_the_reference_shows_every_operation_and_its_links_lead_somewhere(client: AsyncClient) -> None:
    response = await client.get("/docs")
    assert response.headers["content-type"].startswith("text/html")
    page = Links()
    page.feed(response.text)
    assert page.open == []
    assert page.targets <= page.ids
    schema = (await client.get("/openapi.json")).json()
    operations = {each["operationId"] for item in schema["paths"].values() for each in item.values()}
    assert operations <= page.ids
    assert {f"schema-{name}" for name in schema["components"]["schemas"]} <= page.ids
    assert "**" not in response.text
    assert "<script" not in response.text


async def test_the_references_style_is_the_one_its_policy_allows(client: AsyncClient) -> None:
    response = await client.get("/docs")
    style = response.text.partition("<style>")[2].partition("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in response.headers["content-security-policy"]


async def test_the_lifespan_runs_the_application_only_if_asked(tmp_path: Path) -> None:
    for run in (False, True):
        application = Application(Settings(data_dir=tmp_path / str(run)))
        app = create_app(application, run_application=run)
        async with app.router.lifespan_context(app):
            restored = application.streams.started
        assert restored is run
        application.close()
