"""The review of alerts in a real Chromium, on a month of a thousand alerts."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import numpy as np
import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from service.application import Application
from service.contracts.alert import Alert, AlertState
from service.server import Server
from service.settings import Settings
from service.store.database import Database
from support.browser import NEEDS_BROWSER, Opened, chromium, overflow
from support.contrast import hard_to_read
from support.month import Month, add_alert, anomaly, fill_month

pytestmark = NEEDS_BROWSER

WIDE: dict[str, Any] = {"viewport": {"width": 1440, "height": 900}, "timezone_id": "UTC"}
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "timezone_id": "UTC"}
LIGHT = {**WIDE, "color_scheme": "light", "reduced_motion": "reduce"}
DARK = {**LIGHT, "color_scheme": "dark"}
MOST_IN_PAGE = 150
"""Alerts in the page at once, at most: what three screens of the grid hold, with room to spare."""

PROVOKED = re.compile("ERR_INTERNET_DISCONNECTED|status of 404")
"""What Chromium says of it when a test takes the network away, or asks for an alert that is not there."""

RECORD = """
    window.notices = [];
    window.notes = [];
    window.Notification = class extends EventTarget {
        static permission = "granted";
        static requestPermission() { return Promise.resolve("granted"); }
        constructor(title, options) { super(); window.notices.push([title, options.tag]); }
        close() {}
    };
    const start = OscillatorNode.prototype.start;
    OscillatorNode.prototype.start = function (...args) { window.notes.push(args); return start.apply(this, args); };
"""
"""Writes down what is notified and played."""


class Reviewed:
    """A service with a month of alerts, and what is in it."""

    def __init__(self, url: str, month: Month, settings: Settings) -> None:
        self.url = url
        self.month = month
        self.http = httpx.Client(base_url=url, timeout=60)
        self.database = Database(settings.database)
        self.snapshots = settings.data_dir / "snapshots"
        self.added = 0

    def alerts(self, **query: Any) -> list[dict[str, Any]]:
        """What the API lists."""
        answer = self.http.get("/alerts", params={"limit": 1000, **query})
        answer.raise_for_status()
        found: list[dict[str, Any]] = answer.json()
        return found

    def alert(self, alert_id: str) -> dict[str, Any]:
        """One alert."""
        found: dict[str, Any] = self.http.get(f"/alerts/{alert_id}").raise_for_status().json()
        return found

    def unreviewed(self) -> int:
        """How many alerts nobody has reviewed."""
        return int(self.http.get("/alerts/count", params={"verdict": "none"}).json()["unreviewed"])

    def wait_for_verdict(self, alert_id: str, verdict: str | None) -> None:
        """Return once the alert has this verdict."""
        eventually(lambda: self.alert(alert_id)["verdict"] == verdict)

    def open_alert(self, state: AlertState = AlertState.OPEN) -> Alert:
        """One more alert, opened now."""
        self.added += 1
        name, stream = next(iter(self.month.streams.items()))
        alert = anomaly(
            f"new-{self.added}", (stream, name), datetime.now(UTC), np.random.default_rng(self.added), state
        )
        add_alert(self.database, self.snapshots, alert)
        return alert

    def close_alert(self, alert: Alert) -> None:
        """The alert closes."""
        now = datetime.now(UTC)
        closed = alert.model_copy(update={"state": AlertState.CLOSED, "closed_at": now, "updated_at": now})
        add_alert(self.database, self.snapshots, closed)

    def close(self) -> None:
        """Close what this holds."""
        self.http.close()
        self.database.close()


@pytest.fixture(scope="module")
def reviewed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reviewed]:
    folder = tmp_path_factory.mktemp("review")
    settings = Settings(port=0, data_dir=folder, media_dir=folder)
    month = fill_month(settings)
    with Server(Application(settings)) as server:
        one = Reviewed(server.url, month, settings)
        yield one
        one.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as one:
        yield one


@pytest.fixture
def context(browser: Browser, request: pytest.FixtureRequest) -> Iterator[BrowserContext]:
    one = browser.new_context(**getattr(request, "param", WIDE))
    yield one
    one.close()


@pytest.fixture
def visit(context: BrowserContext, reviewed: Reviewed) -> Iterator[Callable[[str], Page]]:
    """Opens the page at an address; the test fails on any complaint but those that a test provokes."""
    visits: list[Opened] = []

    def opened(hash_: str = "#review") -> Page:
        visits.append(Opened(context, f"{reviewed.url}/{hash_}"))
        return visits[-1].page

    yield opened
    assert [text for one in visits for text in one.unexpected if PROVOKED.search(text) is None] == []


Visit = Callable[[str], Page]


def items(page: Page) -> Locator:
    return page.locator(".review-item")


def item(page: Page, alert_id: str) -> Locator:
    return page.locator(f".review-item[data-id='{alert_id}']")


def title(page: Page) -> Locator:
    return page.locator("#review-alert-title")


def scroll_to(page: Page, alert_id: str) -> int:
    """Scroll down until the alert is in the page; the most alerts that were in the page meanwhile."""
    most = page.evaluate(
        """async id => {
            const scroller = document.querySelector(".review-scroll");
            let most = 0;
            while (document.querySelector(`.review-item[data-id="${id}"]`) === null) {
                scroller.scrollTop += scroller.clientHeight / 2;
                await new Promise(requestAnimationFrame);
                most = Math.max(most, document.querySelectorAll(".review-item").length);
            }
            return most;
        }""",
        alert_id,
    )
    return int(most)


def eventually(condition: Callable[[], object]) -> None:
    """Return once the condition holds: of the service, which tells no browser."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_newest_are_shown_and_counted(visit: Visit, reviewed: Reviewed) -> None:
    page = visit("#review")
    newest = reviewed.alerts(limit=1)[0]
    expect(items(page).first).to_have_attribute("data-id", newest["id"])
    expect(items(page).first).to_contain_text(newest["stream_name"])
    expect(items(page).first).to_contain_text(newest["message"])
    count = reviewed.http.get("/alerts/count").json()
    expect(page.locator(".review-count")).to_have_text(f"{count['alerts']:,} alerts, {count['unreviewed']} to review")
    expect(page.locator("#unreviewed")).to_contain_text(str(count["unreviewed"]))
    expect(page).to_have_title(f"({count['unreviewed']}) Watchword")
    picture = items(page).locator("img[src]").first
    expect(picture).to_have_js_property("complete", True)
    assert picture.evaluate("image => image.naturalWidth") > 0


