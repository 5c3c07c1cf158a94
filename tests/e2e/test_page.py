"""The page in a real Chromium, on the real service, with a small walkway that someone rushes across."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, expect

from service.application import Application
from service.server import Server
from service.settings import Settings
from support.browser import NEEDS_BROWSER, Opened, chromium, overflow, pixels, tile
from support.contrast import hard_to_read
from support.walkway import WIDTH, write_walkway

pytestmark = NEEDS_BROWSER

NO_SCORE = "\N{EN DASH}"
ALERT_WITHIN_MS = 180_000
"""Enrolment from 40 s of small pictures, and one round of the odd clip: 15 s on two idle cores."""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a service with one enrolled camera that is odd now and then, and one that is down."""
    folder = tmp_path_factory.mktemp("page")
    media = folder / "media"
    media.mkdir()
    write_walkway(media / "normal.mp4", seconds=40)
    write_walkway(media / "odd.mp4", seconds=12, rush_from=6)
    with Server(Application(Settings(port=0, data_dir=folder / "data", media_dir=media))) as server:
        with httpx.Client(base_url=server.url) as client:
            walkway = {
                "name": "Walkway <b>east</b>",
                "url": "file:odd.mp4?loop=true",
                "threshold": 0.4,
                "enrolment": {"sources": ["normal.mp4"]},
            }
            client.post("/streams", json=walkway, timeout=60).raise_for_status()
            down = {"name": "Gate", "url": "rtsp://viewer:s3cret@127.0.0.1:9/gate"}
            client.post("/streams?probe=false", json=down, timeout=60).raise_for_status()
        yield server.url


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def opened(browser: Browser, service: str, request: pytest.FixtureRequest) -> Iterator[Opened]:
    """The page at `service`; the test fails on any complaint that it does not expect."""
    options: dict[str, Any] = getattr(request, "param", {"viewport": {"width": 1440, "height": 900}})
    context = browser.new_context(**options)
    one = Opened(context, service)
    yield one
    context.close()
    assert one.unexpected == []


def test_camera_is_shown_scored_and_alerts(opened: Opened) -> None:
    page = opened.page
    expect(page.locator("#connection")).to_have_text("Connected")
    walkway = tile(page, "Walkway <b>east</b>")
    expect(walkway.locator(".badge")).to_have_text(re.compile("Watching|Alert"), timeout=ALERT_WITHIN_MS)

    expect(walkway.locator(".veil")).to_be_hidden()
    assert len(pixels(walkway.locator("canvas.picture"))) > 100

    score = walkway.locator(".score")
    expect(score).to_have_text(re.compile(r"^\d\.\d\d$"))
    expect(score).not_to_have_text(score.inner_text())

    alert = page.locator(".alert[data-kind=anomaly]").first
    expect(alert).to_be_visible(timeout=ALERT_WITHIN_MS)
    expect(alert.locator(".alert-camera")).to_have_text("Walkway <b>east</b>")
    picture = alert.locator("img")
    expect(picture).to_have_js_property("complete", True)
    assert picture.evaluate("image => image.naturalWidth") == WIDTH

    gate = tile(page, "Gate")
    expect(gate.locator(".badge")).to_have_text(re.compile("Offline|Connecting"))
    expect(gate.locator(".score")).to_have_text(NO_SCORE)
    assert "s3cret" not in page.content()


def test_verdict_is_stored_and_taken_back(opened: Opened, service: str) -> None:
    page = opened.page
    alert = page.locator(".alert[data-kind=anomaly]").first
    expect(alert).to_be_visible(timeout=ALERT_WITHIN_MS)
    alert_id = alert.get_attribute("data-id")
    alert = page.locator(f".alert[data-id='{alert_id}']")
    confirm = alert.get_by_role("button", name="Confirm")
    for verdict, pressed in (("confirmed", "true"), (None, "false")):
        confirm.click()
        expect(confirm).to_have_attribute("aria-pressed", pressed)
        assert httpx.get(f"{service}/alerts/{alert_id}").json()["verdict"] == verdict


