from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest

from models.inputs import FrameWindow, Input
from service.contracts.stream import StreamState
from service.ingest.ingest import IngestStatus
from service.pipeline.stages import Stages
from service.streams.notes import source_notes


def notes(
    step: float | None, distrust: str | None = None, moved: str | None = None, **inputs: tuple[Input, ...]
) -> list[str]:
    status = IngestStatus(
        StreamState.LIVE, None, datetime.now(UTC), 160, 120, None, 0, 0, None, distrust=distrust, usual_step=step
    )
    heads: dict[str, Any] = {
        name: SimpleNamespace(head=SimpleNamespace(inputs=wanted)) for name, wanted in inputs.items()
    }
    return source_notes(status, cast("Stages", SimpleNamespace(heads=heads)), moved)


@pytest.mark.parametrize("step", [None, 0.04, 1.0, 1.5, 1.55])
def test_nothing_is_said_of_a_camera_that_sends_often_enough(step: float | None) -> None:
    assert notes(step, attributes=()) == []


def test_a_wrong_clock_is_named() -> None:
    assert notes(0.1, "do not change") == [
        "Its time stamps do not change, so its pictures are timed by their arrival.",
    ]


def test_a_camera_that_was_moved_is_to_learn_again() -> None:
    assert notes(0.1, moved="14:32") == [
        "The camera was moved at 14:32: what was learned here is of another view. Let it learn again, or turn it back."
    ]


def test_a_camera_that_is_too_slow_for_motion_is_named() -> None:
    (said,) = notes(2.0, attributes=())
    assert said.startswith("It sends a picture every 2.0 seconds")
    assert "at least every 1.5 seconds" in said


@pytest.mark.parametrize(("step", "interval", "told"), [(0.9, 0.1, False), (1.2, 0.1, True), (1.2, 1.0, False)])
def test_a_head_whose_windows_never_fill_is_named(step: float, interval: float, told: bool) -> None:
    said = notes(step, attributes=(), stpa=(FrameWindow((16, 16), 4, interval),))
    assert [sentence.startswith("stpa needs a picture every 1.0 seconds") for sentence in said] == [True] * told