@pytest.mark.parametrize("view", ["grid", "list"])
def test_older_ones_come_without_end_and_few_are_in_the_page(visit: Visit, reviewed: Reviewed, view: str) -> None:
    page = visit(f"#review?view={view}")
    expect(items(page).first).to_be_visible()
    oldest = reviewed.alerts()[-1]["id"]
    assert scroll_to(page, oldest) < MOST_IN_PAGE
    expect(item(page, oldest)).to_contain_text(re.compile(r"\d s|\d min"))
    total = reviewed.http.get("/alerts/count").json()["alerts"]
    expect(item(page, oldest)).to_have_attribute("aria-posinset", str(total))
    expect(item(page, oldest)).to_have_attribute("aria-setsize", str(total))


def test_any_alert_is_found_in_three_actions(visit: Visit, reviewed: Reviewed) -> None:
    page = visit("#review")
    wanted = next(alert for alert in reviewed.alerts()[600:] if alert["stream_id"] in reviewed.month.streams.values())
    day = wanted["opened_at"][:10]
    # A month back there are two calendars to choose from; to turn the page is not counted as finding.
    if page.locator(f"[data-day='{day}']").count() == 0:
        page.get_by_role("button", name="Earlier month").click()
    page.locator(f"[data-day='{day}']").click()
    page.locator("[data-choice=cameras]").get_by_label(wanted["stream_name"]).check()
    on_day = reviewed.alerts(
        stream=wanted["stream_id"], **{"from": f"{day}T00:00:00Z", "until": f"{day}T23:59:59.999999Z"}
    )
    expect(page.locator(".review-count")).to_have_text(re.compile(rf"^{len(on_day)} alerts?,"))
    item(page, wanted["id"]).locator("a").click()
    expect(title(page)).to_have_text(wanted["message"])
    assert f"#review/{wanted['id']}" in page.url


