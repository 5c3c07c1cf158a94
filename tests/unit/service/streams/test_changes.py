"""What a patch of a stream's settings changes."""

from __future__ import annotations

from typing import Any

import pytest

from service.contracts.stream import StreamPatch
from service.streams.changes import changes_of


@pytest.mark.parametrize(
    ("patch", "changes"),
    [
        ({}, {}),
        ({"name": "gate"}, {"name": "gate"}),
        ({"credentials": {"user": "me", "password": "secret"}}, {}),
        ({"threshold": 0.7}, {"threshold": 0.7, "alerts_per_day": None}),
        ({"alerts_per_day": 3}, {"alerts_per_day": 3, "threshold": None}),
        ({"threshold": None}, {"threshold": None}),
        ({"threshold": None, "alerts_per_day": 3}, {"threshold": None, "alerts_per_day": 3}),
    ],
)
def test_one_threshold_takes_the_other_back(patch: dict[str, Any], changes: dict[str, object]) -> None:
    assert changes_of(StreamPatch(**patch)) == changes
