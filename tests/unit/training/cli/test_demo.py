"""What the demo says of alerts: each message once."""

from __future__ import annotations

from collections.abc import Mapping

from rich.text import Text

from training.cli.demo import news

OPEN = {
    "id": "a",
    "state": "open",
    "opened_at": "2026-11-30T12:00:04.120000Z",
    "closed_at": None,
    "message": "Moving unusually fast, on the left of the picture. Never seen while learning.",
    "peak_score": 0.9,
}
CLOSED = {**OPEN, "state": "closed", "closed_at": "2026-11-30T12:00:09.300000Z"}


def said(*alerts: Mapping[str, object]) -> list[str]:
    """What is printed while an alert is seen like this, one look after the other."""
    told: dict[str, str] = {}
    return [Text.from_markup(line).plain for alert in alerts for line in news(alert, told)]


MESSAGE = f"12:00:04  {OPEN['message']}"
OVER = "12:00:09  over after 5 s, highest score 0.90"


def test_the_message_is_said_once() -> None:
    changed = {**OPEN, "message": "Moving twice as fast."}
    assert said(OPEN, OPEN, changed, CLOSED, CLOSED) == [MESSAGE, OVER]


def test_an_alert_that_was_over_before_anybody_looked_is_said_whole() -> None:
    assert said(CLOSED, CLOSED) == [MESSAGE, OVER]


def test_what_a_rule_says_is_no_markup() -> None:
    assert said({**OPEN, "message": 'A car matches your rule "[bold]cars".'}) == [
        '12:00:04  A car matches your rule "[bold]cars".'
    ]
