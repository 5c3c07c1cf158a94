from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from models.inputs import FrameWindow, Input, Keypoints, ObjectCrops, ObjectEmbedding, TrackCrops, Window
from models.observation import Objects, Observation

CROPS = ObjectCrops(64, 7, 0.1)
WINDOW = FrameWindow((48, 64), 16, 0.1, flow=True, stride=8)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"length": 0}, "a length from 1 to 64, got 0"),
        ({"length": 65}, "a length from 1 to 64, got 65"),
        ({"interval": 0.0}, "an interval above 0 and of at most 10 seconds, got 0.0"),
        ({"interval": float("nan")}, "an interval above 0 .*, got nan"),
        ({"interval": 11.0}, "of at most 10 seconds, got 11.0"),
        ({"size": 7}, "sides from 8 to 512 pixels, got 7"),
        ({"size": 513}, "sides from 8 to 512 pixels, got 513"),
        ({"size": 512, "length": 13}, "at most 3211264 pixels in all, got 3407872"),
        ({"channels": 4}, "crops of 1 or 3 channels, got 4"),
        ({"context": 0.9}, "a context from 1 to 4, got 0.9"),
    ],
)
def test_crops_are_bounded(fields: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ObjectCrops(**{"size": 64, "length": 7, "interval": 0.1, **fields})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"length": 65}, "a length from 1 to 64, got 65"),
        ({"interval": -1.0}, "an interval above 0"),
        ({"size": (48, 7)}, "sides from 8 to 512 pixels, got 7"),
        ({"size": (513, 48)}, "sides from 8 to 512 pixels, got 513"),
        ({"size": (512, 448), "length": 15}, "at most 3211264 pixels in all, got 3440640"),
        ({"length": 1, "flow": True}, "at least 2 frames for a flow, got 1"),
        ({"stride": 0}, "a stride from 1 to the 16 frames of the window, got 0"),
        ({"stride": 17}, "a stride from 1 to the 16 frames of the window, got 17"),
    ],
)
def test_windows_are_bounded(fields: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        FrameWindow(**{"size": (48, 64), "length": 16, "interval": 0.1, **fields})  # type: ignore[arg-type]


def test_equal_declarations_are_one_input() -> None:
    declared: list[Input] = [CROPS, WINDOW, ObjectCrops(64, 7, 0.1), FrameWindow((48, 64), 16, 0.1, True, 8)]
    assert list(dict.fromkeys(declared)) == [CROPS, WINDOW]
    assert FrameWindow((48, 64), 16, 0.1) != WINDOW


def test_a_window_knows_its_span() -> None:
    window = Window(np.zeros((3, 8, 8, 3), np.uint8), None, np.array([1.0, 1.1, 1.2]), 2)
    assert window.span == (1.0, 1.2)


def test_an_observation_gives_what_was_asked_for_and_nothing_else() -> None:
    crops = TrackCrops(np.zeros((0, 7, 64, 64, 3), np.uint8), np.zeros(0, np.bool_))
    embeddings, keypoints = np.zeros((0, 8), np.float32), np.zeros((0, 17, 3), np.float32)
    inputs: dict[Input, Any] = {
        CROPS: crops,
        WINDOW: None,
        ObjectEmbedding("words"): embeddings,
        Keypoints("pose"): keypoints,
    }
    image = np.zeros((48, 64, 3), np.uint8)
    observation = Observation(0.0, image, None, Objects.empty(("person",)), inputs=inputs)
    assert observation.crops(CROPS) is crops
    assert observation.window(WINDOW) is None
    assert observation.embeddings(ObjectEmbedding("words")) is embeddings
    assert observation.keypoints(Keypoints("pose")) is keypoints
    with pytest.raises(ValueError, match=r"expected ObjectEmbedding\(encoder='clip'\) among .*, got .*'words'"):
        observation.embeddings(ObjectEmbedding("clip"))
    with pytest.raises(ValueError, match="got nothing"):
        Observation(0.0, image, None, Objects.empty(("person",))).window(WINDOW)
