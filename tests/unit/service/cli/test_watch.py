"""What ``watchword watch`` says of frames, and when it tells of an event."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from models.observation import Motion
from service.cli import watch
from service.cli.console import console
from service.frames import Blindness, Sight
from service.pipeline.scored import ScoredFrame
from support.alerts import THRESHOLD, scored_frame


def blind(second: float, why: Blindness) -> ScoredFrame:
    frame = scored_frame(second, None)
    return replace(frame, source=replace(frame.source, sight=Sight(why, 3.0)))


def ghostly(second: float, surprise: float, *, recognised: bool = False) -> ScoredFrame:
    frame = scored_frame(second, surprise)
    frame = replace(frame, legend=replace(frame.legend, recognised=recognised))
    shape = (12, 16)
    motion = Motion(np.zeros((*shape, 2), np.float32), np.ones(shape, np.uint8), 0.1)
    return replace(frame, source=replace(frame.source, motion=motion, sight=Sight(settled=False)))


def line(frame: ScoredFrame, before: Sequence[float | None] = ()) -> str:
    return str(watch._line(frame, deque([*before, frame.score], maxlen=watch.HISTORY)))


@pytest.mark.parametrize(
    ("why", "words"), [(Blindness.BLACK, "black"), (Blindness.OUT_OF_FOCUS, "out of focus"), (None, None)]
)
def test_a_frame_without_a_score_shows_none(why: Blindness | None, words: str | None) -> None:
    said = line(scored_frame(1.0, None) if why is None else blind(1.0, why), [0.5])
    assert "0.00" not in said
    assert said.startswith("     1.00 s  no score" if words is None else f"     1.00 s  nothing to be seen: {words}")


def test_a_score_is_red_from_the_threshold_on_and_a_ghost_is_not() -> None:
    unusual = (scored_frame(1.0, THRESHOLD - 0.1), scored_frame(1.0, THRESHOLD), ghostly(1.0, 6.0))
    assert [watch._is_unusual(frame) for frame in unusual] == [False, True, False]
    assert "0.67 / 0.67" in line(unusual[1])


def test_what_a_detector_recognised_is_no_ghost() -> None:
    assert watch._is_unusual(ghostly(1.0, 6.0, recognised=True))


def shown(frames: Sequence[ScoredFrame]) -> str:
    with console.capture() as capture:
        watch._show(iter(frames))
    return capture.get()


def test_an_event_is_told_once_where_an_alert_would_open() -> None:
    seconds = [number / 10 for number in range(30)]
    told = shown([scored_frame(at, THRESHOLD if at >= 1 else 0.5) for at in seconds])
    assert told.count("Moving") + told.count("moving") == 1
    assert "30 frames scored, highest score 0.67" in told


@pytest.mark.parametrize("frames", [[ghostly(n / 10, 6.0) for n in range(30)], [scored_frame(1.0, 6.0)]])
def test_neither_ghosts_nor_a_glitch_are_events(frames: Sequence[ScoredFrame]) -> None:
    assert "oving" not in shown(frames)


def test_only_frames_with_a_score_are_counted() -> None:
    assert "1 frames scored" in shown([scored_frame(0.0, 1.0), blind(0.1, Blindness.BLACK)])
