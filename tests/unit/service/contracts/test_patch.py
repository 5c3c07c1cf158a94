"""Patched settings are what new ones could have been."""

from __future__ import annotations

import pytest

from service.contracts.guidance import GuidanceSpec, Schedule
from service.contracts.patch import patched
from service.contracts.stream import StreamSpec, Zone
from service.errors import INVALID_INPUT, INVALID_PATCH, InvalidInput

STREAM = StreamSpec(
    name="yard",
    url="rtsp://camera/1",
    alerts_per_day=2,
    zones=[Zone(name="gate", polygon=[(0, 0), (1, 0), (1, 1)], mode="watch")],
)
RULE = GuidanceSpec(
    text="a person runs", verdict="normal", schedule=Schedule(days=["sat"], start="22:00", end="06:00", overnight=True)
)


def test_what_is_not_named_stays() -> None:
    assert patched(STREAM, {"name": "gate"}, INVALID_PATCH) == STREAM.model_copy(update={"name": "gate"})
    assert patched(RULE, {"strength": 0.5}, INVALID_INPUT) == RULE.model_copy(update={"strength": 0.5})


def test_what_new_settings_could_not_be_is_refused_and_changes_nothing() -> None:
    before = STREAM.model_copy(deep=True)
    with pytest.raises(InvalidInput, match="not both") as caught:
        patched(STREAM, {"threshold": 0.5}, INVALID_PATCH)
    assert caught.value.code == "invalid_patch"
    with pytest.raises(InvalidInput, match=r"^`fps` .* `zones` ") as caught:
        patched(STREAM, {"fps": None, "zones": None}, INVALID_PATCH)
    assert before == STREAM


def test_the_refusal_is_of_the_kind_that_was_asked_for() -> None:
    with pytest.raises(InvalidInput, match=r"^`strength` ") as caught:
        patched(RULE, {"strength": None}, INVALID_INPUT)
    assert caught.value.code == "invalid_input"