def test_link_to_one_alert_works_however_old_it_is(visit: Visit, reviewed: Reviewed) -> None:
    everything = reviewed.alerts()
    newer, wanted, older = everything[819:822]
    page = visit(f"#review/{wanted['id']}")
    for _ in range(2):
        expect(title(page)).to_have_text(wanted["message"])
        expect(page.locator(".alert-place")).to_have_text(f"821 of {len(everything):,}")
        page.reload()
    page.get_by_role("button", name="Next alert, older").click()
    expect(page.locator(".alert-place")).to_have_text(f"822 of {len(everything):,}")
    assert f"#review/{wanted['id']}" not in page.url
    page.wait_for_function("id => location.hash.startsWith(`#review/${id}`)", arg=older["id"])
    page.keyboard.press("k")
    page.keyboard.press("k")
    page.wait_for_function("id => location.hash.startsWith(`#review/${id}`)", arg=newer["id"])
    page.keyboard.press("Escape")
    expect(item(page, newer["id"]).locator("a")).to_be_focused()


def test_unknown_alert_is_said(visit: Visit) -> None:
    page = visit("#review/nosuch")
    expect(title(page)).to_have_text("This alert is not there any more.")
    page.get_by_role("link", name="All alerts").click()
    expect(items(page).first).to_be_visible()


def test_link_to_a_filtered_list_works(visit: Visit, reviewed: Reviewed) -> None:
    gate = reviewed.month.streams["Gate north"]
    page = visit(f"#review?camera={gate}&verdict=confirmed&kind=anomaly&text=BICYCLE&view=list")
    found = reviewed.alerts(stream=gate, verdict="confirmed", kind="anomaly", text="bicycle")
    assert found
    expect(page.locator(".review-count")).to_have_text(re.compile(rf"^{len(found)} alerts?, 0 to review"))
    expect(items(page).first).to_have_attribute("data-id", found[0]["id"])
    expect(items(page).first).to_have_attribute("aria-setsize", str(len(found)))
    expect(page.get_by_label("Search alerts")).to_have_value("BICYCLE")
    expect(page.locator("[data-choice=verdicts]").get_by_label("Confirmed")).to_be_checked()
    expect(page.get_by_role("button", name="List")).to_have_attribute("aria-pressed", "true")
    page.get_by_label("Search alerts").fill("nothing has this in it")
    expect(page.get_by_text("No alert fits these filters.")).to_be_visible()
    page.get_by_role("button", name="Show all alerts").click()
    expect(items(page).first).to_have_attribute("data-id", reviewed.alerts(limit=1)[0]["id"])
    page.go_back()
    expect(page.get_by_text("No alert fits these filters.")).to_be_visible()


def test_address_keeps_what_is_chosen_and_drops_what_is_wrong(visit: Visit) -> None:
    page = visit("#review")
    read = """hash => import("./review-state.js").then(({ readHash, writeHash }) => {
        const state = readHash(hash);
        return state === null ? null : writeHash(state);
    })"""
    everything = "#review/a1?day=2026-11-30&camera=x&camera=y&verdict=none&text=a+b%26&view=list"
    for address in ("#review", "#review/a1", everything):
        assert page.evaluate(read, address) == address
    assert page.evaluate(read, "#review/<b>?day=2026-02-30&verdict=maybe&camera=a/b&kind=toString") == "#review"
    assert page.evaluate(read, "#camera/x") is None


@pytest.mark.parametrize("context", [{**WIDE, "timezone_id": "Europe/Berlin"}], indirect=True)
def test_day_is_the_browsers_and_may_have_25_hours(visit: Visit) -> None:
    page = visit("#review")
    filter_ = page.evaluate(
        """async () => {
            const { filterOf, readHash } = await import("./review-state.js");
            return filterOf(readHash("#review?day=2026-10-25"));
        }"""
    )
    assert filter_ == {"from": "2026-10-24T22:00:00.000Z", "until": "2026-10-25T23:00:00.000Z"}


def test_calendar_has_the_counts_of_each_day(visit: Visit, reviewed: Reviewed) -> None:
    days = reviewed.http.get("/alerts/days", params={"timezone": "UTC"}).json()
    page = visit(f"#review?day={days[0]['day']}")  # on the first of a month the newest may be of the one before
    this_month = [day for day in days if day["day"].startswith(days[0]["day"][:7])]
    for day in this_month:
        cell = page.locator(f"[data-day='{day['day']}']")
        expect(cell.locator(".day-count")).to_have_text(str(day["alerts"]))
        left = f"{day['unreviewed']} to review" if day["unreviewed"] else "all reviewed"
        expect(cell).to_have_attribute("aria-label", re.compile(rf": {day['alerts']} alerts?, {left}$"))


