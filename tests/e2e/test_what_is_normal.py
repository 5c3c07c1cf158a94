"""A person who has read nothing of thresholds sees what a camera promises and what it would miss, and decides."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import numpy as np
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from service.application import Application
from service.profiles.thumbnail import thumbnail
from service.server import Server
from service.settings import Settings
from service.store.database import Database
from service.store.drift import DayCount, DayMoment, DriftStore
from support.browser import NEEDS_BROWSER, Opened, chromium, overflow, tile
from support.contrast import hard_to_read
from support.service import Client
from support.walkway import write_walkway

pytestmark = NEEDS_BROWSER

WIDE = {"viewport": {"width": 1440, "height": 900}}
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True}
DARK = WIDE | {"color_scheme": "dark"}
LEARNED_WITHIN_MS = 180_000


@dataclass(frozen=True)
class Running:
    """A service with a walkway that has learned an odd event with the rest, and one that has learned nothing."""

    client: Client
    ids: dict[str, str]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("normal")
    media = folder / "media"
    media.mkdir()
    write_walkway(media / "normal.mp4", seconds=60)
    write_walkway(media / "odd.mp4", seconds=13, rush_from=10)
    settings = Settings(_env_file=None, port=0, data_dir=folder / "data", media_dir=media)
    with Server(Application(settings)) as server, Client(base_url=server.url, timeout=60) as client:
        walk = {"name": "Walk", "url": "file:odd.mp4?loop=true", "enrolment": {"sources": ["normal.mp4", "odd.mp4"]}}
        bare = {"name": "Bare", "url": "file:normal.mp4?loop=true"}
        added = [client.post("/streams", json=spec).raise_for_status().json() for spec in (walk, bare)]
        ids = {stream["name"]: stream["id"] for stream in added}
        other = {"name": "Changed", "url": "file:normal.mp4?loop=true", "enrolment": {"stream": ids["Walk"]}}
        client.enrolled(ids["Walk"])
        ids["Changed"] = client.post("/streams", json=other).raise_for_status().json()["id"]
        learned = datetime.fromisoformat(client.enrolled(ids["Changed"])["profiles"][0]["created_at"])
    two_unlike_days(settings, ids["Changed"], learned)
    with Server(Application(settings)) as server, Client(base_url=server.url, timeout=60) as client:
        yield Running(client, ids)


def two_unlike_days(settings: Settings, stream: str, learned: datetime) -> None:
    """As if the stream had run for two days on which most pictures were unusual."""
    database = Database(settings.database)
    now = datetime.now(UTC)
    picture = thumbnail(np.full((90, 160, 3), (30, 160, 220), np.uint8))
    for ago in (1, 2):
        at = now - timedelta(days=ago)
        count = DayCount(stream, at.date().toordinal(), learned, 864_000, 500_000)
        DriftStore(database).write([count], [DayMoment(stream, count.day, at, 5.0, picture)])
    database.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def opened(browser: Browser, service: Running, request: pytest.FixtureRequest) -> Iterator[Opened]:
    """The page; the test fails on any complaint that it does not expect."""
    options: dict[str, Any] = getattr(request, "param", WIDE)
    context = browser.new_context(reduced_motion="reduce", **options)
    one = Opened(context, str(service.client.base_url))
    yield one
    context.close()
    assert one.unexpected == []


def open_panel(page: Page, name: str) -> Locator:
    """What a camera has learned, on its own page."""
    tile(page, name).get_by_role("link", name=name).click()
    expect(page.get_by_role("heading", name=name)).to_be_visible()
    panel = page.locator(".learned")
    expect(panel.locator(".promise")).to_be_visible()
    return panel


def is_drawn(picture: Locator) -> bool:
    picture.scroll_into_view_if_needed()
    return bool(
        picture.evaluate("image => image.decode().then(() => image.naturalWidth > 0, () => false)", timeout=60_000)
    )


@pytest.mark.parametrize("opened", [WIDE, PHONE, DARK], indirect=True, ids=["wide", "phone", "dark"])
def test_what_is_promised_and_what_would_be_missed_can_be_read(opened: Opened) -> None:
    page = opened.page
    panel = open_panel(page, "Walk")
    expect(panel.locator(".promise")).to_contain_text("Expect about 1 false alert a day, but that is a guess.")
    expect(panel.locator(".promise")).to_contain_text("no false alert was seen")
    expect(panel.locator(".seen")).to_contain_text(re.compile(r"\d frames, \d+ moving things, 2 recordings"))
    expect(panel.locator(".seen")).to_contain_text(re.compile(r"a score of 0\.\d\d"))
    rush = panel.locator(".odd .moment", has_text="odd.mp4")
    expect(rush).to_contain_text("Moving unusually fast")
    expect(rush).to_contain_text("Left out")
    expect(rush.get_by_role("button", name="Leave out")).to_have_attribute("aria-pressed", "true")
    assert is_drawn(rush.locator("img"))
    missed = panel.locator(".missed .moment").first
    expect(missed).to_contain_text("Kept")
    assert is_drawn(missed.locator("img"))
    assert overflow(page) == 0
    assert hard_to_read(page) == []


def test_a_moment_is_left_out_and_taken_back_with_the_keyboard(opened: Opened, service: Running) -> None:
    page = opened.page
    panel = open_panel(page, "Walk")
    missed = panel.locator(".missed .moment").first
    identity = missed.get_attribute("data-id")
    moment = panel.locator(f".moment[data-id='{identity}']")
    leave_out = moment.get_by_role("button", name="Leave out")
    leave_out.focus()
    page.keyboard.press("Enter")
    expect(moment).to_contain_text("Left out by you")
    expect(panel.locator(f".odd .moment[data-id='{identity}']")).to_be_visible(timeout=LEARNED_WITHIN_MS)
    expect(leave_out).to_be_focused()
    expect(leave_out).to_have_attribute("aria-pressed", "true")
    page.reload()
    take_back = moment.get_by_role("button", name="Take back")
    take_back.focus()
    page.keyboard.press("Space")
    expect(panel.locator(f".missed .moment[data-id='{identity}']")).to_be_visible(timeout=LEARNED_WITHIN_MS)
    expect(take_back).to_be_hidden()
    assert service.client.enrolled(service.ids["Walk"])["state"] == "ready"


def test_a_choice_that_is_refused_is_said_where_it_was_made(opened: Opened) -> None:
    opened.expected = "409"
    panel = open_panel(opened.page, "Walk")
    problem = {
        "code": "enrolment_running",
        "detail": "This stream is learning.",
        "status": 409,
        "title": "",
        "type": "",
    }
    opened.page.route(
        "**/enrolment/moments/*-*-*",
        lambda route: route.fulfill(status=409, json=problem) if route.request.method == "PATCH" else route.continue_(),
    )
    panel.locator(".missed .moment").first.get_by_role("button", name="Leave out").click()
    expect(panel.locator(".decide > .form-error")).to_have_text("This stream is learning.")


def test_a_sensitivity_is_tried_before_it_is_saved(opened: Opened, service: Running) -> None:
    page = opened.page
    open_panel(page, "Walk")
    form = page.locator("form.sensitivity")
    tried = form.locator(".rehearsal")
    expect(tried).to_be_hidden()
    form.get_by_label("Score to alert from").fill("0.5")
    form.get_by_role("button", name="Try it on the past").click()
    expect(tried.locator(".rehearsal-outcome")).to_contain_text(re.compile(r"there would have been .+ score of 0\.50"))
    expect(tried.locator(".basis")).to_contain_text("Nothing is changed until you save.")
    assert service.client.get(f"/streams/{service.ids['Walk']}").json()["threshold"] is None
    form.get_by_label("Score to alert from").fill("")
    expect(tried).to_be_hidden()
    form.get_by_role("button", name="Try it on the past").click()
    expect(form.locator(".field-error")).to_contain_text("Enter a score above 0")


def test_where_normal_has_changed_a_press_extends_what_was_learned(opened: Opened, service: Running) -> None:
    page = opened.page
    panel = open_panel(page, "Changed")
    notice = panel.locator(".drift")
    expect(notice).to_contain_text("Normal has changed here. On the last two days 57.9 % and 57.9 % of the pictures")
    expect(page.locator(".stream-notes")).to_contain_text("Normal has changed here")
    assert notice.locator("img").count() == 2
    assert is_drawn(notice.locator("img").first)
    assert hard_to_read(page) == []
    notice.get_by_role("button", name="Extend what was learned").click()
    expect(page.locator(".camera > .progress")).to_contain_text(re.compile("Learning"))
    expect(notice.get_by_role("button", name="Extend what was learned")).to_be_disabled()
    enrolment = service.client.get(f"/streams/{service.ids['Changed']}/enrolment").json()
    assert (enrolment["state"], len(enrolment["profiles"])) == ("collecting", 1)


def test_a_camera_that_has_learned_nothing_learns_at_a_press(opened: Opened, service: Running) -> None:
    page = opened.page
    bare = tile(page, "Bare")
    expect(bare.locator(".badge")).to_have_text("Nothing learned yet")
    bare.get_by_role("button", name="Learn now").click()
    expect(bare.locator(".progress")).to_contain_text(re.compile("Learning"))
    expect(bare.locator(".badge")).to_have_text("Learning")
    enrolment = httpx.get(f"{service.client.base_url}/streams/{service.ids['Bare']}/enrolment").json()
    assert enrolment["state"] == "collecting"
