"""How well what is written on the page can be read: the contrast of every text that is shown, as it is painted.

As in WCAG 2.2, section 1.4.3: https://www.w3.org/TR/WCAG22/#contrast-minimum. Not waived, as it is there, for large
text and for controls that are disabled.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.sync_api import Page

LEAST = 4.5
"""What text that is read has to have."""

_MEASURE = Path(__file__).with_suffix(".js").read_text()


def hard_to_read(page: Page, least: float = LEAST) -> list[dict[str, Any]]:
    """What is shown now with less contrast than ``least``: its text, its contrast, its element.

    While a dialog is open, of the dialog alone.

    Raises:
        AssertionError: If there is nothing to read, which no test means.
    """
    measured = page.evaluate(_MEASURE, least)
    assert measured["checked"] > 0, "expected a page with something to read on it"
    found: list[dict[str, Any]] = measured["found"]
    return found