def test_alert_is_reviewed_by_key(visit: Visit, reviewed: Reviewed) -> None:
    first, second = reviewed.alerts(verdict="none", kind="anomaly", limit=2)
    page = visit(f"#review/{first['id']}?verdict=none&kind=anomaly")
    expect(title(page)).to_have_text(first["message"])
    unreviewed = reviewed.unreviewed()
    for key, verdict in (("c", "confirmed"), ("f", "false_alarm"), ("u", "confirmed"), ("u", None)):
        page.keyboard.press(key)
        reviewed.wait_for_verdict(first["id"], verdict)
        for value in ("confirmed", "false_alarm"):
            button = page.locator(f"[data-verdict-of={value}]")
            expect(button).to_have_attribute("aria-pressed", str(value == verdict).lower())
        expect(page.locator("#unreviewed")).to_contain_text(str(unreviewed - (verdict is not None)))
    page.keyboard.press("j")
    expect(title(page)).to_have_text(second["message"])
    page.keyboard.press("f")
    expect(page.locator(".alert-taught")).to_contain_text("learned")
    # What was reviewed stays in the list that it was found in, until that is asked for anew.
    expect(item(page, second["id"])).to_have_attribute("data-verdict", "false_alarm")
    page.keyboard.press("u")
    reviewed.wait_for_verdict(second["id"], None)


def test_note_is_written_and_found(visit: Visit, reviewed: Reviewed) -> None:
    wanted = reviewed.alerts(kind="anomaly")[30]
    page = visit(f"#review/{wanted['id']}")
    expect(title(page)).to_have_text(wanted["message"])
    page.keyboard.press("n")
    expect(page.get_by_role("textbox", name="Note")).to_be_focused()
    page.keyboard.type("A fox, j and k again <i>")
    page.keyboard.press("Escape")
    expect(page.locator(".note-state")).to_have_text("Note saved.")
    assert reviewed.alert(wanted["id"])["note"] == "A fox, j and k again <i>"
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    page.keyboard.type("again <i> FOX")
    expect(items(page)).to_have_count(1)
    expect(items(page)).to_have_attribute("data-id", wanted["id"])


def test_note_that_was_refused_is_not_lost(visit: Visit, reviewed: Reviewed, context: BrowserContext) -> None:
    wanted, other = reviewed.alerts(kind="anomaly")[40:42]
    page = visit(f"#review/{wanted['id']}?kind=anomaly")
    expect(title(page)).to_have_text(wanted["message"])
    context.set_offline(True)
    page.get_by_role("textbox", name="Note").fill("Came when nobody listened")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".note-state")).to_contain_text("The note was not saved.")
    page.keyboard.press("j")
    expect(title(page)).to_have_text(other["message"])
    expect(page.get_by_role("textbox", name="Note")).to_have_value(other["note"] or "")
    page.keyboard.press("k")
    expect(page.get_by_role("textbox", name="Note")).to_have_value("Came when nobody listened")
    context.set_offline(False)
    page.get_by_role("textbox", name="Note").fill("Came when nobody listened.")
    page.keyboard.press("Control+Enter")
    eventually(lambda: reviewed.alert(wanted["id"])["note"] == "Came when nobody listened.")


def test_link_is_copied(visit: Visit, reviewed: Reviewed, context: BrowserContext) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    wanted = reviewed.alerts()[5]
    page = visit(f"#review/{wanted['id']}?view=list")
    expect(title(page)).to_have_text(wanted["message"])
    page.keyboard.press("l")
    expect(page.locator(".note-state")).to_have_text("Link copied.")
    assert page.evaluate("() => navigator.clipboard.readText()") == f"{reviewed.url}/#review/{wanted['id']}"


