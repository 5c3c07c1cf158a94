from __future__ import annotations

import gc
import weakref

import numpy as np

from models.inputs import FrameWindow, Window
from models.observation import Objects
from service.contracts.score import ScoreMessage
from service.contracts.stream import StreamState
from service.delivery.picture import LivePicture
from service.frames import Frame, PreparedFrame
from service.pipeline.scored import ScoredFrame, ScoredObjects
from service.presentation.message import score_message

WANTED = FrameWindow((16, 16), 2, 0.1)


def scored(window: Window) -> ScoredFrame:
    image = np.full((32, 32, 3), 90, np.uint8)
    frame = PreparedFrame("yard", 0, Frame(0, 0.0, 1.0, 0.0, image), None, {WANTED: window})
    return ScoredFrame(frame, ScoredObjects.unscored(Objects.empty(("person",)), None))


def message(frame: ScoredFrame) -> ScoreMessage:
    return score_message(frame, [], "yard", 7, StreamState.LIVE, 0.0, None)


def test_the_windows_that_heads_looked_at_are_not_kept() -> None:
    picture, window = LivePicture(), Window(np.zeros((2, 16, 16, 3), np.uint8), None, np.array([0.0, 0.1]), 1)
    frame, gone = scored(window), weakref.ref(window.frames)
    picture.show(frame, message(frame))
    del frame, window
    gc.collect()
    assert gone() is None
    shown = picture.get(overlay=True)
    assert (shown.seq, shown.captured_at, shown.jpeg[:2]) == (7, 1.0, b"\xff\xd8")
