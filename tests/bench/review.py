"""How fast the review of alerts opens and scrolls with a month of alerts, in Chromium.

    python -m tests.bench review [--alerts 1000] [--rounds 10]

The service runs in this process on a data folder that is filled first, with pictures. Each round is a new browser
profile: nothing is in its cache. "Opened" is when the pictures of all alerts in view are there, from the moment at
which the address is entered; "listed" when the alerts are. "From the cameras" is a click on a page that is open.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Browser, Page

from service.application import Application
from service.server import Server
from service.settings import Settings
from support.browser import chromium
from support.month import Month, fill_month

SIZE = (1440, 900)

LISTED = "() => document.querySelectorAll('.review-item').length > 0"
OPENED = """() => {
    const pictures = [...document.querySelectorAll(".review-item img[src]")].filter(image => {
        const { top, bottom } = image.getBoundingClientRect();
        return top < innerHeight && bottom > 0;
    });
    return pictures.length > 0 && pictures.every(image => image.complete && image.naturalWidth > 0);
}"""
SCROLL = """async oldest => {
    const scroller = document.querySelector(".review-scroll");
    const frames = [];
    let most = 0;
    while (document.querySelector(`.review-item[data-id="${oldest}"]`) === null) {
        const began = performance.now();
        scroller.scrollTop += scroller.clientHeight / 3;
        await new Promise(requestAnimationFrame);
        frames.push(performance.now() - began);
        most = Math.max(most, document.querySelectorAll(".review-item").length);
    }
    return [frames, most];
}"""


def opening(browser: Browser, url: str) -> tuple[float, float]:
    """Milliseconds until the alerts are listed, and until their pictures are there."""
    with browser.new_context(viewport={"width": SIZE[0], "height": SIZE[1]}) as context:
        page = context.new_page()
        began = time.perf_counter()
        page.goto(f"{url}/#review", wait_until="commit")
        return until(page, LISTED, began), until(page, OPENED, began)


def from_cameras(browser: Browser, url: str) -> float:
    """Milliseconds from a click until the pictures are there."""
    with browser.new_context(viewport={"width": SIZE[0], "height": SIZE[1]}) as context:
        page = context.new_page()
        page.goto(url)
        page.locator("#unreviewed").wait_for()
        began = time.perf_counter()
        page.evaluate("() => { location.hash = '#review'; }")
        return until(page, OPENED, began)


def until(page: Page, condition: str, began: float) -> float:
    """Milliseconds since `began` when the condition holds."""
    page.wait_for_function(condition)
    return 1000 * (time.perf_counter() - began)


def scrolling(browser: Browser, url: str, month: Month) -> tuple[list[float], int]:
    """Milliseconds of each step from the newest to the oldest, and the most alerts that were in the page."""
    with browser.new_context(viewport={"width": SIZE[0], "height": SIZE[1]}) as context:
        page = context.new_page()
        page.goto(f"{url}/#review")
        page.wait_for_function(LISTED)
        frames, most = page.evaluate(SCROLL, month.ids[-1])
        return frames, most


def finding(browser: Browser, url: str, month: Month) -> float:
    """Milliseconds from a link to the oldest alert until its picture and its neighbours are there."""
    with browser.new_context(viewport={"width": SIZE[0], "height": SIZE[1]}) as context:
        page = context.new_page()
        began = time.perf_counter()
        page.goto(f"{url}/#review/{month.ids[-2]}", wait_until="commit")
        return until(page, "() => document.querySelector('.alert-place')?.textContent !== ''", began)


def row(name: str, values: list[float]) -> None:
    """Print the median and the worst."""
    print(f"{name:32} {statistics.median(values):8.0f} {max(values):8.0f}")


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--alerts", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=10)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(host="127.0.0.1", port=0, data_dir=Path(folder), media_dir=Path(folder))
        month = fill_month(settings, arguments.alerts)
        with Server(Application(settings)) as server, chromium() as browser:
            opened = [opening(browser, server.url) for _ in range(arguments.rounds)]
            clicked = [from_cameras(browser, server.url) for _ in range(arguments.rounds)]
            linked = [finding(browser, server.url, month) for _ in range(arguments.rounds)]
            frames, most = scrolling(browser, server.url, month)
    print(f"{arguments.alerts} alerts over 30 days, {SIZE[0]} x {SIZE[1]}, {arguments.rounds} rounds, in ms")
    print(f"{'':32} {'median':>8} {'worst':>8}")
    row("listed", [listed for listed, _ in opened])
    row("opened, pictures and all", [pictures for _, pictures in opened])
    row("from the cameras", clicked)
    row("link to the oldest but one", linked)
    row(f"a third of a screen, {len(frames)} times", frames)
    print(f"alerts in the page at once, at most: {most}")


if __name__ == "__main__":
    main()