def test_several_are_reviewed_at_once_and_brought_back(visit: Visit, reviewed: Reviewed) -> None:
    # Some are reviewed already, in both ways: Undo brings back what each was.
    before = reviewed.alerts(text="a")[100:160]
    assert {alert["verdict"] for alert in before} == {None, "confirmed", "false_alarm"}
    page = visit("#review?text=a&view=list")
    expect(items(page).first).to_be_visible()
    scroll_to(page, before[0]["id"])
    item(page, before[0]["id"]).locator(".pick").check()
    scroll_to(page, before[-1]["id"])
    item(page, before[-1]["id"]).locator(".pick").click(modifiers=["Shift"])
    expect(page.locator(".picked-count")).to_have_text("60 selected")
    with page.expect_request(lambda request: request.method == "POST") as posted:
        page.locator(".review-picked").get_by_role("button", name="False alarm").click()
    assert posted.value.url.endswith("/alerts/reviews")
    dismissed = sum(alert["verdict"] != "false_alarm" for alert in before)
    expect(page.locator(".review-undo p")).to_have_text(f"{dismissed} alerts marked as false alarms.")
    verdicts = {alert["id"]: alert["verdict"] for alert in reviewed.alerts()}
    assert {verdicts[alert["id"]] for alert in before} == {"false_alarm"}
    page.locator(".review-undo").get_by_role("button", name="Undo").click()
    expect(page.locator(".review-undo p")).to_have_text(f"Undone: {dismissed} alerts.")
    verdicts = {alert["id"]: alert["verdict"] for alert in reviewed.alerts()}
    assert [verdicts[alert["id"]] for alert in before] == [alert["verdict"] for alert in before]


