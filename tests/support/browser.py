"""The page in a real Chromium."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
NEEDS_CHROMIUM = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: apt-get install chromium")

_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@contextmanager
def chromium(*arguments: str) -> Iterator[Browser]:
    """A browser, closed by the context.

    Args:
        arguments: More for its command line.
    """
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*_ARGS, *arguments])
        try:
            yield browser
        finally:
            browser.close()


class Opened:
    """A page, and what it complained of."""

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.page: Page = context.new_page()
        self.expected: str | None = None
        self.complaints: list[str] = []
        self.page.on("console", lambda message: self._note(message.type, message.text))
        self.page.on("pageerror", lambda error: self._note("error", str(error)))
        self.page.goto(url)

    def _note(self, kind: str, text: str) -> None:
        if kind in {"error", "warning"}:
            self.complaints.append(text)

    @property
    def unexpected(self) -> list[str]:
        """What nobody expected it to complain of."""
        return [text for text in self.complaints if self.expected is None or not re.search(self.expected, text)]


def overflow(page: Page) -> int:
    """By how many pixels the page is wider than the window."""
    return int(page.evaluate("() => document.documentElement.scrollWidth - window.innerWidth"))


def worst_contrast(part: Locator) -> tuple[float, str]:
    """The lowest contrast of any text in a part of the page with what is behind it, 1..21, and the text."""
    ratio, text = part.evaluate(_CONTRAST)
    return float(ratio), str(text)


_CONTRAST = """root => {
    const parse = colour => {
        const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
        canvas.fillStyle = colour;
        canvas.fillRect(0, 0, 1, 1);
        return [...canvas.getImageData(0, 0, 1, 1).data];
    };
    const luminance = ([r, g, b]) => [r, g, b].map(v => v / 255)
        .map(v => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
        .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
    const behind = element => {
        const layers = [];
        for (let one = element; one !== null; one = one.parentElement) {
            layers.push(parse(getComputedStyle(one).backgroundColor));
        }
        let [r, g, b] = [255, 255, 255];
        for (const [red, green, blue, alpha] of layers.reverse()) {
            const share = alpha / 255;
            [r, g, b] = [[red, r], [green, g], [blue, b]].map(([over, under]) => over * share + under * (1 - share));
        }
        return [r, g, b];
    };
    const opacity = element =>
        (element === null ? 1 : Number(getComputedStyle(element).opacity) * opacity(element.parentElement));
    const found = [];
    for (const element of root.querySelectorAll("*")) {
        const own = [...element.childNodes].some(node => node.nodeType === 3 && node.textContent.trim() !== "");
        if (!own || element.closest("svg") !== null || element.getClientRects().length === 0) continue;
        const ground = behind(element);
        const share = opacity(element);
        const pure = parse(getComputedStyle(element).color).slice(0, 3);
        const ink = pure.map((v, i) => v * share + ground[i] * (1 - share));
        const [a, b] = [luminance(ink), luminance(ground)].sort((x, y) => y - x);
        found.push([(a + 0.05) / (b + 0.05), `${element.className}: ${element.textContent.slice(0, 40)}`]);
    }
    return found.sort((x, y) => x[0] - y[0])[0];
}"""
"""Colours are resolved by drawing them. Backgrounds are laid over each other; pictures behind text are not seen."""
