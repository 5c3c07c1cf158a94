"""Modules of the page that compute: run in the browser, with plain values."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page

from service.application import Application
from service.server import Server
from service.settings import Settings
from support.browser import NEEDS_BROWSER, chromium

pytestmark = NEEDS_BROWSER


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    folder = tmp_path_factory.mktemp("modules")
    with Server(Application(Settings(port=0, data_dir=folder, media_dir=folder))) as server, chromium() as browser:
        page = browser.new_page()
        page.goto(f"{server.url}/healthz")
        yield page


def call(page: Page, module: str, function: str, *values: Any) -> Any:
    """What a function of a module answers."""
    script = "async ([module, name, values]) => (await import(`/${module}`))[name](...values)"
    return page.evaluate(script, [module, function, list(values)])


SQUARE = [[0, 0], [1, 0], [1, 1], [0, 1]]


@pytest.mark.parametrize(
    ("polygon", "crosses"),
    [
        (SQUARE, False),
        (SQUARE[::-1], False),
        ([[0, 0], [1, 0], [0.5, 1]], False),
        ([[0, 0], [1, 0], [1, 1], [0.5, 0.2], [0, 1]], False),
        ([[0, 0], [1, 1], [1, 0], [0, 1]], True),
        ([[0, 0], [1, 0], [1, 1], [0.5, -0.2], [0, 1]], True),
        # A corner upon another side, a side upon another, and one that goes back where it came from.
        ([[0, 0], [1, 0], [1, 1], [0.5, 0], [0, 1]], True),
        ([[0, 0], [1, 0], [1, 0.5], [0.5, 0], [0.2, 0], [0, 1]], True),
        ([[0, 0], [1, 0], [0.5, 0], [0.5, 1]], True),
        # A corner in the middle of a straight side crosses nothing.
        ([[0, 0], [0.5, 0], [1, 0], [1, 1], [0, 1]], False),
    ],
)
def test_an_outline_that_crosses_itself_is_told(page: Page, polygon: list[list[float]], crosses: bool) -> None:
    for start in range(len(polygon)):
        turned = polygon[start:] + polygon[:start]
        assert call(page, "polygon.js", "crossesItself", turned) is crosses


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("the service is starting", "The service is starting."),
        ("rtsp://camera/1: refused", "rtsp://camera/1: refused."),
        ("file:notes.mp4: no video", "file:notes.mp4: no video."),
        ("alerts_per_day: too large", "alerts_per_day: too large."),
        ("Is it on?", "Is it on?"),
    ],
)
def test_a_sentence_begins_large_unless_it_begins_with_an_address(page: Page, text: str, shown: str) -> None:
    assert call(page, "format.js", "sentence", text) == shown


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("rtsp://camera/a", "rtsp://Camera:554/b?c=d", True),
        ("rtsp://me:pw@camera/a", "rtsp://camera/b", True),
        ("http://[::1]:80/a", "http://[::1]/b", True),
        ("rtsp://camera/a", "rtsp://camera:8554/a", False),
        ("rtsp://camera/a", "rtsps://camera/a", False),
        ("rtsp://camera/a", "rtsp://camera2/a", False),
        ("file:a.mp4", "file:a.mp4", False),
    ],
)
def test_the_same_camera_is_told_from_another(page: Page, one: str, other: str, same: bool) -> None:
    assert call(page, "address.js", "sameCamera", one, other) is same


@pytest.mark.parametrize(
    ("address", "user", "password", "whole"),
    [
        ("rtsp://camera/a", "me", "p@/:", "rtsp://me:p%40%2F%3A@camera/a"),
        ("rtsp://camera/a", "", "", "rtsp://camera/a"),
        ("rtsp://you:pw@camera/a", "me", "x", "rtsp://you:pw@camera/a"),
        ("file:a.mp4", "me", "x", "file:a.mp4"),
    ],
)
def test_a_login_goes_into_its_address(page: Page, address: str, user: str, password: str, whole: str) -> None:
    assert call(page, "address.js", "withLogin", address, user, password) == whole


@pytest.mark.parametrize(
    ("seconds", "shown"), [(1, "1 s"), (59, "59 s"), (60, "1:00 min"), (65, "1:05 min"), (120, "2:00 min")]
)
def test_a_wait_is_counted_down(page: Page, seconds: int, shown: str) -> None:
    assert call(page, "format.js", "countdown", seconds) == shown


@pytest.mark.parametrize(
    ("per_day", "shown"),
    [
        (4934.2, "4,900 a day"),
        (12.4, "12 a day"),
        (1.53, "1.5 a day"),
        (1.0, "1 a day"),
        (0.5, "3.5 a week"),
        (0.05, "1.5 a month"),
        (0.01, "3.7 a year"),
        (0.001, "less than one a year"),
        (0.0, "less than one a year"),
    ],
)
def test_a_rate_is_told_in_the_unit_that_gives_a_number_to_picture(page: Page, per_day: float, shown: str) -> None:
    assert call(page, "format.js", "often", per_day) == shown


PROMISE = {"threshold": 0.6, "threshold_at_enrolment": 0.6, "low": 0, "incidents": 0, "kind": "guess"}


@pytest.mark.parametrize(
    ("promise", "shown"),
    [
        (
            {"expected": 1, "high": 442.7, "hours": 0.2},
            "Expect about 1 false alert a day, but that is a guess. In 12 min of normal footage no false alert was "
            "seen. So little cannot rule out up to 440 a day.",
        ),
        (
            {"expected": 5, "high": None, "hours": 0},
            "Expect about 5 false alerts a day, but that is a guess. It was tried on no normal footage yet.",
        ),
        (
            {"expected": 2, "low": 0.24, "high": 7.2, "hours": 24, "incidents": 2, "kind": "measured"},
            "Expect about 2 false alerts a day, between 1.7 a week and 7.2 a day, as measured over 24 h of normal "
            "footage.",
        ),
        (
            {"expected": 0, "high": 2.95, "hours": 30, "kind": "measured"},
            "Expect at most 3 false alerts a day. In 30 h of normal footage no false alert was seen.",
        ),
        (
            {"expected": None, "high": 88, "hours": 1},
            "How many false alerts to expect is not known. In 60 min of normal footage no false alert was seen.",
        ),
    ],
)
def test_what_is_promised_is_said_for_people(page: Page, promise: dict[str, Any], shown: str) -> None:
    assert call(page, "promise.js", "promiseText", PROMISE | promise) == shown


def test_what_was_seen_is_said_and_how_the_threshold_has_moved(page: Page) -> None:
    promise = PROMISE | {"threshold_at_enrolment": 0.68, "high": 4.0, "kind": "measured"}
    profile = {"frames": 7200, "seconds": 720, "objects": 41, "recordings": 0}
    assert call(page, "promise.js", "seenFacts", promise, profile) == [
        ["Seen", "12 min, 7,200 frames, 41 moving things"],
        ["Alerts from", "a score of 0.60, 0.68 when it had just learned"],
        ["False alerts", "none to 4 a day, measured (95 % sure)"],
    ]