def test_everything_by_keyboard_alone(visit: Visit, reviewed: Reviewed) -> None:
    wanted = reviewed.alerts(verdict="confirmed")
    page = visit("#review?verdict=confirmed")
    expect(items(page).first).to_be_visible()
    page.keyboard.press("Tab")
    stops = []
    while not page.evaluate("() => document.activeElement.closest('.review-item') !== null"):
        stops.append(page.evaluate("() => document.activeElement.outerHTML.slice(0, 60)"))
        assert len(stops) < 60, stops
        outline = page.evaluate("() => getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none", stops[-1]
        page.keyboard.press("Tab")
    expect(item(page, wanted[0]["id"]).locator("a")).to_be_focused()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(item(page, wanted[2]["id"]).locator("a")).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    expect(item(page, wanted[2]["id"]).locator("a")).to_be_focused()
    page.keyboard.press("x")
    page.keyboard.press("Shift+ArrowRight")
    expect(page.locator(".picked-count")).to_have_text("2 selected")
    page.keyboard.press("Escape")
    expect(page.locator(".review-picked")).to_be_hidden()
    page.keyboard.press("Enter")
    expect(title(page)).to_be_focused()
    expect(title(page)).to_have_text(wanted[3]["message"])
    page.keyboard.press("ArrowRight")
    page.wait_for_function("id => location.hash.startsWith(`#review/${id}`)", arg=wanted[4]["id"])
    page.keyboard.press("Escape")
    expect(item(page, wanted[4]["id"]).locator("a")).to_be_focused()
    page.keyboard.press("End")
    expect(item(page, wanted[59]["id"]).locator("a")).to_be_focused()
    page.keyboard.press("Home")
    expect(item(page, wanted[0]["id"]).locator("a")).to_be_focused()
    page.keyboard.press("?")
    expect(page.locator("#keys-dialog")).to_be_visible()
    assert page.evaluate("() => document.activeElement.closest('#keys-dialog') !== null")
    page.keyboard.press("Escape")
    expect(page.locator("#keys-dialog")).to_be_hidden()
    expect(item(page, wanted[0]["id"]).locator("a")).to_be_focused()


def test_calendar_is_walked_by_keyboard(visit: Visit, reviewed: Reviewed) -> None:
    page = visit("#review")
    today = datetime.now(UTC).date()
    expect(page.locator(f"[data-day='{today}']")).to_be_visible()
    page.locator(f"[data-day='{today}']").focus()
    page.keyboard.press("ArrowUp")
    week_ago = str(today - timedelta(days=7))
    expect(page.locator(f"[data-day='{week_ago}']")).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_function("day => location.hash === `#review?day=${day}`", arg=week_ago)
    expect(page.locator(f"[data-day='{week_ago}']")).to_be_focused()
    expect(page.locator(f"[data-day='{week_ago}']")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("PageUp")
    expect(page.locator(f"[data-day='{week_ago}']")).to_have_count(0)
    assert page.evaluate("() => document.activeElement.dataset.day") < week_ago


def test_new_ones_come_without_moving_what_one_looks_at(visit: Visit, reviewed: Reviewed) -> None:
    page = visit("#review")
    expect(items(page).first).to_be_visible()
    seen = reviewed.alerts()[40]["id"]
    scroll_to(page, seen)
    item(page, seen).scroll_into_view_if_needed()
    place = item(page, seen).bounding_box()
    alert = reviewed.open_alert(AlertState.CLOSED)
    news = page.locator(".review-news")
    expect(news).to_have_text("1 new alert")
    assert item(page, seen).bounding_box() == place
    expect(item(page, alert.id)).to_have_count(0)
    news.click()
    expect(items(page).first).to_have_attribute("data-id", alert.id)
    expect(item(page, alert.id).locator("a")).to_be_focused()


def test_new_ones_come_by_themselves_where_nobody_is_at_the_list(visit: Visit, reviewed: Reviewed) -> None:
    page = visit("#review")
    expect(items(page).first).to_be_visible()
    alert = reviewed.open_alert(AlertState.CLOSED)
    expect(items(page).first).to_have_attribute("data-id", alert.id)


@pytest.mark.parametrize("context", [WIDE, PHONE], ids=["wide", "phone"], indirect=True)
def test_count_of_unreviewed_stays_when_alerts_close(visit: Visit, reviewed: Reviewed) -> None:
    page = visit("#")
    before = reviewed.unreviewed()
    expect(page.locator("#unreviewed")).to_contain_text(str(before))
    alert = reviewed.open_alert()
    expect(page.locator("#unreviewed")).to_contain_text(str(before + 1))
    shown = page.locator(f".alert[data-id='{alert.id}'] .alert-state")
    expect(shown).to_have_text("Open now")
    reviewed.close_alert(alert)
    expect(shown).not_to_have_text("Open now")
    expect(page.locator("#unreviewed")).to_be_visible()
    expect(page.locator("#unreviewed")).to_contain_text(str(before + 1))
    expect(page).to_have_title(f"({before + 1}) Watchword")


def test_sound_and_notifications_are_a_choice_and_tell_each_new_alert_once(
    visit: Visit, reviewed: Reviewed, context: BrowserContext
) -> None:
    context.add_init_script(RECORD)
    page = visit("#review")
    expect(items(page).first).to_be_visible()
    sound, notify = page.get_by_role("button", name="Sound"), page.get_by_role("button", name="Notify")
    alert = reviewed.open_alert(AlertState.CLOSED)
    expect(items(page).first).to_have_attribute("data-id", alert.id)
    expect(sound).to_have_attribute("aria-pressed", "false")
    assert page.evaluate("() => [notices.length, notes.length]") == [0, 0]

    sound.click()
    notify.click()
    page.wait_for_function("() => notes.length > 0")
    page.reload()
    expect(items(page).first).to_be_visible()
    expect(sound).to_have_attribute("aria-pressed", "true")
    expect(notify).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#unreviewed")).to_be_visible()
    assert page.evaluate("() => [notices.length, notes.length]") == [0, 0]

    second = context.new_page()
    second.goto(f"{reviewed.url}/#review")
    expect(second.locator("#unreviewed")).to_be_visible()
    # A browser lets no page make a sound before someone has touched it.
    expect(second.locator(".why-silent")).to_contain_text("Click anywhere once")
    for each in (page, second):
        each.get_by_role("heading", name="Review", exact=True).click()
        expect(each.locator(".why-silent")).to_be_hidden()
    alert = reviewed.open_alert()
    expect(items(page).first).to_have_attribute("data-id", alert.id)
    expect(items(second).first).to_have_attribute("data-id", alert.id)
    reviewed.close_alert(alert)
    expect(item(page, alert.id)).to_have_attribute("data-state", "closed")
    told = [each.evaluate("() => [notices, notes.length]") for each in (page, second)]
    assert [notice for notices, _ in told for notice in notices] == [[alert.stream_name, alert.id]]
    assert sum(notes for _, notes in told) == 2  # the two notes of one tone
    second.close()

    context.set_offline(True)
    expect(page.locator("#connection")).to_contain_text("No connection")
    missed = reviewed.open_alert(AlertState.CLOSED)
    context.set_offline(False)
    expect(page.locator("#connection")).to_have_text("Connected")
    expect(page.locator("#unreviewed")).to_contain_text(str(reviewed.unreviewed()))
    page.keyboard.press("Home")
    expect(page.locator(f".review-item[data-id='{missed.id}'], .review-news:not([hidden])").first).to_be_visible()
    later = reviewed.open_alert(AlertState.CLOSED)
    page.wait_for_function("id => notices.some(([, tag]) => tag === id)", arg=later.id)
    assert missed.id not in page.evaluate("() => notices.map(([, tag]) => tag)")


def test_alert_of_a_deleted_camera_offers_no_teaching(visit: Visit, reviewed: Reviewed) -> None:
    gone = reviewed.alerts(stream=reviewed.month.deleted, kind="anomaly", verdict="none")[0]
    there = reviewed.alerts(stream=reviewed.month.streams["Lobby"], kind="anomaly", verdict="none")[0]
    page = visit(f"#review/{there['id']}")
    expect(page.locator(".teaches")).to_be_visible()
    expect(page.get_by_role("link", name="Go to the camera")).to_have_attribute("href", f"#camera/{there['stream_id']}")
    page = visit(f"#review/{gone['id']}")
    expect(title(page)).to_have_text(gone["message"])
    expect(page.get_by_text("This camera has been deleted.")).to_be_visible()
    expect(page.locator(".teaches")).to_be_hidden()
    expect(page.get_by_role("link", name="Go to the camera")).to_be_hidden()
    page.keyboard.press("f")
    expect(page.locator(".alert-taught")).to_contain_text("Nothing was learned")
    page.keyboard.press("u")
    reviewed.wait_for_verdict(gone["id"], None)


@pytest.mark.parametrize("context", [LIGHT, DARK], ids=["light", "dark"], indirect=True)
def test_dismissed_alerts_are_read_with_ease(visit: Visit, reviewed: Reviewed) -> None:
    for view in ("grid", "list"):
        page = visit(f"#review?verdict=false_alarm&view={view}")
        expect(items(page).first).to_be_visible()
        assert hard_to_read(page) == []
    dismissed = reviewed.alerts(verdict="false_alarm", limit=1)[0]
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(title(page)).to_have_text(dismissed["message"])
    assert hard_to_read(page) == []


@pytest.mark.parametrize("context", [PHONE], indirect=True)
def test_phone_has_all_of_it_and_scrolls_one_way_only(visit: Visit, reviewed: Reviewed) -> None:
    page = visit("#")
    page.get_by_role("link", name=re.compile("^Review")).first.click()
    expect(items(page).first).to_be_visible()
    assert overflow(page) <= 0
    page.get_by_role("button", name="Filters").click()
    page.locator("[data-choice=verdicts]").get_by_label("False alarm").check()
    page.get_by_role("button", name="Done").click()
    expect(page.get_by_role("button", name="Filters")).to_contain_text("1")
    dismissed = reviewed.alerts(verdict="false_alarm", limit=1)[0]
    item(page, dismissed["id"]).locator("a").click()
    expect(title(page)).to_have_text(dismissed["message"])
    assert overflow(page) <= 0
    expect(items(page).first).to_be_hidden()
    page.go_back()
    expect(items(page).first).to_be_visible()
    page.locator(".pick").first.check()
    expect(page.locator(".picked-count")).to_have_text("1 selected")
    assert overflow(page) <= 0


def test_a_list_that_fails_says_so_and_is_tried_again(visit: Visit, context: BrowserContext) -> None:
    page = visit("#review")
    expect(items(page).first).to_be_visible()
    page.route(re.compile(r"/alerts\?"), lambda route: route.abort("internetdisconnected"))
    page.locator("[data-choice=verdicts]").get_by_label("Confirmed").check()
    expect(page.locator(".review-problem")).to_contain_text("The service cannot be reached.")
    page.unroute(re.compile(r"/alerts\?"))
    page.get_by_role("button", name="Try again").click()
    expect(items(page).first).to_be_visible()
    expect(page.locator(".review-problem")).to_be_hidden()
