"""A patch of a stream's settings is what a new stream could have had."""

from __future__ import annotations

from typing import Any

import pytest

from service.contracts.stream import StreamPatch, StreamSpec
from service.errors import InvalidInput
from service.streams.changes import changed, changes_of

SPEC = StreamSpec(name="yard", url="rtsp://camera/1", alerts_per_day=2)


@pytest.mark.parametrize(
    ("patch", "changes"),
    [
        ({}, {}),
        ({"name": "gate"}, {"name": "gate"}),
        ({"threshold": 0.7}, {"threshold": 0.7, "alerts_per_day": None}),
        ({"alerts_per_day": 3}, {"alerts_per_day": 3, "threshold": None}),
        ({"threshold": None}, {"threshold": None}),
        ({"threshold": None, "alerts_per_day": 3}, {"threshold": None, "alerts_per_day": 3}),
    ],
)
def test_one_threshold_takes_the_other_back(patch: dict[str, Any], changes: dict[str, object]) -> None:
    assert changes_of(StreamPatch(**patch)) == changes


def test_what_is_not_named_stays() -> None:
    spec = changed(SPEC, {"name": "gate"})
    assert spec == SPEC.model_copy(update={"name": "gate"})


def test_what_no_new_stream_could_have_is_refused() -> None:
    with pytest.raises(InvalidInput, match="got both") as caught:
        changed(SPEC, {"threshold": 0.5})
    assert caught.value.code == "invalid_patch"
    with pytest.raises(InvalidInput, match=r"^fps: "):
        changed(SPEC, {"fps": None})
