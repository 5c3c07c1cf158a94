"""Twelve cameras on one page, three of which do not watch for different reasons: seen at once, at every width."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from service.application import Application
from service.server import Server
from service.settings import Settings
from service.streams import throughput
from support.browser import NEEDS_BROWSER, Opened, chromium, overflow, tile
from support.contrast import hard_to_read
from support.http import HttpServer
from support.ports import free_port
from support.serving import wait_until
from support.walkway import write_walkway

pytestmark = NEEDS_BROWSER

WIDE, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
FPS = 3
"""Twelve cameras learn from one and look at few frames: two cores carry them beside the browser."""

WATCHING = ("Platform 1", "Platform 2", "Platform 10", "Hall / north door", "Hall / south door", "Car park", "Yard")
FAULTS = {
    "Gate": ("Failed", "Check user name and password."),
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
    with (
        pytest.MonkeyPatch.context() as patched,
        HttpServer(folder, userinfo="admin:right") as camera,
        Server(Application(settings)) as server,
    ):
        # What a busy machine leaves out would make cameras not watch that have to here.
        patched.setattr(throughput, "MUCH", math.inf)
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
def test_what_does_not_watch_comes_first_and_says_why(opened: Opened) -> None:
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
    for name in FAULTS:
        expect(tile(page, name).locator(".badge")).to_be_in_viewport()
    assert overflow(page) <= 0
    assert hard_to_read(page) == []


def test_cameras_are_ordered_grouped_and_picked_and_a_reload_keeps_it(opened: Opened, service: str) -> None:
    page = opened.page
    choice = page.get_by_role("search")
    choice.get_by_label("Group").select_option("place")
    choice.get_by_label("Order").select_option("name")
    expect(page.locator(".group > h2")).to_have_text(["Others 7", "Hall 2", "Platform 3"])
    assert names(page)[-3:] == ["Platform 1", "Platform 2", "Platform 10"]

    choice.get_by_label("Show").select_option("watching")
    expect(page.locator("#left-out")).to_contain_text("Showing 7 of 12 cameras.")
    choice.get_by_label("Find cameras by name").fill("HALL")
    expect(page.locator(".tile")).to_have_count(2)
    page.reload()
    expect(page.locator(".tile")).to_have_count(2)
    assert names(page) == ["Hall / north door", "Hall / south door"]
    expect(page.locator(".faults")).to_have_text("3 of 12 not watching")

    page.goto(service)
    expect(page.locator(".tile")).to_have_count(12)
    expect(choice.get_by_label("Order")).to_have_value("name")
    expect(choice.get_by_label("Group")).to_have_value("place")

    choice.get_by_label("Find cameras by name").fill("no such name")
    expect(page.locator("#left-out")).to_contain_text("No camera is like that.")
    page.get_by_role("button", name="Show all").click()
    expect(page.locator(".tile")).to_have_count(12)


@pytest.mark.parametrize("width", [320, 600, 800, 1100])
def test_the_summary_is_there_at_every_width(opened: Opened, width: int) -> None:
    page = opened.page
    page.set_viewport_size({"width": width, "height": 800})
    expect(page.locator(".faults")).to_be_in_viewport(ratio=1)
    assert overflow(page) <= 0


def test_a_press_on_the_summary_shows_what_does_not_watch(opened: Opened) -> None:
    page = opened.page
    page.get_by_role("search").get_by_label("Order").select_option("name")
    tile(page, "Yard").get_by_role("link", name="Yard").click()
    page.get_by_role("button", name="3 of 12 not watching").click()
    expect(page.locator(".tile")).to_have_count(3)
    assert names(page) == sorted(FAULTS)


def test_a_camera_that_is_down_says_when_it_is_tried_and_is_tried_at_once(opened: Opened) -> None:
    page = opened.page
    retry = tile(page, "Gate").locator(".retry")
    expect(retry.locator(".countdown")).to_have_text(re.compile(r"^Next try in (\d+ s|\d+:\d\d min)\.$"))
    with page.expect_response(re.compile("/retry$")) as answer:
        retry.get_by_role("button", name="Try now").click()
    assert answer.value.status == 204
    expect(retry.locator(".countdown")).to_have_text(re.compile(r"^Next try in (\d+ s|\d+:\d\d min)\.$"))


def test_a_link_to_a_camera_survives_a_reload(opened: Opened, service: str) -> None:
    page = opened.page
    tile(page, "Gate").get_by_role("link", name="Gate").click()
    page.reload()
    expect(page.get_by_role("heading", name="Gate")).to_be_visible()
    condition = page.locator(".camera > .condition")
    expect(condition.locator(".advice")).to_have_text("Check user name and password.")
    assert hard_to_read(page) == []
    page.goto(f"{service}/#camera/deleted")
    expect(page.locator("#gone")).to_contain_text("no longer here")
    expect(page.locator(".tile")).to_have_count(12)


def test_learning_is_told_in_frames(opened: Opened) -> None:
    progress = tile(opened.page, "Ticket office").locator(".progress span")
    expect(progress).to_have_text(re.compile(r"^Learning: [\d,]+ frames? of about [\d,]+$"))
