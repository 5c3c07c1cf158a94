from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import cast

import numpy as np
import pytest

from models.inputs import Appearance, FrameWindow, Input, Keypoints, ObjectCrops, ObjectEmbedding, Window
from models.observation import Objects
from service.engine.encoder import JointEncoder
from service.errors import InvalidInput
from service.frames import PreparedFrame
from service.pipeline.inputs.gathering import Gathering, Networks
from service.pipeline.inputs.provider import Look
from support.colours import painted
from support.encoders import DIM, write_encoder

CROPS, WINDOW, COLOURS = ObjectCrops(16, 3, 0.1), FrameWindow((16, 16), 2, 0.1), ObjectEmbedding("colours")


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JointEncoder]:
    packs: Path = tmp_path_factory.mktemp("gathering") / "packs"
    with closing(JointEncoder(write_encoder(packs), threads=1)) as encoder:
        yield encoder


def look(colour: str, window: Window | None = None, track: int = 1) -> Look:
    """At a square of a colour that fills its box."""
    frame = painted(0, (0.1, 0.1, colour))
    box = np.array([[0.1, 0.1, 0.15, 0.2]], np.float32)
    square = Objects(box, np.ones(1, np.float32), np.zeros(1, np.int32), np.array([track]), ("square",))
    with_window = PreparedFrame(frame.stream_id, 0, frame.frame, frame.motion, {WINDOW: window})
    return Look.at(with_window, square)


def test_equal_inputs_are_gathered_once() -> None:
    gathering = Gathering([CROPS, WINDOW, ObjectCrops(16, 3, 0.1), CROPS], Networks())
    assert list(gathering.buffers()) == [CROPS, WINDOW]
    assert gathering.windows == (WINDOW,)


def test_every_input_of_every_stream_comes_with_its_own_frame(encoder: JointEncoder) -> None:
    gathering = Gathering([CROPS, WINDOW, COLOURS], Networks({"colours": encoder}))
    window = Window(np.zeros((2, 16, 16, 3), np.uint8), None, np.array([0.0, 0.1]), 1)
    red, blue = gathering.gather(
        [(gathering.buffers(), look("red", window)), (gathering.buffers(), look("blue", track=5))]
    )
    assert red.keys() == blue.keys() == {CROPS, WINDOW, COLOURS}
    assert (red[WINDOW], blue[WINDOW]) == (window, None)
    assert red[CROPS].crops[0, 0, 8, 8].tolist() == [0, 0, 255]
    assert blue[CROPS].crops[0, 0, 8, 8].tolist() == [255, 0, 0]
    assert red[COLOURS].shape == (1, DIM)
    words = encoder.embed_texts(["blue", "red"])
    assert (np.concatenate([red[COLOURS], blue[COLOURS]]) @ words.T).argmax(axis=1).tolist() == [1, 0]


def test_without_inputs_there_is_nothing_to_gather() -> None:
    gathering = Gathering([], Networks())
    assert gathering.buffers() == {}
    assert gathering.gather([({}, look("red")), ({}, look("blue"))]) == [{}, {}]


def test_what_cannot_be_gathered_is_refused_before_anything_runs(encoder: JointEncoder) -> None:
    with pytest.raises(InvalidInput, match="expected encoder words, which the heads need, got colours") as missing:
        Gathering([ObjectEmbedding("words")], Networks({"colours": encoder}))
    assert missing.value.code == "encoder_needed"
    with pytest.raises(InvalidInput, match="expected pose movenet, which the heads need, got none") as no_pose:
        Gathering([Keypoints("movenet")], Networks())
    assert no_pose.value.code == "pose_needed"
    with pytest.raises(InvalidInput, match="expected appearance osnet, which the heads need, got none") as no_network:
        Gathering([Appearance("osnet")], Networks())
    assert no_network.value.code == "appearance_needed"
    with pytest.raises(InvalidInput, match="expected an input that this version gathers, got a depth") as unknown:
        Gathering([cast(Input, "a depth")], Networks())
    assert unknown.value.code == "input_unknown"


def test_what_a_stream_has_no_network_for_is_none() -> None:
    gathering = Gathering([Keypoints(), Appearance()], Networks())
    buffers = gathering.buffers()
    assert gathering.gather([(buffers, look("red"))]) == [{Keypoints(): None, Appearance(): None}]
