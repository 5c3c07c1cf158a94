"""Postures of real people, by MoveNet on crops: those of the room of falls, whose files' names say what is done."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import av
import numpy as np
import pytest

from models.packs import PackLibrary
from models.posture import ARMS_RAISED, LIKELY, LYING, POSTURES, UNLIKELY, skeleton_postures
from service.engine.pose import PoseEstimator, load_pose
from support.shared import SHARED, needs

FALLS = SHARED / "data" / "falls"
GRAPH = SHARED / "weights" / "movenet_lightning.onnx"
pytestmark = [pytest.mark.shared_data, needs(FALLS), needs(GRAPH)]


@pytest.fixture(scope="module")
def pose() -> Iterator[PoseEstimator]:
    with closing(load_pose(str(GRAPH), PackLibrary([]), threads=1)) as estimator:
        yield estimator


@pytest.mark.parametrize(
    ("clip", "box", "expected"),
    [
        ("a07_t1", (0.32, 0.32, 0.19, 0.66), "standing"),
        ("a08_t1", (0.30, 0.46, 0.23, 0.52), "sitting"),
        ("a10_t1", (0.22, 0.28, 0.17, 0.66), "standing"),
    ],
)
def test_what_files_say_is_what_skeletons_say(pose, clip, box, expected) -> None:
    with av.open(str(FALLS / f"{clip}.mp4")) as container:
        frame = next(frame for index, frame in enumerate(container.decode(video=0)) if index == 150)
    picture = frame.to_ndarray(format="bgr24")
    (found,) = pose.estimate([picture], [np.array([box], np.float32)])
    said = skeleton_postures(found.points[0], box, picture.shape[1] / picture.shape[0])
    assert POSTURES[int(said[: LYING + 1].argmax())] == expected
    assert said.max(initial=0.0, where=~np.isnan(said)) >= LIKELY
    assert said[LYING] <= UNLIKELY
    assert said[ARMS_RAISED] <= UNLIKELY