@pytest.mark.parametrize(
    "opened",
    [
        {"viewport": {"width": 1440, "height": 900}, "color_scheme": scheme, "reduced_motion": "reduce"}
        for scheme in ("light", "dark")
    ],
    ids=["light", "dark"],
    indirect=True,
)
def test_all_can_be_read_a_dismissed_alert_too(opened: Opened) -> None:
    page = opened.page
    alert = page.locator(".alert[data-kind=anomaly]").first
    expect(alert).to_be_visible(timeout=ALERT_WITHIN_MS)
    alert_id = alert.get_attribute("data-id")
    alert = page.locator(f".alert[data-id='{alert_id}']")
    dismiss = alert.get_by_role("button", name="False alarm")
    dismiss.click()
    expect(alert).to_have_attribute("data-verdict", "false_alarm")
    assert hard_to_read(page) == []


def test_form_shows_each_problem_at_its_field(opened: Opened) -> None:
    opened.expected = "status of 422"
    page = opened.page
    page.get_by_role("button", name="Add camera").first.click()
    form = page.locator("#camera-dialog form")
    form.get_by_label("Name").fill("Bad one")
    form.get_by_label("Address").fill("file:normal.mp4")
    form.get_by_label("Frames per second").fill("0")
    form.get_by_role("button", name="Add camera").click()
    fps = form.get_by_label("Frames per second")
    expect(fps).to_have_attribute("aria-invalid", "true")
    expect(fps).to_be_focused()
    rate = form.locator(".field", has=page.get_by_label("Frames per second"))
    expect(rate.locator(".field-error")).to_contain_text("greater than 0")

    fps.fill("10")
    form.get_by_label("Address").fill("gopher://camera")
    form.get_by_role("button", name="Add camera").click()
    address = form.locator(".field", has=page.get_by_label("Address"))
    expect(address.locator(".field-error")).to_contain_text("An address starts with")
    expect(fps).not_to_have_attribute("aria-invalid", "true")
    expect(page.locator(".tile")).to_have_count(2)


def test_camera_is_added_opened_changed_and_deleted(opened: Opened, service: str) -> None:
    page = opened.page
    page.get_by_role("button", name="Add camera").first.click()
    form = page.locator("#camera-dialog form")
    form.get_by_label("Name").fill("Side door")
    form.get_by_label("Address").fill("file:normal.mp4?loop=true")
    form.get_by_label("Learn what is normal now").uncheck()
    form.get_by_role("button", name="Add camera").click()
    expect(page.locator("#camera-dialog")).to_be_hidden()
    page.get_by_role("link", name="Side door", exact=True).click()

    expect(page.get_by_role("heading", name="Side door")).to_be_visible()
    stage = page.locator(".stage")
    expect(stage.locator(".veil")).to_be_hidden()
    assert len(pixels(stage.locator("canvas.picture"))) > 100

    page.get_by_role("button", name="Add a zone").click()
    corner = page.get_by_role("button", name=re.compile("^Corner 1 of Zone 1"))
    expect(corner).to_be_focused()
    page.keyboard.press("ArrowLeft")
    page.get_by_role("button", name="Save zones").click()
    expect(page.get_by_role("button", name="Save zones")).to_be_hidden()
    (stream,) = (one for one in httpx.get(f"{service}/streams").json() if one["name"] == "Side door")
    assert stream["zones"][0]["polygon"][0] == [0.34, 0.35]
    assert stream["alerts_per_day"] == 1

    # What the page has just asked for when the camera is paused or deleted is answered so, and Chromium says it.
    opened.expected = "status of (404|409)"
    page.get_by_role("button", name="Pause").click()
    expect(page.locator(".camera .badge")).to_have_text("Paused")
    page.get_by_role("button", name="Delete").click()
    page.locator("#confirm-dialog").get_by_role("button", name="Delete").click()
    expect(page.locator(".tile")).to_have_count(2)
    assert httpx.get(f"{service}/streams/{stream['id']}").status_code == 404


