"""Twelve cameras on one page, three of which do not watch for different reasons: seen at once, at every width."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from service.application import Application
from service.server import Server
from service.settings import Settings
from support.browser import NEEDS_BROWSER, Opened, chromium, overflow, tile
from support.http import HttpServer
from support.ports import free_port
from support.walkway import write_walkway

pytestmark = NEEDS_BROWSER

WIDE, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
FPS = 3
"""Twelve cameras learn from one and look at few frames: two cores carry them beside the browser."""

WATCHING = ("Platform 1", "Platform 2", "Platform 10", "Hall / north door", "Hall / south door", "Car park", "Yard")
FAULTS = {
    "Gate": ("Cannot run", "Check user name and password."),
    "Lift": ("Offline", "Check address and port"),
    "Loading dock": ("Nothing learned yet", "Let it learn"),
}


def add(client: httpx.Client, name: str, url: str, **spec: object) -> str:
    response = client.post("/streams", params={"probe": False}, json={"name": name, "url": url, "fps": FPS, **spec})
    assert response.status_code == 201, response.text
    return str(response.json()["id"])


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a service with twelve cameras."""
    folder = tmp_path_factory.mktemp("glance")
    media = folder / "media"
    media.mkdir()
    write_walkway(media / "normal.mp4", seconds=40)
    write_walkway(media / "scene.mp4", seconds=12)
    settings = Settings(port=0, data_dir=folder / "data", media_dir=media)
    with HttpServer(folder, userinfo="admin:right") as camera, Server(Application(settings)) as server:
        with httpx.Client(base_url=server.url, timeout=60) as client:
            scene = "file:scene.mp4?loop=true"
            first = add(client, WATCHING[0], scene, enrolment={"sources": ["normal.mp4"]})
            wait_for(client, first, "watching", True)
            for name in WATCHING[1:]:
                add(client, name, scene, enrolment={"stream": first})
            add(client, "Gate", camera.url("live.mjpg").replace("http://", "http://admin:wrong@"))
            add(client, "Lift", f"rtsp://127.0.0.1:{free_port()}/lift")
            add(client, "Loading dock", scene)
            add(client, "Ticket office", scene, enrolment={"seconds": 3600})
            add(client, "Workshop", scene, enabled=False)
        yield server.url


def wait_for(client: httpx.Client, stream: str, name: str, value: object) -> None:
    """Return once the stream's status says this."""
    from support.serving import wait_until

    wait_until(lambda: client.get(f"/streams/{stream}").json()["status"][name] == value, f"{name} {value}", 240)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def opened(browser: Browser, service: str, request: pytest.FixtureRequest) -> Iterator[Opened]:
    """The page at `service`, once all cameras have come to where they stay."""
    options = getattr(request, "param", {"viewport": WIDE})
    context = browser.new_context(**options)
    one = Opened(context, service)
    expect(one.page.locator(".faults")).to_have_text("3 of 12 not watching")
    expect(one.page.locator("#summary")).to_contain_text("1 learning, 7 watching, 1 paused")
    yield one
    context.close()
    assert one.unexpected == []


def names(page: Page) -> list[str]:
    """Of the cameras, as they are shown."""
    return page.locator(".tile .name").all_inner_texts()


@pytest.mark.parametrize(
    "opened",
    [{"viewport": size, "color_scheme": scheme} for size in (WIDE, PHONE) for scheme in ("light", "dark")],
    ids=["wide, light", "wide, dark", "phone, light", "phone, dark"],
    indirect=True,
)
def test_what_does_not_watch_comes_first_and_says_why(opened: Opened, tmp_path: Path) -> None:
    page = opened.page
    assert names(page)[:3] == sorted(FAULTS)
    assert page.locator(".tile[data-kind=fault]").count() == 3
    for name, (label, advice) in FAULTS.items():
        camera = tile(page, name)
        expect(camera.locator(".banner")).to_have_text("Not watching")
        expect(camera.locator(".banner svg")).to_be_visible()
        expect(camera.locator(".badge")).to_have_text(label)
        expect(camera.locator(".advice")).to_contain_text(advice)
    for name in ("Ticket office", "Workshop", *WATCHING):
        expect(tile(page, name).locator(".banner")).to_be_hidden()
    expect(page.locator(".faults")).to_be_in_viewport()
    expect(tile(page, sorted(FAULTS)[0]).locator(".banner")).to_be_in_viewport()
    assert overflow(page) <= 0
