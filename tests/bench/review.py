"""How fast the review of alerts opens and scrolls with a month of alerts, in Chromium.

    python -m tests.bench review [--alerts 1000] [--rounds 10]

The service runs in this process on a data folder that is filled first, with pictures. Each round is a new browser
profile: nothing is in its cache. "Opened" is when the pictures of all alerts in view are there, from the navigation on;
"listed" when the alerts are. "From the cameras" is a click on a page that is open.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page

from service.application import Application
from service.server import Server
from service.settings import Settings
from support.browser import chromium
from support.month import Month, fill_month

SIZE = (1440, 900)

WATCH = """
    const listed = () => document.querySelectorAll(".review-item").length > 0;
    const opened = () => {
        const pictures = [...document.querySelectorAll(".review-item img[src]")].filter(image => {
            const { top, bottom } = image.getBoundingClientRect();
            return top < innerHeight && bottom > 0;
        });
        return pictures.length > 0 && pictures.every(image => image.complete && image.naturalWidth > 0);
    };
    const placed = () => Boolean(document.querySelector(".alert-place")?.textContent);
    window.since = 0;
    window.seen = {};
    const look = () => {
        for (const [name, there] of Object.entries({ listed, opened, placed })) {
            if (seen[name] === undefined && document.body !== null && there()) seen[name] = performance.now() - since;
        }
        requestAnimationFrame(look);
    };
    look();
"""
"""Notes in the page, by its own clock that begins with the navigation, at which frame what was there: a browser that is
driven answers later than it draws."""
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
    with visit(browser, f"{url}/#review") as page:
        return when(page, "listed"), when(page, "opened")


def from_cameras(browser: Browser, url: str) -> float:
    """Milliseconds from a click until the pictures are there."""
    with visit(browser, url) as page:
        page.locator("#unreviewed").wait_for()
        page.evaluate("() => { since = performance.now(); document.querySelector('.views [data-of=review]').click(); }")
        return when(page, "opened")


@contextmanager
def visit(browser: Browser, url: str) -> Iterator[Page]:
    """A page in a profile of its own that notes what was there when."""
    with browser.new_context(viewport={"width": SIZE[0], "height": SIZE[1]}) as context:
        context.add_init_script(WATCH)
        page = context.new_page()
        page.goto(url)
        yield page


def when(page: Page, what: str) -> float:
    """Milliseconds until it was there."""
    page.wait_for_function("name => seen[name] !== undefined", arg=what)
    return float(page.evaluate("name => seen[name]", what))


def scrolling(browser: Browser, url: str, month: Month) -> tuple[list[float], int]:
    """Milliseconds of each step from the newest to the oldest, and the most alerts that were in the page."""
    with visit(browser, f"{url}/#review") as page:
        when(page, "listed")
        frames, most = page.evaluate(SCROLL, month.ids[-1])
        return frames, most


def finding(browser: Browser, url: str, month: Month) -> float:
    """Milliseconds from a link to the oldest alert but one until its neighbours are known."""
    with visit(browser, f"{url}/#review/{month.ids[-2]}") as page:
        return when(page, "placed")


def row(name: str, values: list[float]) -> None:
    """Print the best, the median and the worst."""
    print(f"{name:32} {min(values):8.0f} {statistics.median(values):8.0f} {max(values):8.0f}")


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
    print(f"{'':32} {'best':>8} {'median':>8} {'worst':>8}")
    row("listed", [listed for listed, _ in opened])
    row("opened, pictures and all", [pictures for _, pictures in opened])
    row("from the cameras", clicked)
    row("link to the oldest but one", linked)
    row(f"a third of a screen, {len(frames)} times", frames)
    print(f"alerts in the page at once, at most: {most}")


if __name__ == "__main__":
    main()
