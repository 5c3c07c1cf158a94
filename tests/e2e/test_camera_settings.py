"""Cameras are changed on the page, and it says what a change costs; nothing that was typed or drawn is lost unasked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from service.application import Application
from service.server import Server
from service.settings import Settings
from support.browser import NEEDS_BROWSER, Opened, chromium, overflow, tile
from support.contrast import hard_to_read
from support.http import HttpServer
from support.walkway import write_walkway

pytestmark = NEEDS_BROWSER

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True}
LEARNED_WITHIN_MS = 180_000


@dataclass(frozen=True)
class Running:
    """A service with a camera that wants a password, and a walkway that has learned what is normal."""

    client: httpx.Client
    ids: dict[str, str]

    def stream(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.client.get(f"/streams/{self.ids[name]}").json()
        return found


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("settings")
    media = folder / "media"
    media.mkdir()
    write_walkway(media / "normal.mp4", seconds=40)
    settings = Settings(port=0, data_dir=folder / "data", media_dir=media)
    with (
        HttpServer(folder, userinfo="admin:s3same") as camera,
        Server(Application(settings)) as server,
        httpx.Client(base_url=server.url, timeout=60) as client,
    ):
        gate = {"name": "Gate", "url": camera.url("live.mjpg").replace("http://", "http://admin:s3same@"), "fps": 5}
        walk = {"name": "Walk", "url": "file:normal.mp4?loop=true", "enrolment": {"sources": ["normal.mp4"]}}
        added = [client.post("/streams", json=spec).raise_for_status().json() for spec in (gate, walk)]
        ids = {stream["name"]: stream["id"] for stream in added}
        yield Running(client, ids)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def opened(browser: Browser, service: Running, request: pytest.FixtureRequest) -> Iterator[Opened]:
    """The page; the test fails on any complaint that it does not expect."""
    options: dict[str, Any] = getattr(request, "param", {"viewport": {"width": 1440, "height": 900}})
    context = browser.new_context(reduced_motion="reduce", **options)
    one = Opened(context, str(service.client.base_url))
    yield one
    context.close()
    assert one.unexpected == []


def open_camera(page: Page, name: str) -> None:
    tile(page, name).get_by_role("link", name=name).click()
    expect(page.get_by_role("heading", name=name)).to_be_visible()


def open_form(page: Page, name: str) -> Locator:
    """The form that changes a camera."""
    open_camera(page, name)
    page.get_by_role("button", name="Edit", exact=True).click()
    form = page.locator("#camera-dialog form")
    expect(form.get_by_label("Name")).to_be_focused()
    expect(form.get_by_label("Name")).to_have_value(name)
    return form


def test_a_camera_is_changed_and_keeps_its_password(opened: Opened, service: Running) -> None:
    page = opened.page
    form = open_form(page, "Gate")
    address = form.get_by_label("Address")
    assert "s3same" not in page.content()
    expect(form.locator(".costs")).to_be_hidden()
    address.fill(f"{address.input_value()}?n=2")
    form.get_by_label("Time zone").fill("Europe/Berlin")
    expect(form.locator(".costs")).to_contain_text("The camera connects again")
    expect(form.locator(".costs")).to_contain_text("The hours of its rules are then in Europe/Berlin")
    expect(form.locator(".costs")).not_to_contain_text("password")
    form.get_by_label("Frames per second").fill("4")
    form.get_by_role("button", name="Save").click()
    expect(page.locator("#camera-dialog")).to_be_hidden()
    expect(page.locator(".camera .properties")).to_contain_text("Europe/Berlin")
    stream = service.stream("Gate")
    assert stream["url"].endswith("live.mjpg?n=2")
    assert (stream["has_credentials"], stream["timezone"], stream["fps"]) == (True, "Europe/Berlin", 4)


def test_another_camera_does_not_get_the_password(opened: Opened) -> None:
    form = open_form(opened.page, "Gate")
    form.get_by_label("Address").fill("rtsp://127.0.0.1:9/elsewhere")
    expect(form.locator(".costs")).to_contain_text("The stored password belongs to the old address and is deleted.")
    form.get_by_label("User").fill("me")
    form.get_by_label("Password").fill("new")
    expect(form.locator(".costs")).not_to_contain_text("password")


def test_what_is_refused_is_said_at_its_field_and_nothing_is_lost(opened: Opened, service: Running) -> None:
    opened.expected = "status of 422"
    page = opened.page
    before = service.stream("Gate")
    form = open_form(page, "Gate")
    form.get_by_label("Name").fill("North gate")
    form.get_by_label("Password").fill("wr0ng")
    form.get_by_role("button", name="Save").click()
    address = form.locator(".field", has=page.get_by_label("Address"))
    expect(address.locator(".field-error")).to_be_visible()
    expect(form.get_by_label("Name")).to_have_value("North gate")
    expect(form.get_by_label("Password")).to_have_value("wr0ng")
    form.get_by_label("Password").fill("")
    form.get_by_label("Time zone").fill("Europe/Nowhere")
    form.get_by_role("button", name="Save").click()
    zone = form.locator(".field", has=page.get_by_label("Time zone"))
    expect(zone.locator(".field-error")).to_contain_text("Europe/Nowhere")
    # A press beside the dialog must not lose what was typed.
    page.mouse.click(5, 5)
    expect(form.get_by_label("Name")).to_have_value("North gate")
    form.get_by_role("button", name="Cancel").click()
    after = service.stream("Gate")
    assert {**after, "status": None} == {**before, "status": None}


def test_empty_fields_are_named_in_words(opened: Opened) -> None:
    page = opened.page
    page.get_by_role("button", name="Add camera").first.click()
    form = page.locator("#camera-dialog form")
    expect(form.get_by_label("Name")).to_be_focused()
    form.get_by_role("button", name="Add camera").click()
    expect(form.locator(".field-error")).to_have_text(["Enter a name.", "Enter an address."])
    expect(form.get_by_label("Name")).to_be_focused()
    assert hard_to_read(page) == []


def test_what_means_learning_anew_is_said_before_it_is_saved(opened: Opened, service: Running) -> None:
    page = opened.page
    expect(tile(page, "Walk").locator(".badge")).to_have_text(re.compile("Watching|Alert"), timeout=LEARNED_WITHIN_MS)
    form = open_form(page, "Walk")
    form.get_by_label("svad").check()
    expect(form.locator(".costs")).to_contain_text("means learning anew")
    expect(form.get_by_label("Learn anew right after saving")).to_be_checked()
    form.get_by_label("svad").uncheck()
    expect(form.locator(".costs")).to_be_hidden()
    form.get_by_label("attributes").uncheck()
    form.get_by_role("button", name="Save").click()
    expect(form.locator(".heads .field-error")).to_have_text("Choose at least one.")
    expect(form.get_by_label("attributes")).to_be_focused()
    form.get_by_label("attributes").check()
    form.get_by_role("button", name="Save").click()
    expect(page.locator("#camera-dialog")).to_be_hidden()
    assert service.stream("Walk")["packs"] == ["attributes"]


def test_the_sensitivity_in_force_is_shown_whoever_set_it(opened: Opened, service: Running) -> None:
    page = opened.page
    expect(tile(page, "Walk").locator(".badge")).to_have_text(re.compile("Watching|Alert"), timeout=LEARNED_WITHIN_MS)
    open_camera(page, "Walk")
    form = page.locator("form.sensitivity")
    per_day = form.get_by_role("spinbutton", name="False alerts per day")
    score = form.get_by_role("spinbutton", name="Score to alert from")
    expect(per_day).to_have_value("1")
    expect(score).to_have_value(re.compile(r"^0\.\d+$|^1$"))
    expect(form.locator(".meaning")).to_contain_text("1 false alert per day (the default)")
    path = f"/streams/{service.ids['Walk']}"
    service.client.patch(path, json={"threshold": 0.7}).raise_for_status()
    expect(score).to_have_value("0.7")
    expect(form.get_by_label("Alert from a score of")).to_be_checked()
    service.client.patch(path, json={"threshold": None}).raise_for_status()
    expect(per_day).to_have_value("1")


def test_recordings_are_learned_from_and_a_missing_one_is_named(opened: Opened, service: Running) -> None:
    opened.expected = "status of 422"
    page = opened.page
    expect(tile(page, "Walk").locator(".badge")).to_have_text(re.compile("Watching|Alert"), timeout=LEARNED_WITHIN_MS)
    open_camera(page, "Walk")
    known = page.locator(".enrolled")
    expect(known).to_contain_text(re.compile(r"Learned from [\d,]+ frames"))
    frames = service.client.get(f"/streams/{service.ids['Walk']}/enrolment").json()["profiles"][0]["frames"]
    form = page.locator("form.enrol")
    form.get_by_label("From recordings").check()
    names = form.get_by_label("Recordings, one a line")
    form.get_by_role("button", name="Learn now").click()
    expect(form.locator(".field-error")).to_have_text("Enter the name of a recording, such as gate/monday.mp4.")
    names.fill("gone.mp4")
    form.get_by_role("button", name="Learn now").click()
    expect(form.locator(".field-error")).to_be_visible()
    expect(names).to_have_value("gone.mp4")
    names.fill("normal.mp4\n")
    form.get_by_label("Add to what it knows").check()
    form.get_by_role("button", name="Learn now").click()
    expect(known).to_contain_text(f"{2 * frames:,} frames", timeout=LEARNED_WITHIN_MS)


def test_a_new_rule_can_be_taken_back(opened: Opened) -> None:
    page = opened.page
    open_camera(page, "Gate")
    card = page.locator(".card.rules")
    card.get_by_label("What the rule is about").fill("a parked van")
    card.get_by_role("button", name="Save rule").click()
    expect(card.locator(".rule-item")).to_have_count(1)
    card.get_by_role("button", name="Undo").click()
    expect(card.locator(".rule-item")).to_have_count(0)


def drag_corner(page: Page, number: int, x: float, y: float) -> None:
    """Drag a corner of the chosen zone to a place of the picture, as shares of its width and height."""
    corner = page.get_by_role("button", name=re.compile(f"^Corner {number} of"))
    corner.hover()  # which waits until the page stands still
    stage = page.locator(".stage").bounding_box()
    start = corner.bounding_box()
    assert stage is not None
    assert start is not None
    page.mouse.move(start["x"] + start["width"] / 2, start["y"] + start["height"] / 2)
    page.mouse.down()
    page.mouse.move(stage["x"] + x * stage["width"], stage["y"] + y * stage["height"], steps=3)
    page.mouse.up()


def test_an_outline_that_crosses_itself_is_refused_while_it_is_drawn(opened: Opened, service: Running) -> None:
    page = opened.page
    open_camera(page, "Gate")
    page.get_by_role("button", name="Add a zone").click()
    bar = page.locator(".zone-bar")
    drag_corner(page, 1, 0.8, 0.5)
    expect(bar.locator(".form-error")).to_have_text("The outline crosses itself. Move a corner so that it does not.")
    bar.get_by_role("button", name="Save zones").click()
    expect(bar.locator(".form-error")).to_be_visible()
    assert service.stream("Gate")["zones"] == []
    drag_corner(page, 1, 0.2, 0.2)
    expect(bar.locator(".form-error")).to_be_hidden()
    bar.get_by_label("Name of the zone").fill(" ")
    bar.get_by_role("button", name="Save zones").click()
    expect(bar.locator(".field-error")).to_have_text("Enter a name.")
    bar.get_by_role("button", name="Discard").click()
    expect(bar).to_be_hidden()


def test_a_zone_is_not_lost_unasked(opened: Opened, service: Running) -> None:
    page = opened.page
    path = f"/streams/{service.ids['Gate']}"
    polygon = [[0.1, 0.1], [0.4, 0.1], [0.4, 0.4]]
    service.client.patch(
        path, json={"zones": [{"name": "Ramp", "polygon": polygon, "mode": "mark"}]}
    ).raise_for_status()
    rule = {"text": "a parked van", "verdict": "anomaly", "zone": "Ramp"}
    service.client.post(f"{path}/guidance", json=rule).raise_for_status()
    page.reload()
    open_camera(page, "Gate")
    expect(page.locator(".rule-item")).to_have_count(1)
    page.get_by_role("button", name=re.compile("^Ramp")).click()
    bar = page.locator(".zone-bar")
    ask = page.locator("#confirm-dialog")
    bar.get_by_role("button", name="Delete the zone").click()
    expect(ask).to_contain_text("The rule “a parked van” counts only in this zone")
    ask.get_by_role("button", name="Cancel").click()

    # A rule follows its zone's new name.
    bar.get_by_label("Name of the zone").fill("Slope")
    page.get_by_role("link", name="All cameras", exact=True).click()
    expect(ask).to_contain_text("Leave without saving the zones?")
    ask.get_by_role("button", name="Stay").click()
    expect(bar.get_by_label("Name of the zone")).to_have_value("Slope")
    bar.get_by_role("button", name="Save zones").click()
    expect(bar).to_be_hidden()
    expect(page.locator(".rule-facts")).to_contain_text("in Slope")
    assert [one["zone"] for one in service.client.get(f"{path}/guidance").json()] == ["Slope"]

    page.get_by_role("button", name=re.compile("^Slope")).click()
    bar.get_by_role("button", name="Delete the zone").click()
    ask.get_by_role("button", name="Delete").click()
    page.get_by_role("link", name="All cameras", exact=True).click()
    ask.get_by_role("button", name="Leave").click()
    expect(page.locator("#overview")).to_be_visible()
    assert [zone["name"] for zone in service.stream("Gate")["zones"]] == ["Slope"]


@pytest.mark.parametrize("opened", [PHONE], indirect=True)
def test_name_and_save_of_a_zone_stay_in_view_on_a_phone(opened: Opened, service: Running) -> None:
    page = opened.page
    zones = [{"name": f"Bay {number}", "polygon": [[0, 0], [0.2, 0], [0, 0.2]], "mode": "mark"} for number in range(25)]
    service.client.patch(f"/streams/{service.ids['Walk']}", json={"zones": zones}).raise_for_status()
    page.reload()
    open_camera(page, "Walk")
    bar = page.locator(".zone-bar")
    for zone in ("Bay 0", "Bay 24"):
        page.get_by_role("button", name=re.compile(f"^{zone} ")).click()
        expect(bar.get_by_label("Name of the zone")).to_have_value(zone)
        expect(bar.get_by_label("Name of the zone")).to_be_in_viewport()
    bar.get_by_label("Name of the zone").fill("Last bay")
    expect(bar.get_by_role("button", name="Save zones")).to_be_in_viewport(ratio=1)
    assert overflow(page) <= 0
    bar.get_by_role("button", name="Save zones").click()
    expect(bar).to_be_hidden()
    assert service.stream("Walk")["zones"][-1]["name"] == "Last bay"