def test_rule_is_tried_saved_switched_and_brought_back(opened: Opened, service: str) -> None:
    page = opened.page
    tile(page, "Walkway <b>east</b>").get_by_role("link", name="Walkway").click()
    expect(page.locator(".camera > .section-head .score")).to_have_text(
        re.compile(r"^\d\.\d\d$"), timeout=ALERT_WITHIN_MS
    )
    card = page.locator(".card.rules")
    card.get_by_label("What the rule is about").fill("something <i>moving</i>")
    card.get_by_role("button", name="Try it on the last 10 minutes").click()
    expect(card.locator(".outcome")).to_contain_text(re.compile(r"this rule would match (\d+ object|nothing)"))
    (stream,) = (one for one in httpx.get(f"{service}/streams").json() if one["name"].startswith("Walkway"))
    rules = f"{service}/streams/{stream['id']}/guidance"
    assert httpx.get(rules).json() == []

    card.get_by_role("button", name="Save rule").click()
    rule = card.locator(".rule-item")
    expect(rule.locator(".rule-text")).to_have_text("something <i>moving</i>")
    expect(card.locator(".preview")).to_be_hidden()
    assert [one["enabled"] for one in httpx.get(rules).json()] == [True]

    rule.get_by_role("switch").uncheck()
    expect(rule).to_have_class(re.compile("idle"))
    assert [one["enabled"] for one in httpx.get(rules).json()] == [False]

    card.get_by_role("button", name="Undo").click()
    expect(rule).not_to_have_class(re.compile("idle"))

    rule.get_by_role("button", name="Edit the rule").click()
    expect(card.get_by_label("What the rule is about")).to_have_value("something <i>moving</i>")
    card.get_by_label("What it means").select_option("anomaly")
    card.get_by_role("button", name="Save change").click()
    expect(rule).to_have_attribute("data-verdict", "anomaly")
    expect(card.get_by_role("button", name="Save rule")).to_be_visible()
    card.get_by_text("Edits", exact=True).click()
    edits = card.locator(".edit-list li")
    expect(edits).to_have_count(4)
    expect(edits.get_by_role("button", name="Undo")).to_have_count(1)
    edits.first.get_by_role("button", name="Undo").click()
    expect(rule).to_have_attribute("data-verdict", "normal")
    card.get_by_text("Edits", exact=True).click()

    rule.get_by_role("button", name="Delete the rule").click()
    expect(card.locator(".no-rules")).to_be_visible()
    card.get_by_role("button", name="Undo").click()
    expect(rule).to_have_count(1)
    rule.get_by_role("button", name="Delete the rule").click()
    expect(rule).to_have_count(0)


def test_empty_rule_is_refused_at_its_field(opened: Opened) -> None:
    page = opened.page
    tile(page, "Walkway <b>east</b>").get_by_role("link", name="Walkway").click()
    card = page.locator(".card.rules")
    card.get_by_role("button", name="Save rule").click()
    text = card.get_by_label("What the rule is about")
    expect(text).to_have_attribute("aria-invalid", "true")
    expect(card.locator(".sentence .field-error")).to_have_text("Enter what the rule is about.")


@pytest.mark.parametrize(
    "opened",
    [
        {"viewport": {"width": 390, "height": 844}, "has_touch": True, "color_scheme": "dark"},
        {"viewport": {"width": 390, "height": 844}, "has_touch": True, "reduced_motion": "reduce"},
    ],
    ids=["dark", "light, reduced motion"],
    indirect=True,
)
def test_phone_scrolls_one_way_only(opened: Opened) -> None:
    page = opened.page
    walkway = page.locator(".tile .name", has_text="Walkway")
    expect(walkway).to_be_visible()
    assert overflow(page) <= 0
    page.get_by_role("link", name=re.compile("^Review")).first.click()
    expect(page.locator("#review")).to_be_visible()
    expect(walkway).to_be_hidden()
    assert overflow(page) <= 0
    page.get_by_role("link", name="Cameras", exact=True).click()
    walkway.click()
    expect(page.get_by_role("heading", name="Walkway <b>east</b>")).to_be_visible()
    assert overflow(page) <= 0
    page.get_by_role("button", name="Add camera").first.click()
    expect(page.locator("#camera-dialog")).to_be_visible()
    assert overflow(page) <= 0


def test_lost_connection_is_said_and_mended(opened: Opened) -> None:
    opened.expected = "WebSocket|ERR_|Failed to load"
    page = opened.page
    walkway = tile(page, "Walkway <b>east</b>")
    expect(walkway.locator(".score")).to_have_text(re.compile(r"^\d\.\d\d$"), timeout=ALERT_WITHIN_MS)
    page.context.set_offline(True)
    expect(page.locator("#lost")).to_contain_text("connection to the service was lost")
    expect(walkway.locator(".score")).to_have_text(NO_SCORE)
    expect(walkway.locator(".badge")).to_have_text("Unknown")
    page.context.set_offline(False)
    expect(page.locator("#connection")).to_have_text("Connected")
    expect(page.locator("#lost")).to_be_hidden()
    expect(walkway.locator(".score")).to_have_text(re.compile(r"^\d\.\d\d$"))
